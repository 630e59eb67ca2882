// What a connection is set to: capability bits, connection options, loop settings, version.
#include <gtest/gtest.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "options/conn_info_opts.h"
#include "options/feature_flags.h"
#include "options/loop_config.h"
#include "options/opt.h"
#include "options/version.h"
#include "support/log.h"

namespace fuse3 {
namespace {

std::string messages;

class Quiet : public testing::Test {
 protected:
  void SetUp() override {
    messages.clear();
    set_log_function([](fuse_log_level, const char* format, va_list args) {
      char text[512];
      vsnprintf(text, sizeof text, format, args);
      messages += text;
    });
  }
  void TearDown() override { set_log_function(nullptr); }
};

using FeatureFlags = Quiet;
using ConnInfoOpts = Quiet;
using LoopConfig = Quiet;

constexpr uint64_t kHigh = uint64_t{1} << 40;
constexpr uint64_t kA = FUSE_CAP_ASYNC_READ;
constexpr uint64_t kB = FUSE_CAP_WRITEBACK_CACHE;
constexpr uint64_t kC = FUSE_CAP_SPLICE_READ;

fuse_conn_info connection(uint64_t capable, uint64_t wanted) {
  fuse_conn_info conn = {};
  conn.capable_ext = capable;
  conn.capable = static_cast<uint32_t>(capable);
  conn.want_ext = wanted;
  conn.want = static_cast<uint32_t>(wanted);
  remember_wanted(&conn);
  return conn;
}

TEST_F(FeatureFlags, SetAndUnsetKeepBothCopiesAlike) {
  fuse_conn_info conn = connection(kA | kB | kHigh, kA);
  EXPECT_TRUE(set_feature_flag(&conn, kB));
  EXPECT_TRUE(set_feature_flag(&conn, kHigh));
  EXPECT_FALSE(set_feature_flag(&conn, kC));
  EXPECT_EQ(conn.want_ext, kA | kB | kHigh);
  EXPECT_EQ(conn.want, kA | kB);
  unset_feature_flag(&conn, kA);
  unset_feature_flag(&conn, kHigh);
  EXPECT_EQ(conn.want_ext, kB);
  EXPECT_EQ(conn.want, kB);
  EXPECT_TRUE(get_feature_flag(&conn, kA));
  EXPECT_TRUE(get_feature_flag(&conn, kHigh));
  EXPECT_FALSE(get_feature_flag(&conn, kC));
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kB);
}

TEST_F(FeatureFlags, NothingChanged) {
  fuse_conn_info conn = connection(kA | kB, kA | kHigh);
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kA | kHigh);
  EXPECT_EQ(conn.want, kA);
}

TEST_F(FeatureFlags, OldProgramChangesTheLowerHalf) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA | kHigh);
  conn.want |= kB;
  conn.want &= ~kA;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kB | kHigh);
  EXPECT_EQ(conn.want, kB);
}

TEST_F(FeatureFlags, NewProgramChangesAll64Bits) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA);
  conn.want_ext = kB | kHigh;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kB | kHigh);
  EXPECT_EQ(conn.want, kB);
}

TEST_F(FeatureFlags, UpperHalfBesideTheOldLowerHalf) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA);
  conn.want |= kB;
  conn.want_ext |= kHigh;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kA | kB | kHigh);
  EXPECT_EQ(conn.want, kA | kB);
}

TEST_F(FeatureFlags, OldAndNewAgreeing) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA);
  conn.want |= kB;
  conn.want_ext |= kB;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kA | kB);
}

TEST_F(FeatureFlags, OldChangesOnTopOfAFunctionCall) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA);
  EXPECT_TRUE(set_feature_flag(&conn, kB));
  conn.want |= kC;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kA | kB | kC);
  EXPECT_EQ(conn.want, kA | kB | kC);
}

TEST_F(FeatureFlags, ContradictionIsAnErrorThatChangesNothing) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA);
  conn.want |= kB;
  conn.want_ext |= kC;
  EXPECT_EQ(convert_wanted(&conn), -EINVAL);
  EXPECT_EQ(conn.want, kA | kB);
  EXPECT_EQ(conn.want_ext, kA | kC);
  EXPECT_NE(messages.find("want_ext"), std::string::npos) << messages;
}

TEST_F(FeatureFlags, ConvertingTwiceAndGoingOn) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA);
  conn.want |= kB;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(convert_wanted(&conn), 0);
  conn.want_ext |= kC;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want, kA | kB | kC);
}

TEST_F(FeatureFlags, AStructureThatNoSessionMade) {
  fuse_conn_info conn = {};
  conn.want = kA;
  EXPECT_EQ(convert_wanted(&conn), 0);
  EXPECT_EQ(conn.want_ext, kA);
}

struct Freed {
  void operator()(fuse_conn_info_opts* opts) const { free(opts); }
};

// Parses one -o list and applies it; `rest` is what was not known.
void apply(const char* list, fuse_conn_info* conn, std::string* rest = nullptr) {
  OwnedArgs args;
  for (const char* word : {"prog", "-o", list}) opt_add_arg(args.get(), word);
  const std::unique_ptr<fuse_conn_info_opts, Freed> opts(parse_conn_info_opts(args.get()));
  ASSERT_NE(opts, nullptr) << list;
  apply_conn_info_opts(opts.get(), conn);
  if (rest) *rest = args->argc > 2 ? args->argv[2] : "";
}

TEST_F(ConnInfoOpts, NumbersIncludingZero) {
  fuse_conn_info conn = connection(0, 0);
  conn.max_background = 12;
  conn.time_gran = 1;
  std::string rest;
  apply("max_write=1,max_readahead=0,keep,max_background=3,congestion_threshold=4", &conn, &rest);
  EXPECT_EQ(conn.max_write, 1u);
  EXPECT_EQ(conn.max_readahead, 0u);
  EXPECT_EQ(conn.max_background, 3u);
  EXPECT_EQ(conn.congestion_threshold, 4u);
  EXPECT_EQ(conn.time_gran, 1u);
  EXPECT_EQ(rest, "keep");
  apply("time_gran=100", &conn);
  EXPECT_EQ(conn.time_gran, 100u);
}

TEST_F(ConnInfoOpts, WhatIsNotSaidStays) {
  fuse_conn_info conn = connection(~uint64_t{0}, kA | kHigh);
  conn.max_write = 5;
  conn.max_readahead = 6;
  apply("other", &conn);
  EXPECT_EQ(conn.want_ext, kA | kHigh);
  EXPECT_EQ(conn.max_write, 5u);
  EXPECT_EQ(conn.max_readahead, 6u);
}

TEST_F(ConnInfoOpts, SwitchesOnAndOff) {
  const struct {
    const char* on;
    const char* off;
    uint64_t flags;
  } kSwitches[] = {
      {"async_read", "sync_read", FUSE_CAP_ASYNC_READ},
      {"atomic_o_trunc", "no_atomic_o_trunc", FUSE_CAP_ATOMIC_O_TRUNC},
      {nullptr, "no_remote_lock", FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS},
      {nullptr, "no_remote_posix_lock", FUSE_CAP_POSIX_LOCKS},
      {nullptr, "no_remote_flock", FUSE_CAP_FLOCK_LOCKS},
      {"splice_write", "no_splice_write", FUSE_CAP_SPLICE_WRITE},
      {"splice_move", "no_splice_move", FUSE_CAP_SPLICE_MOVE},
      {"splice_read", "no_splice_read", FUSE_CAP_SPLICE_READ},
      {"auto_inval_data", "no_auto_inval_data", FUSE_CAP_AUTO_INVAL_DATA},
      {"async_dio", "no_async_dio", FUSE_CAP_ASYNC_DIO},
      {"writeback_cache", "no_writeback_cache", FUSE_CAP_WRITEBACK_CACHE},
  };
  constexpr uint64_t kAll = 0xffffffff;
  for (const auto& row : kSwitches) {
    if (row.on) {
      fuse_conn_info conn = connection(kAll, 0);
      apply(row.on, &conn);
      EXPECT_EQ(conn.want_ext, row.flags) << row.on;
      EXPECT_EQ(conn.want, row.flags) << row.on;
    }
    fuse_conn_info conn = connection(kAll, kAll);
    apply(row.off, &conn);
    EXPECT_EQ(conn.want_ext, kAll & ~row.flags) << row.off;
    EXPECT_EQ(conn.want, kAll & ~row.flags) << row.off;
    EXPECT_EQ(convert_wanted(&conn), 0);
  }
}

TEST_F(ConnInfoOpts, ReaddirPlus) {
  constexpr uint64_t kPlus = FUSE_CAP_READDIRPLUS;
  constexpr uint64_t kAuto = FUSE_CAP_READDIRPLUS_AUTO;
  fuse_conn_info conn = connection(kPlus | kAuto, kPlus | kAuto);
  apply("readdirplus=yes", &conn);
  EXPECT_EQ(conn.want_ext, kPlus);
  apply("readdirplus=no", &conn);
  EXPECT_EQ(conn.want_ext & kPlus, 0u);
  apply("readdirplus=auto", &conn);
  EXPECT_EQ(conn.want_ext, kPlus | kAuto);
  std::string rest;
  apply("readdirplus=perhaps", &conn, &rest);
  EXPECT_EQ(rest, "readdirplus=perhaps");
}

TEST_F(ConnInfoOpts, WhatTheKernelDoesNotOfferIsReported) {
  fuse_conn_info conn = connection(0, 0);
  apply("writeback_cache", &conn);
  EXPECT_EQ(conn.want_ext, 0u);
  EXPECT_NE(messages.find("writeback_cache"), std::string::npos) << messages;
}

TEST_F(ConnInfoOpts, ABadNumberIsAnError) {
  OwnedArgs args;
  for (const char* word : {"prog", "-omax_write=lots"}) opt_add_arg(args.get(), word);
  EXPECT_EQ(parse_conn_info_opts(args.get()), nullptr);
  EXPECT_STREQ(args->argv[1], "-omax_write=lots");
}

TEST_F(LoopConfig, DefaultsAndSetters) {
  fuse_loop_config* config = loop_config_create();
  ASSERT_NE(config, nullptr);
  EXPECT_TRUE(loop_config_valid(config));
  EXPECT_EQ(config->clone_fd, 0);
  EXPECT_EQ(config->max_threads, 10u);
  EXPECT_EQ(config->max_idle_threads, UINT_MAX);

  loop_config_set_clone_fd(config, 5);
  loop_config_set_idle_threads(config, 0);
  loop_config_set_max_threads(config, 100000);
  EXPECT_EQ(config->clone_fd, 1);
  EXPECT_EQ(config->max_idle_threads, 0u);
  EXPECT_EQ(config->max_threads, 100000u);

  loop_config_set_max_threads(config, 0);
  loop_config_set_max_threads(config, 100001);
  loop_config_set_idle_threads(config, static_cast<unsigned>(-2));
  EXPECT_EQ(config->max_threads, 100000u);
  EXPECT_EQ(config->max_idle_threads, 0u);
  loop_config_set_idle_threads(config, UINT_MAX);
  EXPECT_EQ(config->max_idle_threads, UINT_MAX);
  loop_config_destroy(config);
  loop_config_destroy(nullptr);
}

TEST_F(LoopConfig, FromTheOldStructure) {
  fuse_loop_config* config = loop_config_create();
  const fuse_loop_config_v1 old = {1, 4};
  loop_config_convert(config, &old);
  EXPECT_EQ(config->clone_fd, 1);
  EXPECT_EQ(config->max_idle_threads, 4u);
  EXPECT_EQ(config->max_threads, 10u);
  loop_config_destroy(config);
}

TEST_F(LoopConfig, TheOldStructureIsNotTakenForTheNewOne) {
  for (const int clone_fd : {0, 1}) {
    fuse_loop_config mistaken = {};
    const fuse_loop_config_v1 old = {clone_fd, 10};
    memcpy(&mistaken, &old, sizeof old);
    EXPECT_FALSE(loop_config_valid(&mistaken));
  }
  EXPECT_FALSE(loop_config_valid(nullptr));
}

TEST(Version, TextAndNumberAgree) {
  int major = 0;
  int minor = 0;
  ASSERT_EQ(sscanf(version_text(), "%d.%d", &major, &minor), 2);
  EXPECT_EQ(version_number(), major * 100 + minor);
  EXPECT_EQ(version_number(), FUSE_VERSION);
}

}  // namespace
}  // namespace fuse3
