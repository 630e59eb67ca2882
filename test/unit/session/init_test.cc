// What session and kernel agree on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "lowlevel/negotiate.h"
#include "reconnect/holder/kernel_holder.h"
#include "world.h"

namespace fuse3::test {
namespace {

namespace flag = wire::init_flag;
using wire::InitOut;
using wire::Opcode;

uint32_t page() {
  return static_cast<uint32_t>(::sysconf(_SC_PAGESIZE));
}

uint32_t largest_write() {
  return static_cast<uint32_t>(max_pages_limit()) * page();
}

// The connection as init() saw it.
struct Offered {
  fuse_conn_info conn{};
  InitOut out{};
  size_t size = 0;
};

Offered negotiate_with(uint32_t minor, uint64_t flags, Handlers handlers = {}) {
  Offered offered;
  const auto change = handlers.init;
  handlers.init = [&offered, change](fuse_conn_info& conn) {
    offered.conn = conn;
    if (change) change(conn);
  };
  World world(handlers);
  const Answer answer = world.init(minor, flags);
  EXPECT_EQ(0, answer.error);
  offered.out = answer.as<InitOut>();
  offered.size = answer.payload.size();
  return offered;
}

TEST(SessionInit, TheReplyIsAsLongAsTheKernelsVersionHasIt) {
  const uint64_t old_flags = kEveryFlag & 0xfff & ~flag::max_pages & ~flag::init_ext;
  EXPECT_EQ(24u, negotiate_with(12, old_flags).size);
  EXPECT_EQ(24u, negotiate_with(22, old_flags).size);
  for (const uint32_t minor : {23u, 31u, 35u, 36u, 40u, 45u, 46u, 99u}) {
    EXPECT_EQ(64u, negotiate_with(minor, kEveryFlag & 0x3fffffff).size) << minor;
  }
}

InitOut reply_with_successor(uint64_t offered, std::optional<uint32_t> timeout) {
  World world;
  world.session->successor_timeout = timeout;
  const Answer answer = world.init(wire::kMinor, offered);
  EXPECT_EQ(0, answer.error);
  return answer.as<InitOut>();
}

TEST(SessionInit, AKernelThatCanIsAskedToWaitForASuccessor) {
  const InitOut asked = reply_with_successor(kEveryFlag | flag::successor, 17);
  EXPECT_NE(0u, flags_of(asked) & flag::successor);
  EXPECT_EQ(17u, asked.successor_timeout);
  const auto* bytes = reinterpret_cast<const std::byte*>(&asked);
  EXPECT_TRUE(reconnect::asks_kernel_to_wait({bytes, sizeof asked}));
  EXPECT_FALSE(reconnect::asks_kernel_to_wait({bytes, sizeof asked - 1}));
  for (const InitOut& out : {reply_with_successor(kEveryFlag, 17),
                             reply_with_successor(kEveryFlag | flag::successor, std::nullopt)}) {
    EXPECT_EQ(0u, flags_of(out) & flag::successor);
    EXPECT_EQ(0u, out.successor_timeout);
    const auto* without = reinterpret_cast<const std::byte*>(&out);
    EXPECT_FALSE(reconnect::asks_kernel_to_wait({without, sizeof out}));
  }
}

TEST(SessionInit, WhoWantsTheKernelAloneNeedsOneThatCan) {
  LogCapture log;
  World world({}, {.arguments = {"-o", "reattach_holder=kernel"}});
  world.session->successor_timeout = 17;
  EXPECT_NE(0, world.init(wire::kMinor, kEveryFlag).error);
  EXPECT_TRUE(LogCapture::has("reattach_holder=kernel"));
}

TEST(SessionInit, OnlyADeviceOfAKernelThatCanSaysSo) {
  const UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(reconnect::kernel_keeps_connections(null_device.get()));
}

TEST(SessionInit, TheReplyNamesTheLibrarysVersion) {
  for (const uint32_t minor : {12u, 31u, 45u, 99u}) {
    const Offered offered = negotiate_with(minor, kEveryFlag & 0x3fffffff);
    EXPECT_EQ(wire::kMajor, offered.out.major);
    EXPECT_EQ(wire::kMinor, offered.out.minor);
    EXPECT_EQ(7u, offered.conn.proto_major);
    EXPECT_EQ(minor, offered.conn.proto_minor);
  }
}

TEST(SessionInit, AnotherMajorVersionIsAnsweredWithOurs) {
  bool asked = false;
  World world({.init = [&](fuse_conn_info&) { asked = true; }});
  const Answer answer = world.init(1, kEveryFlag, 8);
  ASSERT_EQ(0, answer.error);
  EXPECT_EQ(wire::kMajor, answer.as<InitOut>().major);
  EXPECT_FALSE(asked);
  EXPECT_EQ(0, world.init().error);
  EXPECT_TRUE(asked);
}

TEST(SessionInit, WhatIsTooOldIsRefused) {
  LogCapture log;
  for (const auto& [major, minor] : {std::pair{6u, 1u}, {7u, 11u}, {7u, 0u}}) {
    World world;
    EXPECT_EQ(-EPROTO, world.init(minor, 0, major).error) << major << '.' << minor;
    EXPECT_NE(0, fuse_session_exited(world.session));
  }
}

TEST(SessionInit, ARefusedConnectionEndsTheLoop) {
  LogCapture log;
  World world;
  world.serve_alone();
  EXPECT_EQ(-EPROTO, world.init(3, 0).error);
  EXPECT_EQ(-EPROTO, world.join());
}

TEST(SessionInit, DefaultsAreWantedWhereTheyAreOffered) {
  const uint64_t expected = FUSE_CAP_ASYNC_READ | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_ASYNC_DIO |
                            FUSE_CAP_IOCTL_DIR | FUSE_CAP_ATOMIC_O_TRUNC |
                            FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_HANDLE_KILLPRIV;
  const Offered all = negotiate_with(45, kEveryFlag);
  EXPECT_EQ(expected, all.conn.want_ext);
  EXPECT_EQ(static_cast<uint32_t>(expected), all.conn.want);
  EXPECT_EQ(flag::async_read | flag::auto_inval_data | flag::async_dio | flag::has_ioctl_dir |
                flag::atomic_o_trunc | flag::parallel_dirops | flag::handle_killpriv |
                flag::big_writes | flag::max_pages | flag::init_ext,
            flags_of(all.out));
  const Offered little = negotiate_with(45, flag::async_read);
  EXPECT_EQ(FUSE_CAP_ASYNC_READ, little.conn.want_ext);
  EXPECT_EQ(flag::async_read | flag::big_writes, flags_of(little.out));
}

TEST(SessionInit, OperationsMakeCapabilitiesWanted) {
  Handlers handlers;
  handlers.getlk = [](auto...) {};
  EXPECT_EQ(0u, negotiate_with(45, kEveryFlag, handlers).conn.want & FUSE_CAP_POSIX_LOCKS);
  handlers.setlk = [](auto...) {};
  handlers.flock = [](auto...) {};
  handlers.write_buf = [](auto...) {};
  const uint64_t wants = negotiate_with(45, kEveryFlag, handlers).conn.want_ext;
  EXPECT_TRUE(wants & FUSE_CAP_POSIX_LOCKS);
  EXPECT_TRUE(wants & FUSE_CAP_FLOCK_LOCKS);
  EXPECT_TRUE(wants & FUSE_CAP_SPLICE_READ);
  EXPECT_FALSE(wants & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE));
}

TEST(SessionInit, ReaddirplusFollowsTheOperations) {
  constexpr uint64_t both = FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO;
  Handlers handlers;
  handlers.readdir = [](auto...) {};
  EXPECT_EQ(0u, negotiate_with(45, kEveryFlag, handlers).conn.want_ext & both);
  handlers.readdirplus = [](auto...) {};
  EXPECT_EQ(both, negotiate_with(45, kEveryFlag, handlers).conn.want_ext & both);
  handlers.readdir = nullptr;
  EXPECT_EQ(FUSE_CAP_READDIRPLUS, negotiate_with(45, kEveryFlag, handlers).conn.want_ext & both);
  const uint64_t without = kEveryFlag & ~flag::do_readdirplus & ~flag::readdirplus_auto;
  EXPECT_EQ(0u, negotiate_with(45, without, handlers).conn.want_ext & both);

  handlers.readdir = [](auto...) {};
  handlers.init = [](fuse_conn_info& conn) {
    fuse_unset_feature_flag(&conn, FUSE_CAP_READDIRPLUS);
  };
  const uint64_t agreed = flags_of(negotiate_with(45, kEveryFlag, handlers).out);
  EXPECT_EQ(0u, agreed & (flag::do_readdirplus | flag::readdirplus_auto));
  handlers.init = [](fuse_conn_info& conn) {
    fuse_unset_feature_flag(&conn, FUSE_CAP_READDIRPLUS_AUTO);
  };
  EXPECT_EQ(flag::do_readdirplus, flags_of(negotiate_with(45, kEveryFlag, handlers).out) &
                                      (flag::do_readdirplus | flag::readdirplus_auto));
}

TEST(SessionInit, CapableTellsWhatTheKernelOffers) {
  const Offered all = negotiate_with(45, kEveryFlag);
  EXPECT_TRUE(all.conn.capable_ext & FUSE_CAP_PASSTHROUGH);
  EXPECT_TRUE(all.conn.capable_ext & FUSE_CAP_EXPIRE_ONLY);
  EXPECT_TRUE(all.conn.capable_ext & FUSE_CAP_NO_OPENDIR_SUPPORT);
  EXPECT_EQ(static_cast<uint32_t>(all.conn.capable_ext), all.conn.capable);
  const Offered none = negotiate_with(45, 0);
  EXPECT_EQ(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE,
            none.conn.capable_ext);
}

TEST(SessionInit, TheUpperHalfCountsOnlyWhereItIsSaidToBeThere) {
  const uint64_t flags = (kEveryFlag & ~flag::init_ext) | flag::passthrough;
  EXPECT_FALSE(negotiate_with(45, flags).conn.capable_ext & FUSE_CAP_PASSTHROUGH);
}

TEST(SessionInit, WantAndWantExtAreBothHeard) {
  const auto agreed = [](std::function<void(fuse_conn_info&)> init) {
    return flags_of(negotiate_with(45, kEveryFlag, {.init = std::move(init)}).out);
  };
  EXPECT_TRUE(flag::writeback_cache &
              agreed([](fuse_conn_info& conn) { conn.want |= FUSE_CAP_WRITEBACK_CACHE; }));
  EXPECT_TRUE(flag::writeback_cache &
              agreed([](fuse_conn_info& conn) { conn.want_ext |= FUSE_CAP_WRITEBACK_CACHE; }));
  EXPECT_FALSE(flag::async_read &
               agreed([](fuse_conn_info& conn) { conn.want &= ~FUSE_CAP_ASYNC_READ; }));
  EXPECT_FALSE(flag::async_read &
               agreed([](fuse_conn_info& conn) { conn.want_ext &= ~FUSE_CAP_ASYNC_READ; }));
  EXPECT_TRUE(flag::posix_acl & agreed([](fuse_conn_info& conn) {
                EXPECT_TRUE(fuse_set_feature_flag(&conn, FUSE_CAP_POSIX_ACL));
              }));
}

TEST(SessionInit, AContradictionIsRefused) {
  LogCapture log;
  World world({.init = [](fuse_conn_info& conn) {
    conn.want |= FUSE_CAP_WRITEBACK_CACHE;
    conn.want_ext |= FUSE_CAP_POSIX_ACL;
  }});
  EXPECT_EQ(-EPROTO, world.init().error);
}

TEST(SessionInit, WhatIsNotOfferedCannotBeWanted) {
  LogCapture log;
  World world({.init = [](fuse_conn_info& conn) {
    EXPECT_FALSE(fuse_set_feature_flag(&conn, FUSE_CAP_WRITEBACK_CACHE));
    conn.want_ext |= FUSE_CAP_WRITEBACK_CACHE;
  }});
  EXPECT_EQ(-EPROTO, world.init(45, flag::async_read).error);
  EXPECT_TRUE(LogCapture::has("FUSE_CAP_WRITEBACK_CACHE"));
}

TEST(SessionInit, LimitsAreOfferedAndCut) {
  const Offered all = negotiate_with(45, kEveryFlag);
  EXPECT_EQ(largest_write(), all.conn.max_write);
  EXPECT_EQ(131072u, all.conn.max_readahead);
  EXPECT_EQ(1u, all.conn.time_gran);
  EXPECT_EQ(largest_write(), all.out.max_write);
  EXPECT_EQ(max_pages_limit(), all.out.max_pages);

  const Offered old = negotiate_with(27, kEveryFlag & ~flag::max_pages & ~flag::init_ext);
  EXPECT_EQ(32 * page(), old.conn.max_write);
  EXPECT_EQ(32 * page(), old.out.max_write);
  EXPECT_EQ(0u, old.out.max_pages);

  const Offered greedy = negotiate_with(45, kEveryFlag, {.init = [](fuse_conn_info& conn) {
                                          conn.max_write = UINT32_MAX;
                                          conn.max_readahead = UINT32_MAX;
                                          conn.max_background = UINT32_MAX;
                                        }});
  EXPECT_EQ(largest_write(), greedy.out.max_write);
  EXPECT_EQ(131072u, greedy.out.max_readahead);
  EXPECT_EQ(UINT16_MAX, greedy.out.max_background);
  EXPECT_EQ(UINT16_MAX * 3u / 4, greedy.out.congestion_threshold);
}

TEST(SessionInit, SmallerLimitsAreTaken) {
  const Offered modest = negotiate_with(45, kEveryFlag, {.init = [](fuse_conn_info& conn) {
                                          conn.max_write = page() + 1;
                                          conn.max_readahead = 4096;
                                          conn.max_background = 40;
                                          conn.congestion_threshold = 77;
                                          conn.time_gran = 1000;
                                          conn.request_timeout = 25;
                                        }});
  EXPECT_EQ(page() + 1, modest.out.max_write);
  EXPECT_EQ(2u, modest.out.max_pages);
  EXPECT_EQ(4096u, modest.out.max_readahead);
  EXPECT_EQ(40u, modest.out.max_background);
  EXPECT_EQ(40u, modest.out.congestion_threshold);
  EXPECT_EQ(1000u, modest.out.time_gran);
  EXPECT_EQ(25u, modest.out.request_timeout);
  EXPECT_TRUE(flags_of(modest.out) & flag::request_timeout);

  const Offered tiny =
      negotiate_with(45, kEveryFlag, {.init = [](fuse_conn_info& conn) { conn.max_write = 1; }});
  EXPECT_EQ(page(), tiny.out.max_write);
}

uint32_t stack_depth_for(uint32_t backing_depth) {
  return negotiate_with(45, kEveryFlag, {.init = [=](fuse_conn_info& conn) {
                          fuse_set_feature_flag(&conn, FUSE_CAP_PASSTHROUGH);
                          conn.max_backing_stack_depth = backing_depth;
                        }})
      .out.max_stack_depth;
}

TEST(SessionInit, PassthroughSaysHowDeepItMayBe) {
  EXPECT_EQ(1u, stack_depth_for(FUSE_BACKING_STACKED_UNDER));
  EXPECT_EQ(2u, stack_depth_for(FUSE_BACKING_STACKED_OVER));
  const Offered without = negotiate_with(45, kEveryFlag, {.init = [](fuse_conn_info& conn) {
                                           conn.max_backing_stack_depth = FUSE_BACKING_STACKED_OVER;
                                         }});
  EXPECT_EQ(0u, without.out.max_stack_depth);
  EXPECT_FALSE(flags_of(without.out) & flag::passthrough);
}

TEST(SessionInit, ASecondOneIsAnError) {
  int inits = 0;
  World world({.init = [&](fuse_conn_info&) { ++inits; }});
  EXPECT_EQ(0, world.init().error);
  EXPECT_EQ(-EIO, world.init().error);
  EXPECT_EQ(1, inits);
}

TEST(SessionInit, NothingIsServedBeforeIt) {
  bool called = false;
  World world({.lookup = [&](auto...) { called = true; }});
  EXPECT_EQ(-EIO, world.call(Opcode::lookup, 1, body("name")).error);
  EXPECT_EQ(-EIO, world.call(Opcode::destroy, 0).error);
  EXPECT_FALSE(called);
  world.tell(Opcode::forget, 1, body(wire::ForgetIn{1}));
}

TEST(SessionInit, AShortOneIsAnError) {
  World world;
  EXPECT_EQ(-EPROTO, world.call(Opcode::init, 0, body(uint32_t{7})).error);
  // Says that the upper half of the flags is there, and it is not.
  const uint32_t without[] = {7, 45, 0, static_cast<uint32_t>(flag::init_ext)};
  EXPECT_EQ(-EPROTO, world.call(Opcode::init, 0, body(without)).error);
  EXPECT_EQ(0, world.init().error);
}

TEST(SessionInit, DestroyIsCalledOnce) {
  int destroyed = 0;
  const Handlers handlers{.init = {}, .destroy = [&] { ++destroyed; }};
  { World never_started(handlers); }
  EXPECT_EQ(0, destroyed);
  {
    World told_by_the_kernel(handlers);
    told_by_the_kernel.init();
    EXPECT_EQ(0, told_by_the_kernel.call(Opcode::destroy, 0).error);
    EXPECT_EQ(1, destroyed);
  }
  EXPECT_EQ(1, destroyed);
  {
    World not_told(handlers);
    not_told.init();
  }
  EXPECT_EQ(2, destroyed);
}

TEST(SessionInit, AnIncompatibleSuccessorIsTold) {
  InitOut agreed{};
  agreed.flags = static_cast<uint32_t>(flag::async_read);
  agreed.max_write = 65536;
  InitOut wanted = agreed;
  EXPECT_EQ("", difference(agreed, wanted));
  wanted.flags |= static_cast<uint32_t>(flag::writeback_cache);
  EXPECT_NE(std::string::npos, difference(agreed, wanted).find("FUSE_CAP_WRITEBACK_CACHE"));
  wanted = agreed;
  wanted.flags = 0;
  EXPECT_NE(std::string::npos, difference(agreed, wanted).find("FUSE_CAP_ASYNC_READ"));
  wanted = agreed;
  wanted.max_write = 4096;
  EXPECT_NE("", difference(agreed, wanted));
}

}  // namespace
}  // namespace fuse3::test
