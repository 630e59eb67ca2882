// A reply as the list of pieces that a transport sends.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <new>

#include "session/seam.h"
#include "wire/reply.h"

namespace fuse3 {

// Collects the header, what the reply grants, and the payload. Points into the Reply and itself:
// use it where it was made.
class MessageOut {
 public:
  MessageOut(RequestId unique, const Reply& reply) {
    if (reply.piece_count + kOwnPieces > kInlinePieces) {
      many_.reset(new (std::nothrow) iovec[static_cast<size_t>(reply.piece_count) + kOwnPieces]);
      if (many_ == nullptr) return;
      pieces_ = many_.get();
    }
    count_ = 1;
    for (int i = 0; i < reply.piece_count; ++i) add(reply.pieces[i].iov_base, reply.pieces[i].iov_len);
    header_ = wire::make_header(unique, reply.error, size_);
    pieces_[0] = {&header_, sizeof header_};
  }
  MessageOut(const MessageOut&) = delete;
  MessageOut& operator=(const MessageOut&) = delete;

  bool ok() const { return count_ > 0; }  // false: no memory
  const iovec* pieces() const { return pieces_; }
  int count() const { return count_; }
  size_t payload_size() const { return size_; }

 private:
  static constexpr int kOwnPieces = 1;
  static constexpr int kInlinePieces = 16;

  void add(const void* bytes, size_t size) {
    if (size == 0) return;
    pieces_[count_++] = {const_cast<void*>(bytes), size};
    size_ += size;
  }

  wire::OutHeader header_;
  iovec inline_[kInlinePieces];
  std::unique_ptr<iovec[]> many_;
  iovec* pieces_ = inline_;
  int count_ = 0;
  size_t size_ = 0;
};

}  // namespace fuse3
