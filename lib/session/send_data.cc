// Replies whose data lies behind descriptors: through pipes, or by one copy.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "options/buf_copy.h"
#include "options/feature_flags.h"
#include "session/direct_seam.h"
#include "session/message_out.h"
#include "session/session.h"

namespace fuse3 {
namespace {

constexpr size_t kSpliceWorthwhile = 16 * 1024;

bool has_descriptor(const fuse_bufvec& data) {
  for (size_t i = data.idx; i < data.count; ++i) {
    if ((data.buf[i].flags & FUSE_BUF_IS_FD) != 0) return true;
  }
  return false;
}

// Two pipes of a thread: one takes the data, whose size is known only then; the other the header
// and, moved behind it, the data.
class ThreadPipes {
 public:
  static ThreadPipes* get(size_t size) {
    static thread_local ThreadPipes pipes;
    return pipes.prepare(size) ? &pipes : nullptr;
  }
  int data_in() const { return data_[1].get(); }
  int data_out() const { return data_[0].get(); }
  int message_in() const { return message_[1].get(); }
  int message_out() const { return message_[0].get(); }
  // After a failure something may be left in them.
  void discard() {
    for (UniqueFd* end : {&data_[0], &data_[1], &message_[0], &message_[1]}) end->reset();
    size_ = 0;
  }

 private:
  static bool open_pipe(UniqueFd (&ends)[2], size_t size) {
    int fds[2];
    if (!ends[0]) {
      if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) return false;
      ends[0].reset(fds[0]);
      ends[1].reset(fds[1]);
    }
    const int got = ::fcntl(ends[1].get(), F_SETPIPE_SZ, static_cast<int>(size));
    return got >= 0 && static_cast<size_t>(got) >= size;
  }
  bool prepare(size_t size) {
    if (size <= size_) return true;
    if (!open_pipe(data_, size) || !open_pipe(message_, size)) {
      discard();
      return false;
    }
    size_ = size;
    return true;
  }

  UniqueFd data_[2];
  UniqueFd message_[2];
  size_t size_ = 0;
};

int send_message(fuse_req& req, const Reply& reply) {
  const MessageOut message(req.unique(), reply);
  if (!message.ok()) return -ENOMEM;
  return send_pieces(req, message.pieces(), message.count());
}

constexpr size_t kHeader = sizeof(wire::OutHeader);

// Takes back what was spliced, the first `moved` bytes from behind the header, for it may not be
// where it was a second time. The memory holds room for a header, `length` bytes of data and `more`
// behind them; null when something could not be had.
std::unique_ptr<std::byte[]> read_back(ThreadPipes& pipes, size_t moved, size_t length,
                                       bool with_header, size_t more) {
  std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[kHeader + length + more]);
  const auto take = [&](int from, size_t at, size_t size) {
    return size == 0 || ::read(from, memory.get() + at, size) == static_cast<ssize_t>(size);
  };
  const size_t behind_header = with_header ? kHeader + moved : 0;
  if (memory != nullptr && take(pipes.message_out(), 0, behind_header) &&
      take(pipes.data_out(), kHeader + moved, length - moved)) {
    return memory;
  }
  pipes.discard();
  return nullptr;
}

int send_read_back(fuse_req& req, ThreadPipes& pipes, size_t moved, size_t length) {
  const auto memory = read_back(pipes, moved, length, true, 0);
  if (memory == nullptr) return send_message(req, {.error = -EIO});
  const iovec piece{memory.get() + kHeader, length};
  return send_message(req, {.pieces = &piece, .piece_count = 1});
}

bool rest_is_wanted(const fuse_bufvec& rest) {
  return rest.idx < rest.count && (rest.buf[rest.idx].flags & FUSE_BUF_FD_RETRY) != 0;
}

// The pipe took what was there at once, `length` bytes; whoever set FUSE_BUF_FD_RETRY wants the
// rest waited for.
int send_with_rest(fuse_req& req, ThreadPipes& pipes, size_t length, fuse_bufvec& rest,
                   fuse_buf_copy_flags flags) {
  const size_t more = rest.buf[rest.idx].size - rest.off;
  const auto memory = read_back(pipes, 0, length, false, more);
  if (memory == nullptr) return send_message(req, {.error = -EIO});
  fuse_bufvec into = FUSE_BUFVEC_INIT(more);
  into.buf[0].mem = memory.get() + kHeader + length;
  const ssize_t got = buf_copy(&into, &rest, flags);
  const iovec piece{memory.get() + kHeader,
                    length + static_cast<size_t>(std::max<ssize_t>(got, 0))};
  return send_message(req, {.pieces = &piece, .piece_count = 1});
}

// Pages are moved only if the filesystem agreed to it at INIT.
fuse_buf_copy_flags without_unwanted_move(const fuse_req& req, fuse_buf_copy_flags flags) {
  if (wants(req.session->connection, FUSE_CAP_SPLICE_MOVE)) return flags;
  return static_cast<fuse_buf_copy_flags>(flags & ~FUSE_BUF_SPLICE_MOVE);
}

// 0 or a negative errno; -EOPNOTSUPP when it has to be done by a copy, nothing having been sent.
int send_spliced(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) {
  const size_t size = buf_size(data);
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // A page that is not filled still takes a place of its own in the pipe, at either end.
  ThreadPipes* pipes = ThreadPipes::get(size + 3 * page);
  if (pipes == nullptr) return -EOPNOTSUPP;
  fuse_bufvec into = FUSE_BUFVEC_INIT(size);
  into.buf[0].flags = FUSE_BUF_IS_FD;
  into.buf[0].fd = pipes->data_in();
  fuse_bufvec from_start = data;
  const auto with_splice = static_cast<fuse_buf_copy_flags>(
      flags | FUSE_BUF_FORCE_SPLICE | FUSE_BUF_SPLICE_NONBLOCK);
  const ssize_t got = data.count == 1 ? buf_copy(&into, &from_start, with_splice) : -EOPNOTSUPP;
  if (got < 0) {
    pipes->discard();
    return -EOPNOTSUPP;
  }
  const size_t length = static_cast<size_t>(got);
  if (rest_is_wanted(from_start)) return send_with_rest(req, *pipes, length, from_start, flags);
  const wire::OutHeader header = wire::make_header(req.unique(), 0, length);
  if (::write(pipes->message_in(), &header, sizeof header) !=
      static_cast<ssize_t>(sizeof header)) {
    pipes->discard();
    return send_message(req, {.error = -EIO});
  }
  size_t moved = 0;
  while (moved < length) {
    const ssize_t step = ::splice(pipes->data_out(), nullptr, pipes->message_in(), nullptr,
                                  length - moved, SPLICE_F_NONBLOCK);
    if (step <= 0) return send_read_back(req, *pipes, moved, length);
    moved += static_cast<size_t>(step);
  }
  const unsigned move = (flags & FUSE_BUF_SPLICE_MOVE) != 0 ? SPLICE_F_MOVE : 0;
  const auto sent = req.session->transport->send_from_pipe(req.device, pipes->message_out(),
                                                           sizeof header + length, move);
  if (sent) return 0;
  if (sent.error() == ENOSYS) {
    req.session->splices_replies.store(false, std::memory_order_relaxed);
    return send_read_back(req, *pipes, moved, length);
  }
  pipes->discard();
  return -sent.error();
}

int send_copied(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) {
  const size_t size = buf_size(data);
  std::unique_ptr<void, decltype(&std::free)> own(nullptr, std::free);
  void* memory = req.scratch.data();
  if (req.scratch.size() < size || !req.runs_here()) {
    const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    if (::posix_memalign(&memory, page, size) != 0) return send_message(req, {.error = -ENOMEM});
    own.reset(memory);
  }
  fuse_bufvec into = FUSE_BUFVEC_INIT(size);
  into.buf[0].mem = memory;
  const ssize_t got = buf_copy(&into, &data, flags);
  if (got < 0) return send_message(req, {.error = static_cast<int>(got)});
  const iovec piece{memory, static_cast<size_t>(got)};
  return send_message(req, {.pieces = &piece, .piece_count = 1});
}

// All pieces are in memory already.
int send_memory(fuse_req& req, const fuse_bufvec& data) {
  const size_t count = data.count - data.idx;
  std::unique_ptr<iovec[]> pieces(new (std::nothrow) iovec[count + 1]);
  if (pieces == nullptr) return send_message(req, {.error = -ENOMEM});
  for (size_t i = 0; i < count; ++i) {
    const fuse_buf& buf = data.buf[data.idx + i];
    const size_t skip = i == 0 ? data.off : 0;
    pieces[i] = {static_cast<char*>(buf.mem) + skip, buf.size - skip};
  }
  return send_message(req, {.pieces = pieces.get(), .piece_count = static_cast<int>(count)});
}

}  // namespace

int send_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) {
  if (data.idx >= data.count) return send_message(req, {});
  if (!has_descriptor(data)) {
    if (data.count - data.idx == 1) {
      const fuse_buf& buf = data.buf[data.idx];
      const iovec piece{static_cast<char*>(buf.mem) + data.off, buf.size - data.off};
      return send_message(req, {.pieces = &piece, .piece_count = 1});
    }
    return send_memory(req, data);
  }
  const bool wanted = wants(req.session->connection, FUSE_CAP_SPLICE_WRITE) &&
                      req.session->splices_replies.load(std::memory_order_relaxed);
  if (wanted && (flags & FUSE_BUF_NO_SPLICE) == 0 &&
      ((flags & FUSE_BUF_FORCE_SPLICE) != 0 || buf_size(data) >= kSpliceWorthwhile)) {
    const int result = send_spliced(req, data, without_unwanted_move(req, flags));
    if (result != -EOPNOTSUPP) return result;
  }
  return send_copied(req, data, flags);
}

}  // namespace fuse3
