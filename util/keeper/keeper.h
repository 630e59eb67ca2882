// The keeper's one loop: watches the server, answers who asks, starts successors.
//
// A server is present from its setup, or from the moment its kAttach is granted, until it is known
// to be gone. A server that runs its loop (it said so in a kHello) is gone when its process is: the
// link may live on in children that it forked. Before that a process may end while a child of it
// goes on as the server; then it is the end of the link that counts, and of the process that last
// said hello. One that attached and has ended the link before its loop has given up, even if its
// process lives on.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "own_process.h"
#include "program.h"
#include "reconnect/holder/protocol.h"
#include "restart_policy.h"
#include "setup.h"

namespace fuse3::keeper {

class Keeper {
 public:
  Keeper(OwnProcess* own, Program program, Setup setup, UniqueFd link);
  // Returns when there is nothing left to keep.
  void run();

 private:
  // More of them wait in the socket's queue.
  static constexpr size_t kMostPeers = 16;

  struct Server {
    pid_t pid = 0;
    UniqueFd process;  // pidfd; empty once the process has ended
    UniqueFd link;     // empty once it has ended
    bool in_loop = false;
    bool attached = false;   // it got the connection from us
    bool heard = false;      // it has said hello
    bool left = false;       // it has finished everything, and ends
    Time linger_deadline{};  // of a process that lingers
    Time heir_deadline{};    // how long a link without a known process may last
    bool present() const { return process || link; }
    // Its process lives, but has ended the link and is not waited for much longer.
    bool lingers() const {
      return process && !link && (left || (!in_loop && (attached || !heard)));
    }
  };
  // Another command, or the same one, is to take the server's place.
  struct Upgrade {
    enum class Phase : uint8_t { leaving, starting, reverting } phase = Phase::leaving;
    UniqueFd asker;
    std::optional<Program> other;  // the new command; from its start on, the one before
    std::chrono::seconds start_within{0};
    Time deadline{};
    std::string failure;
  };
  struct Peer {
    UniqueFd socket;
    pid_t pid;
    uid_t uid;
    Time deadline;
    bool wants_connection;
  };

  void watch_all(std::vector<pollfd>* watched) const;
  int milliseconds_to_next_timer(Time now) const;
  void on_timers(Time now);
  // The server did not wait for us, and may have started another keeper since: nothing is ours.
  bool is_called_off() const;
  void on_signals();
  // Also strangers: what a server leaves behind may come to us. True if pending_child_ was among
  // them.
  bool reap();
  void finish();
  void give_up(const std::string& reason);

  // The server.
  void read_link();
  void on_link_packet(reconnect::Packet* packet);
  void set_server_process(pid_t pid);
  void check_server();
  void end_link();
  void server_lingered();
  void server_is_gone();
  void report_end(Time now, const std::string& how);
  EndKind kind_of_child_end(Time now) const;
  void start_successor(Time now);
  void pending_child_ended(Time now);
  void end_unready_server();
  std::string last_end() const;

  // Peers.
  void accept_peers();
  void read_peer(Peer* peer);
  void refuse_all(reconnect::Refusal reason, const std::string& text);
  void refuse(Peer* peer, reconnect::Refusal reason, int number, const std::string& text);
  void answer_status(Peer* peer);
  void describe_outage(Time now, reconnect::StatusReplyMessage* message) const;
  void grant_if_possible();
  bool grant(Peer* peer);

  // upgrade.cc
  void begin_upgrade(Peer* peer, reconnect::Packet* packet);
  void on_drained(unsigned outstanding);
  bool may_start_upgraded();
  void revert_upgrade(const std::string& failure);
  void finish_upgrade();
  void end_upgrade(reconnect::UpgradeResult result, const std::string& text);
  void check_upgrade_deadline(Time now);
  void drop_finished_peers();
  reconnect::HolderState state() const;

  OwnProcess* const own_;
  Program program_;
  Holdings held_;
  const UniqueFd listener_;
  const std::chrono::seconds timeout_;
  RestartPolicy policy_;

  Server server_;
  std::optional<Upgrade> upgrade_;
  std::vector<Peer> peers_;  // dropped when their socket is empty
  unsigned restarts_ = 0;
  bool detached_ = false;
  bool stopping_ = false;
  bool done_ = false;

  pid_t pending_child_ = 0;          // started, and has neither asked for the connection nor ended
  pid_t last_child_ = 0;             // the last one started, whatever became of it
  std::optional<int> last_status_;   // of last_child_, once it has ended
  std::optional<int> server_end_;    // of the last server, if it was ours to wait for
  pid_t ended_server_ = 0;           // the last one that is gone,
  std::optional<int> ended_status_;  // and how it ended, as above
  Time last_start_{};
  std::optional<Time> reported_;
  unsigned unreported_ = 0;
};

}  // namespace fuse3::keeper
