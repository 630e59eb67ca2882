// Reconnect switched off: ids and replies pass as they are, and nothing outlives an operation.
#pragma once

#include "session/seam.h"
#include "wire/structs_out.h"

namespace fuse3 {

class DirectSeam final : public Seam {
 public:
  explicit DirectSeam(fuse_session& session) : session_(session) {}

  Result<Place> place(const Place& previous, size_t device_index) override;
  void give_back(const Place& place) override;
  void drop(const Place&) override {}
  bool insists_on_place() const override { return false; }
  bool raise(fuse_req&, IdRefs&) override { return true; }
  int reply(fuse_req& req, const Reply& reply) override;
  int reply_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) override;
  void no_reply(fuse_req& req) override;
  void forget(fuse_req& req, std::span<fuse_forget_data> items, bool batch) override;
  void note_direntplus(std::span<std::byte>, const fuse_entry_param&) override {}
  Result<void> device_added(size_t, int) override { return {}; }
  Result<void> serving() override { return {}; }
  bool stopping() override { return true; }
  std::optional<NodeId> node_of(fuse_ino_t ino) override { return NodeId{ino}; }

 private:
  fuse_session& session_;
};

// Common to the seams that end at the kernel.

// Tells the filesystem to forget; every call gets a request object of its own to end.
void pass_forgets(fuse_req& req, std::span<fuse_forget_data> items, bool batch);
// Sends a message on the device its request came from. 0 or a negative errno.
int send_pieces(fuse_req& req, const iovec* pieces, int count);
// Sends the header and `data`, through pipes where that is asked for and possible, else by a copy
// through the request's scratch memory. The request is not ended.
int send_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags);

// The fixed part of an entry and/or open reply in `room`; its size.
size_t put_grants(std::span<std::byte> room, const wire::EntryOut* entry, const wire::OpenOut* open,
                  uint32_t minor);

}  // namespace fuse3
