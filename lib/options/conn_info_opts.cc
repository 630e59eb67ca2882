#include "options/conn_info_opts.h"

#include <cstddef>
#include <cstdlib>

#include "options/feature_flags.h"
#include "options/opt.h"
#include "support/log.h"

namespace {

// What an option says about a capability. The zero of a fresh structure leaves it alone.
enum Switch : int { kUntouched = 0, kOn = 1, kOff = 2 };
enum ReaddirPlus : int { kPlusUntouched = 0, kPlusNo = 1, kPlusYes = 2, kPlusAuto = 3 };

}  // namespace

struct fuse_conn_info_opts {
  int atomic_o_trunc;
  int posix_locks;
  int flock_locks;
  int splice_write;
  int splice_move;
  int splice_read;
  int auto_inval_data;
  int readdirplus;
  int async_read;
  int async_dio;
  int writeback_cache;

  unsigned max_write;
  unsigned max_readahead;
  unsigned max_background;
  unsigned congestion_threshold;
  unsigned time_gran;
  int has_max_write;
  int has_max_readahead;
  int has_max_background;
  int has_congestion_threshold;
  int has_time_gran;
};

namespace fuse3 {
namespace {

#define SWITCH(name, member, value) \
  { name, offsetof(fuse_conn_info_opts, member), value }
// A number takes two rules, the second to note that it was given: any number may be meant.
#define NUMBER(name, member) \
  { name "%u", offsetof(fuse_conn_info_opts, member), 0 }
#define GIVEN(name, member) \
  { name, offsetof(fuse_conn_info_opts, has_##member), 1 }

constexpr fuse_opt kTable[] = {
    NUMBER("max_write=", max_write),
    GIVEN("max_write=", max_write),
    NUMBER("max_readahead=", max_readahead),
    GIVEN("max_readahead=", max_readahead),
    NUMBER("max_background=", max_background),
    GIVEN("max_background=", max_background),
    NUMBER("congestion_threshold=", congestion_threshold),
    GIVEN("congestion_threshold=", congestion_threshold),
    NUMBER("time_gran=", time_gran),
    GIVEN("time_gran=", time_gran),
    SWITCH("sync_read", async_read, kOff),
    SWITCH("async_read", async_read, kOn),
    SWITCH("atomic_o_trunc", atomic_o_trunc, kOn),
    SWITCH("no_atomic_o_trunc", atomic_o_trunc, kOff),
    SWITCH("no_remote_lock", posix_locks, kOff),
    SWITCH("no_remote_lock", flock_locks, kOff),
    SWITCH("no_remote_posix_lock", posix_locks, kOff),
    SWITCH("no_remote_flock", flock_locks, kOff),
    SWITCH("splice_write", splice_write, kOn),
    SWITCH("no_splice_write", splice_write, kOff),
    SWITCH("splice_move", splice_move, kOn),
    SWITCH("no_splice_move", splice_move, kOff),
    SWITCH("splice_read", splice_read, kOn),
    SWITCH("no_splice_read", splice_read, kOff),
    SWITCH("auto_inval_data", auto_inval_data, kOn),
    SWITCH("no_auto_inval_data", auto_inval_data, kOff),
    SWITCH("readdirplus=no", readdirplus, kPlusNo),
    SWITCH("readdirplus=yes", readdirplus, kPlusYes),
    SWITCH("readdirplus=auto", readdirplus, kPlusAuto),
    SWITCH("async_dio", async_dio, kOn),
    SWITCH("no_async_dio", async_dio, kOff),
    SWITCH("writeback_cache", writeback_cache, kOn),
    SWITCH("no_writeback_cache", writeback_cache, kOff),
    FUSE_OPT_END,
};

#undef SWITCH
#undef NUMBER
#undef GIVEN

void turn_on(fuse_conn_info* conn, uint64_t flag, const char* name) {
  if (!set_feature_flag(conn, flag)) {
    log(FUSE_LOG_WARNING, "fuse: option `%s' has no effect, the kernel does not offer it\n", name);
  }
}

void turn(int how, fuse_conn_info* conn, uint64_t flag, const char* name) {
  if (how == kOn) turn_on(conn, flag, name);
  if (how == kOff) unset_feature_flag(conn, flag);
}

void apply_readdirplus(int how, fuse_conn_info* conn) {
  switch (how) {
    case kPlusNo:
      unset_feature_flag(conn, FUSE_CAP_READDIRPLUS);
      break;
    case kPlusYes:
      turn_on(conn, FUSE_CAP_READDIRPLUS, "readdirplus=yes");
      unset_feature_flag(conn, FUSE_CAP_READDIRPLUS_AUTO);
      break;
    case kPlusAuto:
      turn_on(conn, FUSE_CAP_READDIRPLUS, "readdirplus=auto");
      turn_on(conn, FUSE_CAP_READDIRPLUS_AUTO, "readdirplus=auto");
      break;
    default:
      break;
  }
}

}  // namespace

fuse_conn_info_opts* parse_conn_info_opts(fuse_args* args) {
  auto* opts = static_cast<fuse_conn_info_opts*>(calloc(1, sizeof(fuse_conn_info_opts)));
  if (!opts) {
    log_error("fuse: out of memory while handling options\n");
    return nullptr;
  }
  if (opt_parse(args, opts, kTable, nullptr) != 0) {
    free(opts);
    return nullptr;
  }
  return opts;
}

void apply_conn_info_opts(const fuse_conn_info_opts* opts, fuse_conn_info* conn) {
  if (opts->has_max_write) conn->max_write = opts->max_write;
  if (opts->has_max_readahead) conn->max_readahead = opts->max_readahead;
  if (opts->has_max_background) conn->max_background = opts->max_background;
  if (opts->has_congestion_threshold) conn->congestion_threshold = opts->congestion_threshold;
  if (opts->has_time_gran) conn->time_gran = opts->time_gran;

  turn(opts->async_read, conn, FUSE_CAP_ASYNC_READ, "async_read");
  turn(opts->atomic_o_trunc, conn, FUSE_CAP_ATOMIC_O_TRUNC, "atomic_o_trunc");
  turn(opts->posix_locks, conn, FUSE_CAP_POSIX_LOCKS, "posix_lock");
  turn(opts->flock_locks, conn, FUSE_CAP_FLOCK_LOCKS, "flock");
  turn(opts->splice_write, conn, FUSE_CAP_SPLICE_WRITE, "splice_write");
  turn(opts->splice_move, conn, FUSE_CAP_SPLICE_MOVE, "splice_move");
  turn(opts->splice_read, conn, FUSE_CAP_SPLICE_READ, "splice_read");
  turn(opts->auto_inval_data, conn, FUSE_CAP_AUTO_INVAL_DATA, "auto_inval_data");
  turn(opts->async_dio, conn, FUSE_CAP_ASYNC_DIO, "async_dio");
  turn(opts->writeback_cache, conn, FUSE_CAP_WRITEBACK_CACHE, "writeback_cache");
  apply_readdirplus(opts->readdirplus, conn);
}

}  // namespace fuse3
