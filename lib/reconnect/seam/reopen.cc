// Who has a file open may go on writing to it whatever its permissions say, above all who made it
// with mode 0444. A successor has to open it anew, and then they count for everybody but root. It
// owns the file if the dead server made it, so it lends itself what is missing: the mode is noted
// in the state, the bits are added, the file is opened and the mode put back. Who dies in between
// leaves the note, and the next one that opens the file puts the mode back.
#include "reconnect/seam/reopen.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "reconnect/seam/guard.h"
#include "support/log.h"
#include "wire/protocol.h"

namespace fuse3::reconnect {
namespace {

constexpr uint32_t kNoted = 1u << 31;
constexpr uint32_t kModeBits = 07777;
// Others who open the same file may lend and put back at the same time.
constexpr int kMostTries = 8;

uint32_t bits_to_open(uint32_t flags) {
  const uint32_t access = flags & O_ACCMODE;
  return (access != O_WRONLY ? uint32_t{S_IRUSR} : 0u) |
         (access != O_RDONLY ? uint32_t{S_IWUSR} : 0u);
}

// Deletes itself when it is done.
class Reopening {
 public:
  Reopening(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, LentMode lent,
            Then then)
      : session_(session),
        lane_(lane),
        ino_(ino),
        flags_(flags),
        needed_(bits_to_open(flags)),
        lent_(std::move(lent)),
        then_(std::move(then)) {}

  void open() {
    ask_open(session_, lane_, ino_, flags_, false, [this](const Answer& answer) {
      answer_ = answer;
      const bool can_lend = session_.ops.getattr != nullptr && session_.ops.setattr != nullptr;
      if (answer_.error == EACCES && can_lend && tries_++ < kMostTries) return lend();
      put_back();
    });
  }

  // Unless somebody has changed it since.
  void put_back() {
    if (lent_.get() == 0) return finish();
    const uint32_t own = lent_.get() & kModeBits;
    ask_mode([this, own](int error, uint32_t mode) {
      if (error != 0) return finish();
      if (mode != (own | needed_) || mode == own) return forget_note();
      set_mode(own, [this, own](int failure) {
        if (failure != 0) {
          log(FUSE_LOG_WARNING,
              "fuse: the mode of a file could not be put back to %04o after it was opened again: "
              "%s",
              own, strerror(failure));
        }
        forget_note();
      });
    });
  }

 private:
  void lend() {
    ask_mode([this](int error, uint32_t mode) {
      if (error != 0) return put_back();
      const uint32_t missing = needed_ & ~mode;
      if (missing == 0) return lent_.get() == 0 ? open() : put_back();
      if (holds(Guard::lent_noted)) lent_.set(kNoted | mode);
      set_mode(mode | missing, [this, mode](int failure) {
        if (failure != 0) return put_back();
        if (!holds(Guard::lent_noted)) lent_.set(kNoted | mode);
        open();
      });
    });
  }

  void forget_note() {
    lent_.set(0);
    finish();
  }

  void finish() {
    const Then then = std::move(then_);
    const Answer answer = std::move(answer_);
    delete this;
    then(answer);
  }

  void ask_mode(std::function<void(int error, uint32_t mode)> then) {
    ask_getattr(session_, lane_, ino_, nullptr,
                [then](int error, const wire::Attr& attr) { then(error, attr.mode & kModeBits); });
  }

  void set_mode(uint32_t mode, std::function<void(int error)> then) {
    ask(
        session_, lane_, wire::Opcode::setattr,
        [this, mode](fuse_req& question) {
          struct stat wanted {};
          wanted.st_mode = S_IFREG | mode;
          session_.ops.setattr(&question, ino_, &wanted, FUSE_SET_ATTR_MODE, nullptr);
        },
        [then](const Answer& done) { then(done.error); });
  }

  fuse_session& session_;
  Lane& lane_;
  const uint64_t ino_;
  const uint32_t flags_;
  const uint32_t needed_;
  const LentMode lent_;
  Then then_;
  Answer answer_;
  int tries_ = 0;
};

}  // namespace

void ask_reopen(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, LentMode lent,
                Then then) {
  (new Reopening(session, lane, ino, flags, std::move(lent), std::move(then)))->open();
}

void ask_put_back(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, LentMode lent,
                  Then then) {
  (new Reopening(session, lane, ino, flags, std::move(lent), std::move(then)))->put_back();
}

}  // namespace fuse3::reconnect
