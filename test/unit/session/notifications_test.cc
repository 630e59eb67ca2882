// What is told to the kernel unasked.
#include <gtest/gtest.h>

#include "lowlevel/notifications.h"
#include "world.h"

namespace fuse3::test {
namespace {

using namespace std::string_view_literals;
using wire::NotifyCode;
using wire::Opcode;

class SessionNotify : public testing::Test {
 protected:
  void expect(NotifyCode code, const Bytes& payload) {
    const auto sent = world.kernel.notification();
    ASSERT_TRUE(sent.has_value());
    EXPECT_EQ(code, sent->code);
    EXPECT_EQ(payload, sent->payload);
    EXPECT_FALSE(world.kernel.notification().has_value());
  }
  World world{Handlers{
      .poll =
          [this](fuse_req_t req, fuse_ino_t, fuse_file_info*, fuse_pollhandle* handle) {
            poll_handle = handle;
            fuse_reply_poll(req, 0);
          },
      .retrieve_reply =
          [this](fuse_req_t req, void* cookie, fuse_ino_t ino, off_t offset, fuse_bufvec* data) {
            retrieved_cookie = cookie;
            retrieved_ino = ino;
            retrieved_offset = offset;
            retrieved.assign(static_cast<char*>(data->buf[0].mem), fuse_buf_size(data));
            fuse_reply_none(req);
          }}};
  fuse_pollhandle* poll_handle = nullptr;
  void* retrieved_cookie = nullptr;
  fuse_ino_t retrieved_ino = 0;
  off_t retrieved_offset = 0;
  std::string retrieved;
};

TEST_F(SessionNotify, Poll) {
  world.init();
  world.call(Opcode::poll, 1, body(wire::PollIn{1, 0x1234567890, 1, 5}));
  ASSERT_NE(nullptr, poll_handle);
  EXPECT_EQ(0, fuse_lowlevel_notify_poll(poll_handle));
  expect(NotifyCode::poll, body(wire::NotifyPollOut{0x1234567890}));
  fuse_pollhandle_destroy(poll_handle);
  fuse_pollhandle_destroy(nullptr);
  EXPECT_EQ(0, fuse_lowlevel_notify_poll(nullptr));
}

TEST_F(SessionNotify, InvalidInode) {
  world.init();
  EXPECT_EQ(0, fuse_lowlevel_notify_inval_inode(world.session, 7, -1, 99));
  expect(NotifyCode::inval_inode, body(wire::NotifyInvalInodeOut{7, -1, 99}));
}

TEST_F(SessionNotify, InvalidEntry) {
  world.init();
  EXPECT_EQ(0, fuse_lowlevel_notify_inval_entry(world.session, 7, "name, cut", 4));
  expect(NotifyCode::inval_entry, body(wire::NotifyInvalEntryOut{7, 4, 0}, "name"));
  EXPECT_EQ(0, fuse_lowlevel_notify_expire_entry(world.session, 7, "name", 4));
  expect(NotifyCode::inval_entry,
         body(wire::NotifyInvalEntryOut{7, 4, wire::inval_entry_flag::expire_only}, "name"));
  const std::string longest(1024, 'n');
  EXPECT_EQ(0, fuse_lowlevel_notify_inval_entry(world.session, 7, longest.c_str(), 1024));
  expect(NotifyCode::inval_entry, body(wire::NotifyInvalEntryOut{7, 1024, 0}, longest.c_str()));
  EXPECT_EQ(-ENAMETOOLONG,
            fuse_lowlevel_notify_inval_entry(world.session, 7, longest.c_str(), 1025));
}

TEST_F(SessionNotify, Delete) {
  world.init();
  EXPECT_EQ(0, fuse_lowlevel_notify_delete(world.session, 7, 8, "name", 4));
  expect(NotifyCode::delete_entry, body(wire::NotifyDeleteOut{7, 8, 4, 0}, "name"));
}

TEST_F(SessionNotify, Store) {
  world.init();
  char text[] = "contents";
  fuse_bufvec data = FUSE_BUFVEC_INIT(8);
  data.buf[0].mem = text;
  EXPECT_EQ(0, fuse_lowlevel_notify_store(world.session, 7, 4096, &data, fuse_buf_copy_flags{}));
  expect(NotifyCode::store, body(wire::NotifyStoreOut{7, 4096, 8, 0}, "contents"sv));
  fuse_bufvec nothing = FUSE_BUFVEC_INIT(0);
  EXPECT_EQ(0, fuse_lowlevel_notify_store(world.session, 7, 0, &nothing, fuse_buf_copy_flags{}));
  expect(NotifyCode::store, body(wire::NotifyStoreOut{7, 0, 0, 0}));
}

TEST_F(SessionNotify, EpochAndResend) {
  world.init();
  EXPECT_EQ(0, fuse_lowlevel_notify_increment_epoch(world.session));
  expect(NotifyCode::inc_epoch, {});
  EXPECT_EQ(0, notify_resend(*world.session));
  expect(NotifyCode::resend, {});
}

TEST_F(SessionNotify, AnOldKernelDoesNotKnowAll) {
  world.init(12, 0);
  fuse_bufvec nothing = FUSE_BUFVEC_INIT(0);
  EXPECT_EQ(-ENOSYS, fuse_lowlevel_notify_increment_epoch(world.session));
  EXPECT_EQ(-ENOSYS, fuse_lowlevel_notify_delete(world.session, 7, 8, "name", 4));
  EXPECT_EQ(-ENOSYS, fuse_lowlevel_notify_expire_entry(world.session, 7, "name", 4));
  EXPECT_EQ(-ENOSYS, fuse_lowlevel_notify_store(world.session, 7, 0, &nothing, {}));
  EXPECT_EQ(-ENOSYS, fuse_lowlevel_notify_retrieve(world.session, 7, 1, 0, nullptr));
  EXPECT_FALSE(world.kernel.notification().has_value());
  EXPECT_EQ(0, fuse_lowlevel_notify_inval_inode(world.session, 7, 0, 0));
}

TEST_F(SessionNotify, NothingCanBeToldWithoutASession) {
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_inval_inode(nullptr, 1, 0, 0));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_inval_entry(nullptr, 1, "n", 1));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_expire_entry(nullptr, 1, "n", 1));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_delete(nullptr, 1, 2, "n", 1));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_store(nullptr, 1, 0, nullptr, {}));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_store(world.session, 1, 0, nullptr, {}));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_retrieve(nullptr, 1, 1, 0, nullptr));
  EXPECT_EQ(-EINVAL, fuse_lowlevel_notify_increment_epoch(nullptr));
}

TEST_F(SessionNotify, TheKernelsErrorComesBack) {
  world.init();
  world.kernel.fail_writes(ENOENT);
  EXPECT_EQ(-ENOENT, fuse_lowlevel_notify_inval_inode(world.session, 7, 0, 0));
  EXPECT_EQ(-ENOENT, fuse_lowlevel_notify_retrieve(world.session, 7, 1, 0, nullptr));
}

uint64_t unique_of(const Notification& retrieve) {
  wire::NotifyRetrieveOut out;
  std::memcpy(&out, retrieve.payload.data(), sizeof out);
  return out.notify_unique;
}

TEST_F(SessionNotify, Retrieve) {
  world.init();
  int cookies[2];
  ASSERT_EQ(0, fuse_lowlevel_notify_retrieve(world.session, 7, 100, 4096, &cookies[0]));
  ASSERT_EQ(0, fuse_lowlevel_notify_retrieve(world.session, 8, 200, 0, &cookies[1]));
  const auto first = world.kernel.notification();
  const auto second = world.kernel.notification();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(NotifyCode::retrieve, first->code);
  const uint64_t unique = unique_of(*first);
  EXPECT_EQ(body(wire::NotifyRetrieveOut{unique, 7, 4096, 100, 0}), first->payload);
  EXPECT_NE(unique, unique_of(*second));

  // Answered the other way round, the first with less than asked for.
  world.kernel.submit_notify_reply(unique_of(*second), 8,
                                   body(wire::NotifyRetrieveIn{0, 0, 3, 0, 0, 0}, "abc"sv));
  world.pump();
  EXPECT_EQ(&cookies[1], retrieved_cookie);
  EXPECT_EQ(8u, retrieved_ino);
  EXPECT_EQ("abc", retrieved);
  world.kernel.submit_notify_reply(unique, 7, body(wire::NotifyRetrieveIn{0, 4096, 0, 0, 0, 0}));
  world.pump();
  EXPECT_EQ(&cookies[0], retrieved_cookie);
  EXPECT_EQ(7u, retrieved_ino);
  EXPECT_EQ(4096, retrieved_offset);
  EXPECT_EQ("", retrieved);

  // An answer comes once.
  retrieved_cookie = nullptr;
  world.kernel.submit_notify_reply(unique, 7, body(wire::NotifyRetrieveIn{0, 4096, 0, 0, 0, 0}));
  world.pump();
  EXPECT_EQ(nullptr, retrieved_cookie);
}

TEST_F(SessionNotify, ATruncatedRetrievalIsDropped) {
  world.init();
  int cookie = 0;
  ASSERT_EQ(0, fuse_lowlevel_notify_retrieve(world.session, 7, 100, 4096, &cookie));
  const uint64_t unique = unique_of(*world.kernel.notification());
  world.kernel.submit_notify_reply(unique, 7,
                                   body(wire::NotifyRetrieveIn{0, 0, 4, 0, 0, 0}, "abc"sv));
  world.pump();
  EXPECT_EQ(nullptr, retrieved_cookie);
}

}  // namespace
}  // namespace fuse3::test
