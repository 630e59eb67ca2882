// Replay of FALLOCATE that inserts or collapses a range: the file's size tells whether it was done,
// for the range is never empty.
#include <fcntl.h>
#include <linux/falloc.h>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"

namespace fuse3::reconnect {

bool ReconnectSeam::check_shifted(fuse_req& req) {
  if (!holds(Guard::shift_size) || !shifts_contents(req)) return false;
  const auto args = args_of<wire::Fallocate>(req);
  const auto cannot_tell = [this, &req] {
    log_error(
        "fuse: whether a range was inserted or collapsed before the server died cannot be told: "
        "EIO");
    answer(req, EIO);
  };
  if (before_first_run(slot_of(req)) != Before::present) {
    cannot_tell();
    return true;
  }
  const auto judge = [this, &req, args, cannot_tell](int error, const wire::Attr& attr) {
    const uint64_t before = slot_of(req).note(kSizeNote);
    const bool inserts = (args.mode & FALLOC_FL_INSERT_RANGE) != 0;
    const uint64_t after = inserts ? before + args.length : before - args.length;
    if (error != 0) return answer(req, error);
    if (attr.size == after) return answer(req, 0);
    if (attr.size != before) return cannot_tell();
    req.cleared = true;
    run_again(req);
  };
  ask_attributes(req, req.message->node(), args.handle, judge);
  return true;
}

}  // namespace fuse3::reconnect
