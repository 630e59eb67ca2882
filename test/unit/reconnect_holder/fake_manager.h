// A service manager as far as a descriptor store goes: what sd_notify(3) and systemd.service(5) say
// of FDSTORE, FDSTOREREMOVE, FDNAME and BARRIER.
#pragma once

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/unique_fd.h"

namespace fuse3::reconnect::test {

class FakeManager {
 public:
  // `address` is a path, or "@" and an abstract name. `room` is FileDescriptorStoreMax=.
  explicit FakeManager(std::string address, size_t room = 16)
      : address_(std::move(address)),
        room_(room),
        socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        stop_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address_.copy(name.sun_path, sizeof name.sun_path - 1);
    if (address_[0] == '@') name.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) perror("bind");
  }
  ~FakeManager() {
    if (thread_.joinable()) {
      eventfd_write(stop_.get(), 1);
      thread_.join();
    }
    if (address_[0] == '/') unlink(address_.c_str());
  }

  // Until then messages wait.
  void run() {
    thread_ = std::thread([this] {
      for (;;) {
        pollfd watched[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
        poll(watched, 2, -1);
        if (watched[1].revents != 0) return;
        receive();
      }
    });
  }

  std::vector<std::string> names() {
    std::lock_guard guard(lock_);
    std::vector<std::string> all;
    for (const auto& [name, fd] : store_) all.push_back(name);
    return all;
  }
  // What a new process of the service gets, in this order; the caller closes them.
  std::vector<std::pair<std::string, int>> pass_on() {
    std::lock_guard guard(lock_);
    std::vector<std::pair<std::string, int>> all;
    for (const auto& [name, fd] : store_) all.emplace_back(name, dup(fd.get()));
    return all;
  }
  std::vector<std::string> messages() {
    std::lock_guard guard(lock_);
    return messages_;
  }

 private:
  void receive() {
    char text[4096];
    iovec piece{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))];
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t length = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (length < 0) return;
    std::vector<UniqueFd> fds;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
      const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd;
        memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
        fds.emplace_back(fd);
      }
    }
    act(std::string(text, static_cast<size_t>(length)), std::move(fds));
  }

  // What is not stored is closed on return, as systemd does it.
  void act(const std::string& text, std::vector<UniqueFd> fds) {
    std::lock_guard guard(lock_);
    messages_.push_back(text);
    std::istringstream lines(text);
    std::string line, name = "stored";
    bool store = false, remove = false;
    while (std::getline(lines, line)) {
      if (line == "FDSTORE=1") store = true;
      if (line == "FDSTOREREMOVE=1") remove = true;
      if (line.rfind("FDNAME=", 0) == 0) name = line.substr(7);
    }
    if (remove) std::erase_if(store_, [&](const auto& kept) { return kept.first == name; });
    for (UniqueFd& fd : fds) {
      if (store && store_.size() < room_) store_.emplace_back(name, std::move(fd));
    }
  }

  const std::string address_;
  const size_t room_;
  const UniqueFd socket_;
  const UniqueFd stop_;
  std::mutex lock_;
  std::vector<std::pair<std::string, UniqueFd>> store_;
  std::vector<std::string> messages_;
  std::thread thread_;
};

}  // namespace fuse3::reconnect::test
