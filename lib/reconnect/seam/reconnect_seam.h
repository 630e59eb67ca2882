// The seam with reconnect switched on: requests are received into slots of the shared state, ids
// are translated between kernel and filesystem, and what replies grant is counted, so that another
// process can go on at any instruction.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "reconnect/holder/holder.h"
#include "reconnect/seam/inquiry.h"
#include "reconnect/seam/listing.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reopen.h"
#include "reconnect/state.h"
#include "session/seam.h"
#include "session/session.h"

namespace fuse3::reconnect {

// What is done once objects of a dead incarnation are known again; the argument is an errno.
using Revived = std::function<void(int error)>;

class ReconnectSeam final : public Seam {
 public:
  // `holder` is null where nobody holds the device for a successor (tests). `runtime_dir` is where
  // the state's name and the keeper's socket are. `successor`: the
  // connection was taken over, and what its last server left has to be settled before the first
  // request.
  ReconnectSeam(fuse_session& session, std::unique_ptr<State> state, std::unique_ptr<Holder> holder,
                UniqueFd runtime_dir, std::string runtime_path, bool successor,
                int previous_end = -1);
  ~ReconnectSeam() override;

  State& state() { return *state_; }

  Result<Place> place(const Place& previous, size_t device_index) override;
  void give_back(const Place& place) override;
  void drop(const Place& place) override;
  bool insists_on_place() const override { return true; }
  bool raise(fuse_req& req, IdRefs& ids) override;
  int reply(fuse_req& req, const Reply& reply) override;
  int reply_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) override;
  void no_reply(fuse_req& req) override;
  void ran(fuse_req& req) override;
  void interrupting(RequestId target) override;
  void forget(fuse_req& req, std::span<fuse_forget_data> items, bool batch) override;
  int hiding(fuse_req& req, std::string_view name, std::string_view hidden) override;
  void not_hidden(fuse_req& req, std::string_view hidden) override;
  bool outlives_server() const override { return true; }
  bool conceals(const fuse_req& req, std::string_view name, const fuse_entry_param* entry) override;
  void note_direntplus(std::span<std::byte> room, const fuse_entry_param& entry) override;
  Result<void> device_added(size_t index, int fd) override;
  Result<void> serving() override;
  bool stopping() override;
  void stopped() override;
  bool leaving() const override { return leave_.load(std::memory_order_acquire) != Leave::no; }
  bool has_pending() override;
  bool leave(unsigned milliseconds) override;
  std::optional<NodeId> node_of(fuse_ino_t ino) override;
  std::optional<NodeId> node_to_invalidate(fuse_ino_t ino) override;
  void backing_opened(uint32_t id) override;

  // The one that a session uses; null if reconnect is off there.
  static ReconnectSeam* of(const fuse_session& session);
  // This process is now a child of the one that made the objects.
  static void all_after_daemonize_fork();

 private:
  // slots_in_hand.cc: slots and their owners
  Slot slot_of(const fuse_req& req) const;
  bool take_pending(Place* place, bool force);
  static bool is_unsettled_rename(const Slot& slot);
  Place place_in(const Slot& slot) const;
  Result<Slot> free_slot();
  bool waits_for_lock(uint32_t index) const;
  void end_suspicion(uint32_t index);
  void let_go(const Place& place);
  void slot_done(uint32_t index);
  void end(fuse_req& req, const Slot& slot);

  // reconnect_seam.cc
  bool is_lent(IdRef stale) const;
  void park_and_revive(fuse_req& req, IdRef stale);
  void run_again(fuse_req& req);
  void answer(fuse_req& req, int error);

  // grants.cc: replies that grant lookups and handles
  int grant(fuse_req& req, const Slot& slot, const Reply& reply, std::span<std::byte> room,
            uint32_t fopen_flags);
  int reply_granting(fuse_req& req, const Slot& slot, const Reply& reply);
  void take_back_grants(const Slot& slot, wire::Opcode opcode, std::span<std::byte> reply);

  // direntplus.cc
  int reply_direntplus(fuse_req& req, const Slot& slot, const Reply& reply);
  size_t grant_entries(fuse_req& req, const Slot& slot, std::span<std::byte> entries, bool* full);

  // listing.cc: directories that are read
  int reply_dirents(fuse_req& req, const Slot& slot, const Reply& reply);
  void note_listing(fuse_req& req, const Slot& slot, std::span<std::byte> entries);
  // listing_resumed.cc: those that a former incarnation began to read
  bool read_on(fuse_req& req);
  std::optional<ResumedListing> take_resumed(HandleId handle);
  void keep_resumed(HandleId handle, ResumedListing listing);

  // replies.cc: all others
  bool reads_one_way(const fuse_req& req);
  int reply_stored(fuse_req& req, const Slot& slot, const Reply& reply);
  int reply_unstored(fuse_req& req, const Slot& slot, const Reply& reply);
  Result<void> store_edges(fuse_req& req, const Slot& slot, const SlotPublish& publish, int error,
                           bool* published);
  int send_stored(fuse_req& req, const Slot& slot);
  void tell_forgets(Lane& lane);

  // revive.cc: objects of former incarnations
  enum class Absence : uint8_t { reported, expected };
  void revive_node(fuse_req& req, uint32_t index, Revived done,
                   Absence absence = Absence::reported);
  void revive_handle(fuse_req& req, HandleId id, Revived done, Absence absence = Absence::reported);

  void tell_hidden(Lane& lane, uint32_t index, std::function<void()> then);
  void reopen_handle(Lane& lane, HandleId id, Revived done);

  // open_files.cc: who has a file open that is removed
  std::vector<HandleId> take_stale_handles(NodeId node);
  std::optional<NodeId> node_in_use(const fuse_req& req);
  bool revive_open_files(fuse_req& req);

  // locks.cc: recorded when they are granted, and taken again in a successor
  struct Revival {
    bool begun = false;
    bool driven = false;  // a thread is at it right now
    std::vector<fuse_req*> waiting;
  };
  Result<void> store_lock(fuse_req& req, const Slot& slot, const SlotPublish& publish);
  void find_stale_locks();
  std::optional<uint64_t> node_with_stale_locks(const fuse_req& req);
  bool take_locks_first(fuse_req& req);
  void revive_locks(fuse_req& req, NodeId node);
  int objection_to_locking(const fuse_req& req);

  // backing_files.cc
  struct OldBacking {
    uint32_t id = 0;
    size_t handles = 0;  // that have it
  };
  void find_old_backings();
  uint32_t backing_for(NodeId node, uint32_t id);
  void backing_left(NodeId node, uint32_t id);
  void sweep_backings();
  void free_handle(const Slot& slot, HandleId id, const SlotPublish& publish);

  // pollers.cc
  void note_poller(const fuse_req& req);
  void wake_pollers();

  // interrupts.cc
  bool mark_interrupted(RequestId target);
  bool settle_interrupt(const Slot& slot);
  // hide.cc: reattach_unlinked=hide
  struct HiddenEdge {
    uint32_t parent;
    std::string name;
  };
  struct Hiding {
    NodeId node;
    std::string name;  // as soon as the file may have it
  };
  using Found = std::function<void(uint64_t fs_ino)>;
  bool is_open(NodeId node);
  bool begin_hiding(const fuse_req& req, NodeId node);
  void go_on_hiding(const fuse_req& req, NodeId node);
  Hiding end_hiding(const fuse_req& req);
  bool is_being_hidden(NodeId node) const;
  bool conceals_lookup(fuse_req& req);
  bool hide_before(fuse_req& req);
  void revive_parent(fuse_req& req, NodeId parent, Found then);
  void find_hidden_name(fuse_req& req, uint64_t parent, NodeId node, unsigned attempt);
  void give_hidden_name(fuse_req& req, uint64_t parent, const std::string& hidden);
  void go_on_hidden(fuse_req& req, int error);
  bool hid_for_rename(const fuse_req& req) const;
  void end_hidden(fuse_req& req);
  void end_rename(fuse_req& req, int error);
  void unhide(fuse_req& req, int error);
  bool remove_hidden_before(fuse_req& req);
  void remove_hidden(fuse_req& req, uint64_t parent, const HiddenEdge& hidden,
                     std::function<void()> then);
  void closed(const fuse_req& req);
  std::optional<HiddenEdge> hidden_edge(NodeId id) const;
  void ask_rename(fuse_req& req, uint64_t parent, const std::string& from, const std::string& to,
                  std::function<void(int error)> then);

  // replay.cc: what a former incarnation was in the middle of
  static constexpr uint32_t kCrashWeight = 8;
  // In a slot's flags: it was running when a server died, and no successor has come to it yet.
  static constexpr uint32_t kAwaitsRerun = 1;
  // It came for the first time while a successor took over: nobody runs it again.
  static constexpr uint32_t kNewcomer = 2;
  static bool is_poison(const Slot& slot);
  static uint32_t weight_of_end(int wait_status);
  int objection_to_rerun(fuse_req& req);
  bool check_before(fuse_req& req);
  bool check_after(fuse_req& req, const Reply& reply);

  // replay_*.cc: how it is found out what the first run did
  bool check_made(fuse_req& req, std::string name, int error);
  bool is_what_was_asked_for(const fuse_req& req, const fuse_entry_param& entry);
  void accept_made(fuse_req& req, const fuse_entry_param& entry);
  void refuse_made(fuse_req& req, const fuse_entry_param& entry, int error);
  void compare_target(fuse_req& req, const fuse_entry_param& entry, int error);
  void compare_linked(fuse_req& req, const fuse_entry_param& entry, int error);
  LentMode lent_mode_of_made(const fuse_req& req);
  bool put_back_made(fuse_req& req);
  void open_made(fuse_req& req, const fuse_entry_param& entry);
  bool check_renamed(fuse_req& req, int error);
  bool is_moved(const fuse_req& req, const Identity& wanted, const Identity& found);
  bool rename_unsettled(NodeId parent, std::string_view name) const;
  bool check_exchanged(fuse_req& req);
  bool check_exchanged_alike(fuse_req& req);
  bool cannot_tell(fuse_req& req);
  bool exchanges_alike(const fuse_req& req);
  std::optional<std::pair<uint64_t, uint64_t>> fs_parents(const fuse_req& req);
  // What a file under a name looks like, as one number; 0: nothing is there.
  using Looked = std::function<void(uint64_t look)>;
  void ask_look(fuse_req& req, uint64_t parent, const char* name, Looked then);
  bool check_appended(fuse_req& req);
  bool check_shifted(fuse_req& req);
  bool check_xattr(fuse_req& req);
  bool check_xattr_removed(fuse_req& req);
  void write_rest(fuse_req& req, size_t done);

  // replay_notes.cc: what has to be known of the time before the first run
  bool ask_before_first_run(fuse_req& req);
  void begin_question(const fuse_req& req);
  void end_question(fuse_req& req, Before before);
  bool note_attribute(fuse_req& req);
  bool note_size(fuse_req& req, HandleId handle);
  bool note_looks(fuse_req& req);
  void ask_attributes(fuse_req& req, NodeId node, HandleId handle, Attributes then);

  // resend.cc: a successor that asks the kernel to send again what the last one had in hand
  bool kernel_can_resend();
  bool wants_resend();
  void send_stored_replies();
  Result<void> ask_and_match();

  // resent.cc: a successor to which that is sent again
  using InHand = std::unordered_map<uint64_t, Slot>;  // by what the kernel called it at first
  using Homeless = std::vector<std::vector<std::byte>>;
  Result<wire::InHeader> receive_again(std::span<std::byte> room);
  Result<void> greet_kernel();
  void forget_devices();
  InHand requests_in_hand();
  Result<void> match_resent(InHand& in_hand, Homeless& homeless);
  static bool ends_resent(const wire::InHeader& header);
  bool meets(const wire::InHeader& header, InHand& in_hand);
  bool kernel_waits_for(const Slot& slot);
  void settle_unsent(Slot slot);
  void house(std::span<const std::byte> request);
  Result<void> take_resent();

  // settle.cc: the start of a successor
  Result<void> adopt_init();
  Result<void> send_saved_init_reply(RequestId id, int device);
  Result<void> settle();
  void settle_slot(const Slot& slot, std::vector<Slot>& again);
  void blame(Slot slot, wire::Opcode opcode);
  void finish_init(Slot slot);
  Result<void> tell_holder();
  HolderSetup holder_setup();

  // reconnect_seam.cc: for the service manager
  std::string stage_in_words(const char* stage) const;
  void announce_served();

  // leave.cc: making way for another server
  void leave_wanted();
  bool call_off();
  unsigned used_slots() const;

  fuse_session& session_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Holder> holder_;
  const UniqueFd runtime_dir_;
  const std::string runtime_path_;
  const bool successor_;
  const int previous_end_;  // how the last server ended, as of waitpid(2); -1: not known
  const uint64_t began_ns_;
  std::atomic<bool> serving_{false};
  std::mutex serving_lock_;

  // no -> wanted, by the keeper; wanted -> finishing, once nobody reads; then left, or no again.
  enum class Leave : uint8_t { no, wanted, finishing, left };
  std::atomic<Leave> leave_{Leave::no};

  // A slot is used by the worker that received into it and by the request; the later of the two to
  // leave gives it back to the pool.
  std::unique_ptr<std::atomic<uint8_t>[]> left_;

  // Requests of the last incarnation that have to be run, oldest first.
  std::atomic<size_t> pending_count_{0};  // with the suspect that is being run
  std::atomic<uint32_t> suspect_{0};      // its slot's index + 1; 0: none
  SpinMutex pending_lock_;
  std::vector<Slot> pending_;

  // With reattach_unlinked=hide: handles whose RELEASE is being run, which keep no file, and by
  // slot what UNLINK and RENAME are hiding.
  std::mutex hide_lock_;
  std::unordered_set<uint64_t> closing_;
  std::unordered_map<uint32_t, Hiding> hiding_;

  // Handles of dead incarnations by node, found when somebody first asks.
  std::mutex stale_lock_;
  bool stale_known_ = false;
  std::unordered_map<uint64_t, std::vector<HandleId>> stale_handles_;

  // Directory streams that a former incarnation began, by handle. One that is being read on is not
  // in here.
  std::mutex resumed_lock_;
  std::unordered_map<uint64_t, ResumedListing> resumed_;

  // Backing files that dead incarnations registered and open files still have, by node.
  std::mutex backings_lock_;  // nothing else is taken under it
  std::unordered_map<uint64_t, OldBacking> old_backings_;
  std::unordered_set<uint32_t> kept_backings_;
  std::atomic<bool> any_old_backings_{false};
  std::atomic<uint32_t> next_sweep_{0};  // 0: none is left
  uint32_t last_sweep_ = 0;

  // Nodes whose locks have to be taken again.
  std::mutex lock_revivals_lock_;
  std::unordered_map<uint64_t, Revival> stale_locks_;
  std::atomic<size_t> stale_lock_nodes_{0};
  std::atomic<uint32_t> locks_revived_{0};  // counts, for those who wait
  std::atomic<bool> locks_lost_{false};
};

}  // namespace fuse3::reconnect
