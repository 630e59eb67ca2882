// The kernel's side of a connection, as much of it as a server can notice: requests wait in a
// queue; a reply is taken once, and only on the device its request was read from; an interrupt that
// is answered with EAGAIN is sent again; what replies grant (lookups, open handles) is counted.
//
// Stands behind fuse_custom_io, so it needs neither root nor a device. Every wait has a limit.
#pragma once

#include <sys/uio.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/unique_fd.h"
#include "wire/protocol.h"

namespace fuse3::test {

using Bytes = std::vector<std::byte>;

inline void append(Bytes& bytes, const void* from, size_t size) {
  if (size == 0) return;
  const size_t before = bytes.size();
  bytes.resize(before + size);
  std::memcpy(bytes.data() + before, from, size);
}

// One part of a request: a struct as it is, a `const char*` with its NUL, a string_view without.
template <class Part>
void append_part(Bytes& bytes, const Part& part) {
  if constexpr (std::is_convertible_v<Part, const char*>) {
    const char* text = part;
    append(bytes, text, std::strlen(text) + 1);
  } else if constexpr (std::is_same_v<Part, std::string_view>) {
    append(bytes, part.data(), part.size());
  } else {
    static_assert(std::is_trivially_copyable_v<Part>);
    append(bytes, &part, sizeof part);
  }
}

template <class... Parts>
Bytes body(const Parts&... parts) {
  Bytes bytes;
  (append_part(bytes, parts), ...);
  return bytes;
}

struct Caller {
  uint32_t uid = 1000;
  uint32_t gid = 1001;
  uint32_t pid = 1002;
};

struct Answer {
  int error = -ETIMEDOUT;  // as on the wire: 0 or a negative errno
  Bytes payload;

  bool ok() const { return error == 0; }
  std::string text() const {
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }
  // The start of the payload; zeroes where it is shorter.
  template <class T>
  T as() const {
    T value{};
    std::memcpy(&value, payload.data(), std::min(sizeof value, payload.size()));
    return value;
  }
};

struct Notification {
  wire::NotifyCode code;
  Bytes payload;
};

class FakeKernel {
 public:
  FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  // A new descriptor of the device, for the session to own.
  int open_device() const;
  // Another process goes on with what was read from `before`.
  void device_moved(int before, int now);
  // Another process attached when nobody had the device any more (kernel/README.rst): it is asked
  // for INIT first, and gets again what was read and not answered, with other numbers.
  void attached();

  // How it takes FUSE_NOTIFY_RESEND. By default it sends again, youngest first.
  enum class Resend { obeys, refuses, ignores };
  void take_resend(Resend how);
  // Whoever made the request will be killed when the kernel is about to send it again.
  void forsake(uint64_t unique);

  // What applications do. `submit` returns the request's unique.
  uint64_t submit(wire::Opcode opcode, uint64_t node, const Bytes& body = {}, Caller caller = {});
  void submit_raw(Bytes bytes);
  // Asks for the end of a request, as a signal to the application does.
  void interrupt(uint64_t unique);
  // The request will not be read any more.
  void withdraw(uint64_t unique);
  Answer wait(uint64_t unique);
  // The unique of a NOTIFY_REPLY is the one the notification named.
  void submit_notify_reply(uint64_t unique, uint64_t node, const Bytes& body);
  std::optional<Notification> notification();

  // Misbehaviour. The next read gives an error; from `end` on all do (ENODEV).
  void fail_next_read(int error);
  void end();
  void fail_writes(int error);

  // What it noticed.
  size_t queued() const;
  bool read_by_server(uint64_t unique) const;
  bool answered(uint64_t unique) const;
  size_t outstanding() const;  // read and not answered
  size_t interrupts_sent_again() const;
  size_t resends() const;  // how often it was asked to send again
  // Requests sent again that were read by who could have waited for them for ever.
  size_t resent_while_waiting() const;
  size_t devices_used() const;
  std::map<uint64_t, uint64_t> lookups() const;
  std::multiset<uint64_t> handles() const;
  // What no kernel would have taken.
  std::vector<std::string> violations() const;

  // The device.
  ssize_t read(int fd, void* buffer, size_t size);
  ssize_t write(int fd, const iovec* pieces, int count);

 private:
  struct Request {
    wire::Opcode opcode;
    Bytes bytes = {};
    uint64_t number = 0;  // what the kernel calls it now
    int device = -1;      // -1: not read yet
    bool answered = false;
    Answer answer = {};
    bool interrupted = false;
    bool forsaken = false;
  };
  struct Queued {
    Bytes bytes = {};
    uint64_t unique = 0;
    int error = 0;
  };

  uint64_t queue_request(wire::Opcode opcode, uint64_t unique, uint64_t node, const Bytes& body,
                         Caller caller);
  void push(Queued item);
  void push_first(Queued item);
  void send_again(Request& request);
  int resend();
  int take(int fd, const wire::OutHeader& header, Bytes message);
  int take_interrupt_answer(int fd, const wire::OutHeader& header);
  void book(wire::Opcode opcode, Bytes& message);
  void book_request(wire::Opcode opcode, uint64_t node, const Bytes& body);

  mutable std::mutex lock_;
  std::condition_variable changed_;
  UniqueFd event_;  // counts what is queued
  std::deque<Queued> queue_;
  std::map<uint64_t, Request> requests_;
  std::deque<Notification> notifications_;
  std::map<uint64_t, uint64_t> lookups_;
  std::multiset<uint64_t> handles_;
  std::set<int> devices_;
  std::vector<std::string> violations_;
  uint64_t last_unique_ = 0;
  size_t interrupts_sent_again_ = 0;
  Resend take_resend_ = Resend::obeys;
  size_t resends_ = 0;
  size_t resent_while_waiting_ = 0;
  int write_error_ = 0;
  bool ended_ = false;
};

}  // namespace fuse3::test
