// Directory streams that a former incarnation began. This one's filesystem may have another order,
// and its offsets may mean something else: so it is asked from the start, and what the stream has
// delivered is left out. Offsets that the kernel gets are the stream's own from then on.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/listing.h"
#include "reconnect/seam/reconnect_seam.h"

namespace fuse3::reconnect {
namespace {

// More questions than a directory can need: the filesystem's offsets go round in circles.
constexpr unsigned kMostQuestions = 1u << 22;
// The smallest entry.
constexpr uint32_t kEntryBytes = 24;

wire::ReadArgs read_args(const fuse_req& req) {
  if (req.row->opcode == wire::Opcode::readdirplus) return args_of<wire::Readdirplus>(req);
  return args_of<wire::Readdir>(req);
}

// Asks until there is an entry to deliver, or no more. Deletes itself when it is done.
class ReadOn {
 public:
  using Done = std::function<void(int error, std::vector<std::byte> entries, ResumedListing)>;

  // `known`: entries that the stream had behind this place, whose offsets are used again as far as
  // the order is the same.
  ReadOn(fuse_req& req, StreamTable& streams, uint64_t ino, uint64_t fs_fh, ResumedListing listing,
         uint64_t next, std::vector<StreamEntry> known, Done done)
      : req_(req),
        streams_(streams),
        args_(read_args(req)),
        ino_(ino),
        fs_fh_(fs_fh),
        listing_(std::move(listing)),
        next_(next),
        known_(std::move(known)),
        done_(std::move(done)) {}

  void run() {
    while (!finished_) {
      turn_.store(kAsking, std::memory_order_relaxed);
      ask(
          *req_.session, *req_.lane, req_.row->opcode, [this](fuse_req& req) { call(req); },
          [this](const Answer& answer) {
            take(answer);
            if (turn_.exchange(kAnswered, std::memory_order_acq_rel) == kWaiting) run();
          });
      if (turn_.exchange(kWaiting, std::memory_order_acq_rel) != kAnswered) return;
    }
    const Done done = std::move(done_);
    const int error = error_;
    std::vector<std::byte> entries = std::move(entries_);
    ResumedListing listing = std::move(listing_);
    delete this;
    done(error, std::move(entries), std::move(listing));
  }

 private:
  bool plus() const { return req_.row->opcode == wire::Opcode::readdirplus; }

  void call(fuse_req& req) {
    req.context = req_.context;
    fuse_file_info info{};
    info.fh = fs_fh_;
    info.flags = static_cast<int32_t>(args_.flags);
    const fuse_lowlevel_ops& ops = req.session->ops;
    const auto operation = plus() ? ops.readdirplus : ops.readdir;
    operation(&req, ino_, args_.size, static_cast<off_t>(next_), &info);
  }

  void take(const Answer& answer) {
    error_ = answer.error;
    const uint64_t before = next_;
    std::vector<std::byte> bytes = answer.bytes;
    for_each_listed(plus(), bytes, [&](auto& entry) { take_entry(bytes, entry); });
    finished_ =
        error_ != 0 || !entries_.empty() || next_ == before || ++questions_ > kMostQuestions;
  }

  template <class Walker>
  void take_entry(std::vector<std::byte>& bytes, Walker& entry) {
    const uint64_t name = streams_.hash(entry.name());
    next_ = entry.dirent().off;
    if (!listing_.delivered.insert(name).second) return give_back(entry);
    uint64_t offset = 0;
    if (at_ < known_.size() && known_[at_].name == name) {
      offset = known_[at_++].offset;
    } else {
      at_ = known_.size();
      offset = streams_.new_offset();
    }
    entry.set_offset(offset);
    listing_.last.push_back({{offset, name}, next_});
    const auto from = bytes.begin() + static_cast<ptrdiff_t>(entry.position());
    entries_.insert(entries_.end(), from, from + static_cast<ptrdiff_t>(entry.size()));
  }

  // The lookup of an entry that is not delivered.
  void give_back(const wire::DirentplusWalker& entry) {
    const uint64_t ino = entry.entry().nodeid;
    if (ino == 0 || entry.name() == "." || entry.name() == "..") return;
    tell_forget(*req_.session, *req_.lane, ino, 1);
  }
  void give_back(const wire::DirentWalker&) {}

  static constexpr int kAsking = 0;
  static constexpr int kAnswered = 1;
  static constexpr int kWaiting = 2;

  fuse_req& req_;
  StreamTable& streams_;
  const wire::ReadArgs args_;
  const uint64_t ino_;
  const uint64_t fs_fh_;
  ResumedListing listing_;
  uint64_t next_;
  std::vector<StreamEntry> known_;
  size_t at_ = 0;  // in `known_`
  Done done_;
  std::vector<std::byte> entries_;
  int error_ = 0;
  bool finished_ = false;
  unsigned questions_ = 0;
  std::atomic<int> turn_{kAsking};
};

// The kernel goes on in the middle of the last reply, or behind it. Where the filesystem does.
std::optional<uint64_t> go_back_to(ResumedListing& listing, uint64_t offset) {
  const auto at = std::find_if(listing.last.begin(), listing.last.end(),
                               [&](const auto& told) { return told.entry.offset == offset; });
  if (at == listing.last.end()) return std::nullopt;
  const uint64_t next = at->next;
  for (auto it = at + 1; it != listing.last.end(); ++it) listing.delivered.erase(it->entry.name);
  // The kernel may come here again: an answer need not have brought it further.
  listing.last.assign(1, ResumedListing::Told(*at));
  return next;
}

}  // namespace

std::optional<ResumedListing> ReconnectSeam::take_resumed(HandleId handle) {
  const std::lock_guard guard(resumed_lock_);
  const auto found = resumed_.find(handle.value);
  if (found == resumed_.end()) return std::nullopt;
  ResumedListing listing = std::move(found->second);
  resumed_.erase(found);
  return listing;
}

void ReconnectSeam::keep_resumed(HandleId handle, ResumedListing listing) {
  const std::lock_guard guard(resumed_lock_);
  resumed_.insert_or_assign(handle.value, std::move(listing));
}

// True: the request is being taken care of.
bool ReconnectSeam::read_on(fuse_req& req) {
  if (!successor_ || !is_listing(req) || !holds(Guard::stream_read_on)) return false;
  const wire::ReadArgs args = read_args(req);
  const auto handle = state_->handles().find(args.handle);
  const auto node = state_->nodes().find(req.message->node());
  const fuse_lowlevel_ops& ops = session_.ops;
  const bool plus = req.row->opcode == wire::Opcode::readdirplus;
  if (!handle || !node || (plus ? ops.readdirplus == nullptr : ops.readdir == nullptr))
    return false;
  const uint32_t index = handle->index;
  StreamTable& streams = state_->streams();
  if (streams.opened(index) == StreamTable::Opened::here) return false;

  std::optional<ResumedListing> listing = take_resumed(args.handle);
  uint64_t next = 0;
  const auto position = streams.position(index, args.offset);
  if (args.offset == 0) {
    listing.emplace();
    // Only what the kernel itself keeps of the listing still has offsets of others.
    if ((state_->handles().fopen_flags(index) & wire::open_reply::cache_dir) == 0) {
      streams.start_anew(index);
      return false;
    }
  } else if (const auto back = listing ? go_back_to(*listing, args.offset) : std::nullopt) {
    next = *back;
  } else if (position) {
    listing.emplace();
    for (const StreamEntry& entry : streams.entries(index, 0, *position)) {
      listing->delivered.insert(entry.name);
    }
  } else {
    return false;  // somebody else's offset: for the filesystem, as it is
  }
  std::vector<StreamEntry> known;
  if (position) known = streams.entries(index, *position, args.size / kEntryBytes + 1);

  slot_of(req).start_running();
  const auto done = [this, &req, id = args.handle](int error, std::vector<std::byte> entries,
                                                   ResumedListing left) {
    if (error != 0) return answer(req, error);
    keep_resumed(id, std::move(left));
    req.rerun = false;
    const iovec piece{entries.data(), entries.size()};
    reply(req, {.pieces = &piece, .piece_count = 1});
  };
  (new ReadOn(req, streams, state_->nodes().fs_ino(node->index), state_->handles().fs_fh(index),
              *std::move(listing), next, std::move(known), done))
      ->run();
  return true;
}

}  // namespace fuse3::reconnect
