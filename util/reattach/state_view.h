// Looks into a connection's state without mapping it: what is read may be cut short or changed by
// its owner at any time, and that must not end the one who looks. Nothing is written. Words that
// are being changed meanwhile may be of different moments.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "reconnect/layout.h"
#include "support/result.h"
#include "support/unique_fd.h"
#include "wire/structs_in.h"

namespace fuse3::reattach {

class StateView {
 public:
  // EPROTO: it is none, or of another layout; `why` is a sentence.
  static Result<StateView> open(UniqueFd fd, std::string* why);

  // As it was when this was made.
  const reconnect::Header& header() const { return *header_; }
  uint64_t generation() const { return header_->incarnation >> 32; }
  int fd() const { return fd_.get(); }
  // Whether the connection waits in the kernel when it has no server.
  bool kernel_keeps_connection() const;

  struct SlotView {
    uint32_t index;
    reconnect::Stage stage;
    uint32_t device;
    uint32_t deaths;
    wire::InHeader request;
  };
  // Those with a request in hand.
  void for_each_slot(const std::function<void(const SlotView&)>& see) const;

  struct NodeView {
    uint64_t id;
    uint64_t lookups;
    uint32_t type;  // S_IFMT bits
    std::string path;
  };
  // Those the kernel knows, at most `limit`.
  void for_each_node(size_t limit, const std::function<void(const NodeView&)>& see) const;

  struct HandleView {
    uint64_t id;
    bool directory;
    uint32_t open_flags;
    bool stale;  // of a former incarnation, and not opened again yet
    std::string path;
  };
  void for_each_handle(size_t limit, const std::function<void(const HandleView&)>& see) const;

  struct LockView {
    reconnect::LockKind kind;
    bool writing;
    bool lost;  // it could not be taken again after a crash
    uint64_t start;
    uint64_t end;    // the last byte
    uint64_t owner;  // the kernel's number
    uint32_t pid;
    std::string path;
  };
  // None where the state was made by a library that kept no locks.
  void for_each_lock(size_t limit, const std::function<void(const LockView&)>& see) const;
  uint32_t lock_count() const;

  // Where a node lies below the mountpoint, as far as the table knows: "/" for the root.
  std::string path_of(uint32_t index) const;

 private:
  StateView(UniqueFd fd, std::unique_ptr<reconnect::Header> header)
      : fd_(std::move(fd)), header_(std::move(header)) {}
  bool read_at(uint64_t offset, void* to, size_t size) const;
  bool node(uint32_t index, reconnect::NodeRecord* record) const;
  std::string name_of(const reconnect::NodeRecord& record) const;

  UniqueFd fd_;
  std::unique_ptr<reconnect::Header> header_;
};

}  // namespace fuse3::reattach
