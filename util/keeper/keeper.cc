#include "keeper.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "keeper_log.h"

namespace fuse3::keeper {

using namespace reconnect;

namespace {

bool has_event(const std::vector<pollfd>& watched, int fd) {
  return std::any_of(watched.begin(), watched.end(),
                     [&](const pollfd& w) { return w.fd == fd && w.revents != 0; });
}

}  // namespace

Keeper::Keeper(OwnProcess* own, Program program, Setup setup, UniqueFd link)
    : own_(own),
      program_(std::move(program)),
      held_(std::move(setup.holdings)),
      listener_(std::move(setup.listener)),
      timeout_(setup.timeout),
      policy_(setup.timeout) {
  server_.link = std::move(link);
  set_server_process(setup.server_pid);
}

void Keeper::watch_all(std::vector<pollfd>* watched) const {
  auto watch = [&](const UniqueFd& fd) {
    if (fd) watched->push_back({fd.get(), POLLIN, 0});
  };
  watched->push_back({own_->signals(), POLLIN, 0});
  if (peers_.size() < kMostPeers) watch(listener_);
  watch(server_.link);
  watch(server_.process);
  for (const Peer& peer : peers_) watch(peer.socket);
  // Not while a server lives: each request would wake both of us.
  if (!server_.present()) watched->push_back({held_.some_device(), 0, 0});
}

void Keeper::run() {
  std::vector<pollfd> watched;
  while (!done_) {
    watched.clear();
    watch_all(&watched);
    int ready = poll(watched.data(), watched.size(), milliseconds_to_next_timer(Clock::now()));
    if (ready < 0 && errno != EINTR) {
      say(LOG_ERR, "cannot wait: %s", strerror(errno));
      give_up("the keeper failed");
      return;
    }
    if (is_called_off()) return;
    // The link before anything else: what was sent on it was sent before its sender's end.
    if (server_.present()) check_server();
    if (!done_ && has_event(watched, own_->signals())) on_signals();
    if (!done_ && !server_.present() && held_.mount_is_gone()) {
      // Whom we started must not find the mountpoint free and mount again.
      end_unready_server();
      finish();
    }
    if (!done_ && has_event(watched, listener_.get())) accept_peers();
    for (size_t i = 0; i < peers_.size() && !done_; ++i) {
      if (peers_[i].socket && has_event(watched, peers_[i].socket.get())) read_peer(&peers_[i]);
    }
    if (!done_) grant_if_possible();
    if (!done_) on_timers(Clock::now());
    drop_finished_peers();
  }
}

int Keeper::milliseconds_to_next_timer(Time now) const {
  Time next = Time::max();
  for (const Peer& peer : peers_) next = std::min(next, peer.deadline);
  if (upgrade_) next = std::min(next, upgrade_->deadline);
  if (server_.lingers()) next = std::min(next, server_.linger_deadline);
  if (std::optional<Time> end = policy_.deadline()) next = std::min(next, *end);
  if (server_.link && !server_.process) next = std::min(next, server_.heir_deadline);
  if (!server_.present() && pending_child_ == 0 && !detached_)
    next = std::min(next, policy_.next_start());
  if (next == Time::max()) return -1;
  if (next <= now) return 0;
  return static_cast<int>(
      std::min<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count(), 60000));
}

void Keeper::on_timers(Time now) {
  if (server_.lingers() && now >= server_.linger_deadline) {
    server_lingered();
    if (done_) return;
    grant_if_possible();
  }
  for (Peer& peer : peers_) {
    if (!peer.socket || now < peer.deadline) continue;
    if (peer.wants_connection) {
      refuse(&peer, Refusal::kBusy, server_.pid,
             "process " + std::to_string(server_.pid) + " is serving it");
    }
    peer.socket.reset();
  }
  if (upgrade_) check_upgrade_deadline(now);
  if (server_.link && !server_.process && now >= server_.heir_deadline) {
    say(LOG_WARNING, "process %d ended, and no other one took its place", server_.pid);
    server_is_gone();
    if (done_) return;
  }
  if (policy_.too_many_failures() && !server_.present()) {
    give_up(std::to_string(policy_.failures()) + " starts failed");
  } else if (policy_.too_late(now) && !(server_.present() && server_.in_loop)) {
    give_up("no server for " + std::to_string(timeout_.count()) + " s");
  } else if (!server_.present() && pending_child_ == 0 && !detached_ &&
             now >= policy_.next_start()) {
    start_successor(now);
  }
}

bool Keeper::is_called_off() const {
  pollfd listener{listener_.get(), 0, 0};
  return poll(&listener, 1, 0) == 1 && (listener.revents & POLLHUP) != 0;
}

void Keeper::on_signals() {
  signalfd_siginfo info;
  while (read(own_->signals(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGTERM) stopping_ = true;
  }
  if (reap() && !server_.present()) pending_child_ended(Clock::now());
  if (stopping_ && !server_.present()) {
    say(LOG_NOTICE, "told to stop while no server runs: the mount is abandoned");
    end_unready_server();
    held_.abort_connection();
    finish();
  }
}

bool Keeper::reap() {
  bool pending_ended = false;
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == last_child_) last_status_ = status;
    if (pid == server_.pid) server_end_ = status;
    if (pid == ended_server_) ended_status_ = status;
    if (pid != pending_child_) continue;
    pending_child_ = 0;
    pending_ended = true;
  }
  return pending_ended;
}

void Keeper::finish() {
  held_.remove_files();
  done_ = true;
}

void Keeper::give_up(const std::string& reason) {
  say(LOG_ERR, "giving up (%s%s): the connection is aborted", reason.c_str(), last_end().c_str());
  refuse_all(Refusal::kGivenUp, "its server was given up: " + reason);
  held_.abort_connection();
  end_unready_server();
  finish();
}

}  // namespace fuse3::keeper
