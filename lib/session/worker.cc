#include "session/worker.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "options/feature_flags.h"
#include "support/log.h"
#include "wire/structs_in.h"

namespace fuse3 {
namespace {

// From this size on moving pages beats copying them, which small requests pay for with a second
// system call; so the pipe is used while large writes are not much rarer than others: the kernel may
// ask for file capabilities before each. (Copying takes a quarter more time for 1 MiB.)
constexpr size_t kLargeWrite = 64 * 1024;
constexpr unsigned kWorthOfLarge = 2;
constexpr unsigned kMostWorth = 4;
constexpr size_t kFixedPart = sizeof(wire::InHeader) + sizeof(wire::WriteIn);

bool read_all(int fd, std::byte* to, size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(fd, to, size);
    if (got <= 0) {
      if (got < 0 && errno == EINTR) continue;
      return false;
    }
    to += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

Worker::Worker(fuse_session& session, size_t device_index, Waiting* waiting)
    : session_(session),
      lane_(take_lane(session)),
      device_index_(device_index),
      device_(session.device(device_index)),
      waiting_(waiting) {}

Worker::~Worker() {
  session_.seam->give_back(place_);
  give_lane(session_, lane_);
}

void Worker::rest() {
  if (!session_.seam->insists_on_place()) return;
  session_.seam->give_back(place_);
  place_ = {};
}

wire::InHeader Worker::header() const {
  wire::InHeader header;
  std::memcpy(&header, place_.memory, sizeof header);
  return header;
}

// The thread of a worker may be cancelled in here while it waits. All that the worker owns belongs
// to this object and not to the stack, so nothing is lost when that goes.
Result<Worker::Received> Worker::receive() {
  auto place = session_.seam->place(place_, device_index_);
  if (!place) {
    // The seam has let go of the place before.
    place_ = {};
    return place.error() == EINTR ? Result<Received>(Received{}) : place.as_error();
  }
  place_ = *place;
  if (place_.filled > 0) return Received{place_.filled, 0, false};
  if (expects_large_write() && prepare_pipe()) return receive_spliced();
  if (waiting_ != nullptr) waiting_->begin();
  auto got = session_.transport->receive(device_, {place_.memory, session_.sizes.receive});
  if (waiting_ != nullptr) waiting_->end();
  if (!got) return nothing_received(got.error());
  if (*got == 0) return Error{ENODEV};
  if (*got < sizeof(wire::InHeader)) {
    log_error("fuse: a request of %zu bytes is shorter than its header", *got);
    return Error{EIO};
  }
  note_size(*got);
  place_.filled = *got;
  place_.device = device_;
  return Received{*got, 0, false};
}

Result<Worker::Received> Worker::nothing_received(int error) {
  // ENOENT: the request was withdrawn before it reached us.
  if (error != EINTR && error != EAGAIN && error != ENOENT) return Error{error};
  session_.seam->drop(place_);
  return Received{};
}

void Worker::note_size(size_t length) {
  if (length >= kLargeWrite) {
    worth_of_pipe_ = std::min(worth_of_pipe_ + kWorthOfLarge, kMostWorth);
  } else if (worth_of_pipe_ > 0) {
    --worth_of_pipe_;
  }
}

bool Worker::expects_large_write() const {
  return worth_of_pipe_ > kWorthOfLarge && !pipe_failed_ && !session_.seam->insists_on_place() &&
         session_.ops.write_buf != nullptr && wants(session_.connection, FUSE_CAP_SPLICE_READ);
}

bool Worker::prepare_pipe() {
  if (pipe_out_) return true;
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
    pipe_failed_ = true;
    return false;
  }
  pipe_out_.reset(fds[0]);
  pipe_in_.reset(fds[1]);
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t wanted = session_.sizes.receive + 2 * page;
  const int got = ::fcntl(fds[1], F_SETPIPE_SZ, static_cast<int>(wanted));
  if (got < 0 || static_cast<size_t>(got) < wanted) {
    pipe_out_.reset();
    pipe_in_.reset();
    pipe_failed_ = true;
  }
  return !pipe_failed_;
}

Result<Worker::Received> Worker::receive_spliced() {
  if (waiting_ != nullptr) waiting_->begin();
  auto got = session_.transport->receive_to_pipe(device_, pipe_in_.get(), session_.sizes.receive);
  if (waiting_ != nullptr) waiting_->end();
  if (!got && (got.error() == ENOSYS || got.error() == EINVAL)) {
    pipe_failed_ = true;
    return Received{};
  }
  if (!got) return nothing_received(got.error());
  if (*got == 0) return Error{ENODEV};
  note_size(*got);
  const size_t first = *got < kFixedPart ? *got : kFixedPart;
  if (*got < sizeof(wire::InHeader) || !read_all(pipe_out_.get(), place_.memory, first)) {
    return Error{EIO};
  }
  const auto opcode = static_cast<wire::Opcode>(header().opcode);
  if (opcode == wire::Opcode::write && *got >= kLargeWrite) {
    return Received{first, *got - first, true};
  }
  if (!read_all(pipe_out_.get(), place_.memory + first, *got - first)) return Error{EIO};
  return Received{*got, 0, false};
}

void Worker::run(const Received& received) {
  const int device = place_.filled > 0 ? place_.device : device_;
  serve(session_, *lane_, place_, device, received.length, received.outside,
        received.spliced ? pipe_out_.get() : -1);
  if (!received.spliced) return;
  // What the filesystem left unread must not precede the next request.
  int left = 0;
  if (::ioctl(pipe_out_.get(), FIONREAD, &left) != 0 || left > 0) {
    pipe_out_.reset();
    pipe_in_.reset();
  }
}

}  // namespace fuse3
