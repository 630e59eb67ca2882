// The seam between the loops and the operations: where a request is received, what the ids in it
// mean to the filesystem, and what a reply tells the kernel. `DirectSeam` passes everything
// through; reconnect has an implementation that keeps books; a third one catches the replies to
// operations that the library itself asks of the filesystem.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "fuse_lowlevel.h"
#include "support/ids.h"
#include "support/result.h"

namespace fuse3 {

// Where a request is, or is to be, received. The memory belongs to the seam.
struct Place {
  std::byte* memory = nullptr;
  size_t size = 0;
  size_t filled = 0;         // > 0: a request is here; from place() on, if nothing needs to be read
  uint32_t slot = 0;         // the seam's own name for it, 0: none
  int device = -1;           // descriptor it came from, when filled
  bool rerun = false;        // when filled: a former server was working on it
  bool interrupted = false;  // when filled: a former server was told that nobody waits for it
};

// One reply. What is null or zero is not part of it.
struct Reply {
  int error = 0;  // 0 or a negative errno
  const fuse_entry_param* entry = nullptr;
  const fuse_file_info* open = nullptr;
  const iovec* pieces = nullptr;
  int piece_count = 0;
};

// An id inside a request's arguments, to be replaced by what the filesystem calls the object.
struct IdRef {
  enum class Kind : uint8_t { node, handle };
  Kind kind;
  uint64_t* id;
};

inline constexpr size_t kMaxIdsPerRequest = 4;

struct IdRefs {
  IdRef refs[kMaxIdsPerRequest];
  size_t count = 0;

  void node(NodeId& id) { add(IdRef::Kind::node, &id.value); }
  void handle(HandleId& id) { add(IdRef::Kind::handle, &id.value); }
  std::span<IdRef> all() { return {refs, count}; }

 private:
  void add(IdRef::Kind kind, uint64_t* id) { refs[count++] = IdRef{kind, id}; }
};

class Seam {
 public:
  virtual ~Seam() = default;

  // Memory for the next request of a worker, which reads from the device with that index.
  // `previous` is what the worker used last.
  virtual Result<Place> place(const Place& previous, size_t device_index) = 0;
  // The worker uses the place no more (it leaves its loop).
  virtual void give_back(const Place& place) = 0;
  // Whether requests must be received into the memory of place(), and nowhere else.
  virtual bool insists_on_place() const = 0;
  // What was received there is no request; the place can be used again.
  virtual void drop(const Place& place) = 0;

  // Replaces the ids by the filesystem's. True: go on. False: the request was answered, or is
  // parked and will be run again from the start once the objects are known to the filesystem.
  virtual bool raise(fuse_req& req, IdRefs& ids) = 0;

  // Sends the reply and ends the request. 0 or a negative errno.
  virtual int reply(fuse_req& req, const Reply& reply) = 0;
  // The same for data that may lie behind descriptors.
  virtual int reply_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) = 0;
  // Ends a request that has no reply.
  virtual void no_reply(fuse_req& req) = 0;
  // The operation has returned: what the seam itself wants of the filesystem can be asked now, and
  // not from within a reply, where the filesystem may hold locks of its own. The request may be
  // answered already.
  virtual void ran(fuse_req&) {}

  // The application does not want to wait for the answer to `target` any more.
  virtual void interrupting(RequestId /*target*/) {}

  // Passes a FORGET on. BATCH_FORGET comes as one call as well.
  virtual void forget(fuse_req& req, std::span<fuse_forget_data> items, bool batch) = 0;

  // The operation in hand is about to give the file that it removes, which `name` leads to, a
  // hidden name in the same directory, because it is open; or it failed to, or has undone it. 0 or
  // a negative errno. From the call on the file is looked for under both, until the reply takes
  // `name` away.
  virtual int hiding(fuse_req&, std::string_view /*name*/, std::string_view /*hidden*/) {
    return 0;
  }
  virtual void not_hidden(fuse_req&, std::string_view /*hidden*/) {}
  // An entry is being put into a listing: it is a file that the library has hidden, and stays away.
  // `entry` is that of READDIRPLUS, else null.
  virtual bool conceals(const fuse_req&, std::string_view /*name*/, const fuse_entry_param*) {
    return false;
  }
  // What is open now may be gone on with by another process.
  virtual bool outlives_server() const { return false; }

  // An entry was put at the start of `room`, in a READDIRPLUS buffer that is being filled. The seam
  // may leave a note in it that it takes out again in reply().
  virtual void note_direntplus(std::span<std::byte> room, const fuse_entry_param& entry) = 0;
  // A clone of the device was made, and nothing was read from it yet.
  virtual Result<void> device_added(size_t index, int fd) = 0;
  // A thread of the program's is about to serve requests.
  virtual Result<void> serving() = 0;
  // The connection is to end. False: it is not this session's to end.
  virtual bool stopping() = 0;
  // It was this session's to end, what could be unmounted is, and the devices are about to be
  // closed.
  virtual void stopped() {}

  // Another server is to go on in place of this one: nothing more is to be read.
  virtual bool leaving() const { return false; }
  // There are requests that place() gives without reading.
  virtual bool has_pending() { return false; }
  // Nobody reads any more. True once all requests that were received are finished and the
  // connection is let go of; false when some are not finished within the time, and this server has
  // to go on. With a time of 0 it is to be asked again.
  virtual bool leave(unsigned /*milliseconds*/) { return false; }

  // What the kernel calls the filesystem's inode; nothing if it does not know it.
  virtual std::optional<NodeId> node_of(fuse_ino_t ino) = 0;
  // The same for what the kernel is to forget its caches of, which does no harm if it is the wrong
  // one.
  virtual std::optional<NodeId> node_to_invalidate(fuse_ino_t ino) { return node_of(ino); }

  // A file was registered with the kernel by that number.
  virtual void backing_opened(uint32_t /*id*/) {}
};

}  // namespace fuse3
