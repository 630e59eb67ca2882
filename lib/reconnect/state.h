// Everything a successor needs, in one object: the mapping and the tables in it.
//
// In the first incarnation: create(), claim(Generation{0}, pid). In a successor: open(), make sure
// that the predecessor is dead, claim(generation(), pid), recover(). Before claim() nothing is
// written.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "reconnect/handle_table.h"
#include "reconnect/layout.h"
#include "reconnect/lock_table.h"
#include "reconnect/mapping.h"
#include "reconnect/node_table.h"
#include "reconnect/slots.h"
#include "reconnect/stream_table.h"
#include "support/ids.h"
#include "support/result.h"
#include "support/spin_mutex.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// `start_time` as in /proc/PID/stat; 0: not known.
struct Server {
  pid_t pid = 0;
  uint64_t start_time = 0;
};

// The one that claimed the state last.
Server server_of(const Header& header);
bool is_alive(const Server& server);

// When a process started; 0 if there is no such process.
uint64_t process_start_time(pid_t pid);

class State {
 public:
  static Result<std::unique_ptr<State>> create(UniqueFd fd, const StateParameters& parameters);
  // EPROTO: it cannot be used; `why` is a sentence that says what is wrong with it.
  static Result<std::unique_ptr<State>> open(UniqueFd fd, std::string* why);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Mapping& mapping() { return mapping_; }
  int fd() const { return mapping_.fd(); }
  SpinMutex& table_lock() { return lock_; }
  NodeTable& nodes() { return nodes_; }
  HandleTable& handles() { return handles_; }
  StreamTable& streams() { return streams_; }
  LockTable& locks() { return locks_; }
  SlotPool& slots() { return slots_; }

  // ---- whose it is
  uint32_t connection() const { return header().fixed.connection; }
  uid_t owner() const { return header().fixed.owner; }
  std::string_view executable() const { return header().fixed.executable; }
  std::string_view options() const { return header().fixed.options; }
  std::string_view mountpoint() const { return header().fixed.mountpoint; }

  // ---- incarnations
  Generation generation() const;
  Server server() const { return server_of(header()); }
  bool server_alive() const { return is_alive(server()); }
  // Raises the generation from `expected`; one of several callers wins, the others get EBUSY and
  // have touched nothing.
  Result<Generation> claim(Generation expected, pid_t pid);
  // This incarnation goes on in a child process, which calls this. Slots acquired before the fork
  // are to be made present again.
  void set_pid(pid_t pid);
  // This incarnation has finished everything and serves no more, though its process may live on.
  void leave();
  // For a successor that has claimed it: seconds since the first one of this outage did. What an
  // outage is ends with end_outage().
  uint64_t count_outage();
  void end_outage();
  // Tells this state from others of the same connection number.
  uint64_t nonce() const;
  // Redoes journals and hands out the empty slots. How many journals there were. EUCLEAN.
  Result<size_t> recover();

  // ---- INIT as exchanged; empty: not there. EMSGSIZE.
  Result<void> save_init_request(std::span<const std::byte> bytes);
  Result<void> save_init_reply(std::span<const std::byte> bytes);
  std::span<const std::byte> init_request() const;
  std::span<const std::byte> init_reply() const;

  // ---- with a kernel that waits for the next server by itself
  // What the mount is, in all the time this kernel runs; 0: not known.
  uint64_t mount_id() const { return load(header().mount_id); }
  void set_mount_id(uint64_t id) { store(header().mount_id, id); }
  // The kernel's count of servers. `perhaps_one_more`: one died before it knew whether it counted.
  struct KernelCount {
    uint64_t servers = 1;
    bool perhaps_one_more = false;
  };
  KernelCount kernel_count() const;
  void set_kernel_count(KernelCount count);

  // ---- asking the kernel to send again what it waits for (seam/resend.cc)
  // From before it is asked until all slots have the kernel's numbers: the next server has to ask
  // as well, and one with a library that cannot is kept out.
  struct Resend {
    bool begun = false;
    bool unblocked = false;  // device 0 is to wait for requests again
  };
  Resend resend() const;
  void begin_resend(bool unblocks);
  void end_resend();

  // ---- devices: numbers only, the descriptors travel with the holder
  uint32_t device_count() const;
  // ENOSPC.
  Result<uint32_t> add_device();
  // All of them are gone, and there is one again. No slot names another.
  void start_with_one_device() { store(header().device_count, 1); }

  // ---- counters over all incarnations
  enum class Figure : uint8_t {
    replayed,
    resent,
    poisoned,
    stale,
    deaths,
    kernel_resent,
    resend_unknown,
    resend_missing,
  };
  void count(Figure figure, uint64_t n = 1);
  uint64_t figure(Figure figure) const;
  void set_last_recovery_ns(uint64_t ns) { store(header().figures.last_recovery_ns, ns); }
  uint64_t last_recovery_ns() const { return load(header().figures.last_recovery_ns); }

  // Every invariant of every table, in time that grows with them. Nobody may change them meanwhile.
  Result<void> verify_full(std::string* why);

 private:
  explicit State(Mapping mapping);
  Header& header() const { return mapping_.header(); }
  uint64_t& word(Figure figure) const;
  void note_start_time(Generation generation, pid_t pid);

  Mapping mapping_;
  SpinMutex lock_;
  NodeTable nodes_;
  StreamTable streams_;
  HandleTable handles_;
  LockTable locks_;
  SlotPool slots_;
};

}  // namespace fuse3::reconnect
