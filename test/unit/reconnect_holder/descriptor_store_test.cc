// systemd's descriptor store, with a service manager made here.
#include "reconnect/holder/descriptor_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "fake_manager.h"
#include "reconnect/holder/inherited.h"

namespace fuse3::reconnect::test {
namespace {

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/fuse-store-test-XXXXXX";
    path_ = mkdtemp(path);
    directory_.reset(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (UniqueFd* file : {&state_, &device_, &clone_}) {
      const std::string name = path_ + (file == &state_ ? "/7.state" : "/device");
      file->reset(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    }
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string address() const { return path_ + "/notify"; }
  HolderSetup setup() const {
    HolderSetup setup;
    setup.runtime_dir_fd = directory_.get();
    setup.connection = 7;
    setup.ordinal = 2;
    setup.state_fd = state_.get();
    setup.devices = {device_.get()};
    return setup;
  }
  Result<std::unique_ptr<Holder>> start() {
    auto socket = NotifySocket::open(address());
    if (!socket) return socket.as_error();
    return DescriptorStore::start(std::move(*socket), setup(), 0xabc);
  }
  bool has_state() const { return std::filesystem::exists(path_ + "/7.state"); }

  std::string path_;
  UniqueFd directory_, state_, device_, clone_;
};

const std::vector<std::string> kBoth = {"fuse-reattach-7-2-0000000000000abc-state",
                                        "fuse-reattach-7-2-0000000000000abc-device0"};

TEST_F(Store, HasAllBeforeStartReturnsAndNothingAfterGoodbye) {
  FakeManager manager(address());
  manager.run();
  auto store = start();
  ASSERT_TRUE(store);
  EXPECT_EQ(kBoth, manager.names());
  ASSERT_TRUE((*store)->add_device(1, clone_.get()));
  ASSERT_EQ(3u, manager.names().size());
  EXPECT_EQ("fuse-reattach-7-2-0000000000000abc-device1", manager.names()[2]);
  EXPECT_TRUE((*store)->goodbye());
  EXPECT_TRUE(manager.names().empty());
  EXPECT_FALSE(has_state());
}

// Nobody may wait on the device: each request would wake him.
TEST_F(Store, AsksNotToPoll) {
  FakeManager manager(address());
  manager.run();
  auto store = start();
  ASSERT_TRUE(store);
  for (const std::string& text : manager.messages()) {
    if (text.find("FDSTORE=1") == std::string::npos || text.ends_with("probe")) continue;
    EXPECT_NE(std::string::npos, text.find("FDPOLL=0")) << text;
  }
}

TEST_F(Store, ThatTakesTooLittleIsLeftEmpty) {
  for (const size_t room : {0, 1}) {
    FakeManager manager(address(), room);
    manager.run();
    EXPECT_EQ(EXFULL, start().error());
    EXPECT_TRUE(manager.names().empty());
  }
  EXPECT_TRUE(has_state());
}

TEST_F(Store, RefusesADeviceThatItHasNoRoomFor) {
  FakeManager manager(address(), 2);
  manager.run();
  auto store = start();
  ASSERT_TRUE(store);
  EXPECT_EQ(EXFULL, (*store)->add_device(1, clone_.get()).error());
  EXPECT_EQ(kBoth, manager.names());
}

TEST_F(Store, LeavesTheStateOfAnotherMountWithItsNumber) {
  FakeManager manager(address());
  manager.run();
  auto store = start();
  ASSERT_TRUE(store);
  std::filesystem::remove(path_ + "/7.state");
  std::ofstream(path_ + "/7.state") << "another's";
  EXPECT_TRUE((*store)->goodbye());
  EXPECT_TRUE(has_state());
}

TEST_F(Store, PassesOnWhatASuccessorFinds) {
  FakeManager manager(address());
  manager.run();
  auto store = start();
  ASSERT_TRUE(store);
  // Between somebody else's, at numbers in a row.
  auto passed = manager.pass_on();
  passed.insert(passed.begin() + 1, {"socket", open("/dev/zero", O_RDONLY)});
  constexpr int kFirst = 500;
  std::string names;
  for (size_t i = 0; i < passed.size(); ++i) {
    dup2(passed[i].second, kFirst + static_cast<int>(i));
    close(passed[i].second);
    names += (i == 0 ? "" : ":") + passed[i].first;
  }
  const auto mounts = collect_inherited(kFirst, names);
  ASSERT_EQ(1u, mounts.size());
  EXPECT_EQ((StoredMountKey{7, 2, 0xabc}), mounts[0].key);
  ASSERT_EQ(1u, mounts[0].devices.size());
  struct stat own {
  }, got{};
  fstat(state_.get(), &own);
  fstat(mounts[0].state.get(), &got);
  EXPECT_EQ(own.st_ino, got.st_ino);
  fstat(device_.get(), &own);
  fstat(mounts[0].devices[0].get(), &got);
  EXPECT_EQ(own.st_ino, got.st_ino);
  EXPECT_TRUE(fcntl(mounts[0].state.get(), F_GETFD) & FD_CLOEXEC);
  // The numbers can still be looked at; the one in the middle is as it was.
  for (const auto& [number, minor_number] : {std::pair{500, 3u}, {501, 5u}, {502, 3u}}) {
    ASSERT_EQ(0, fstat(number, &got));
    EXPECT_EQ(makedev(1, minor_number), got.st_rdev) << number;
    close(number);
  }
}

TEST(StoredName, IsReadAsItWasWritten) {
  using Role = StoredName::Role;
  const StoredMountKey key{4294967295u, 12, 0xffffffffffffffff};
  for (const StoredName& name :
       {StoredName{key, Role::state, 0}, StoredName{key, Role::auto_unmount, 0},
        StoredName{key, Role::probe, 0}, StoredName{key, Role::device, 255}}) {
    const auto read = StoredName::parse(name.text());
    ASSERT_TRUE(read) << name.text();
    EXPECT_EQ(name.mount, read->mount);
    EXPECT_EQ(name.role, read->role);
    EXPECT_EQ(name.device, read->device);
  }
}

TEST(StoredName, OfOthersAreNone) {
  for (const char* text :
       {"", "stored", "fuse-reattach", "fuse-reattach-1-2", "fuse-reattach-1-2-3-",
        "fuse-reattach-1-1-00000000000000ff-device", "fuse-reattach-1-1-00000000000000ff-device256",
        "fuse-reattach-1-1-00000000000000ff-device1x",
        "fuse-reattach-1-1-00000000000000ff-device-1",
        "fuse-reattach-1-1-00000000000000ff-statement"}) {
    EXPECT_FALSE(StoredName::parse(text)) << text;
  }
  EXPECT_FALSE(StoredName::parse("fuse-reattach-" + std::string(300, '1')));
}

TEST(NotifySocket, SendsToPathsAndAbstractNames) {
  for (const std::string& address : {"/tmp/fuse-notify-test-" + std::to_string(getpid()),
                                     "@fuse-notify-test-" + std::to_string(getpid())}) {
    FakeManager manager(address);
    const auto socket = NotifySocket::open(address);
    ASSERT_TRUE(socket) << address;
    EXPECT_TRUE(socket->send("READY=1\nSTATUS=serving"));
    // Nobody has read it yet.
    EXPECT_EQ(ETIMEDOUT, socket->barrier(10).error());
    manager.run();
    EXPECT_TRUE(socket->barrier());
    ASSERT_FALSE(manager.messages().empty());
    EXPECT_EQ("READY=1\nSTATUS=serving", manager.messages()[0]);
  }
}

TEST(NotifySocket, OtherAddressesAreRefused) {
  for (const char* address : {"", "@", "relative", "vsock:2:1234"}) {
    EXPECT_EQ(EAFNOSUPPORT, NotifySocket::open(address).error()) << address;
  }
  EXPECT_EQ(ENAMETOOLONG, NotifySocket::open("/" + std::string(200, 'x')).error());
  EXPECT_EQ(ENOENT, NotifySocket::open("/nobody/has/this").error());
}

}  // namespace
}  // namespace fuse3::reconnect::test
