#include "fake_kernel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "session/has_reply.h"
#include "support/ids.h"
#include "wire/reply.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr uint64_t kInterruptBit = 1;
constexpr uint64_t kUniqueStep = 2;
// The kernel leaves a request unanswered when its reply's error is out of this range.
constexpr int kErrorLimit = 512;

template <class T>
T start_of(const Bytes& bytes) {
  T value{};
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// Where a waiting thread may be cancelled. AddressSanitizer does not see that, so there must be
// nothing of it in the frame that goes.
__attribute__((no_sanitize("address"))) bool wait_for_queue(int fd) {
  uint64_t one;
  return ::read(fd, &one, sizeof one) == sizeof one;
}

// Beyond that a thread is left alone.
class Uncancellable {
 public:
  Uncancellable() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~Uncancellable() { pthread_setcancelstate(before_, nullptr); }
  Uncancellable(const Uncancellable&) = delete;
  Uncancellable& operator=(const Uncancellable&) = delete;

 private:
  int before_ = 0;
};

}  // namespace

FakeKernel::FakeKernel() : event_(::eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC)) {}

int FakeKernel::open_device() const {
  return ::fcntl(event_.get(), F_DUPFD_CLOEXEC, 0);
}

void FakeKernel::device_moved(int before, int now) {
  std::lock_guard guard(lock_);
  for (auto& [unique, request] : requests_) {
    if (request.device == before && before >= 0) request.device = now;
  }
}

// The order in which the kernel has them does not depend on when they were put back.
void FakeKernel::attached() {
  std::lock_guard guard(lock_);
  Bytes init;
  for (auto at = requests_.rbegin(); at != requests_.rend(); ++at) {
    auto& [unique, request] = *at;
    if (request.opcode == Opcode::init && init.empty()) init = request.bytes;
    if (request.device < 0 || request.answered) continue;
    request.device = -1;
    if (request.opcode == Opcode::init) {
      request.answered = true;  // asked for once more below
      continue;
    }
    send_again(request);
  }
  std::erase_if(queue_, [](const Queued& item) {
    return start_of<wire::InHeader>(item.bytes).opcode == static_cast<uint32_t>(Opcode::init);
  });
  last_unique_ += kUniqueStep;
  std::memcpy(init.data() + offsetof(wire::InHeader, unique), &last_unique_, sizeof last_unique_);
  requests_[last_unique_] =
      Request{.opcode = Opcode::init, .bytes = init, .number = last_unique_, .answer = {}};
  push_first({.bytes = init, .unique = last_unique_});
}

void FakeKernel::send_again(Request& request) {
  request.device = -1;
  request.number |= kResentBit;
  std::memcpy(request.bytes.data() + offsetof(wire::InHeader, unique), &request.number,
              sizeof request.number);
  push_first({.bytes = request.bytes, .unique = request.number});
}

void FakeKernel::take_resend(Resend how) {
  std::lock_guard guard(lock_);
  take_resend_ = how;
}

void FakeKernel::forsake(uint64_t unique) {
  std::lock_guard guard(lock_);
  requests_.at(unique).forsaken = true;
}

int FakeKernel::resend() {
  ++resends_;
  if (take_resend_ == Resend::refuses) return EINVAL;
  if (take_resend_ == Resend::ignores) return 0;
  for (auto& [unique, request] : requests_) {
    if (request.device < 0 || request.answered) continue;
    request.answered = request.forsaken;
    request.answer = {-EINTR, {}};
    if (!request.forsaken) send_again(request);
  }
  return 0;
}

void FakeKernel::push_first(Queued item) {
  push(std::move(item));
  std::rotate(queue_.begin(), queue_.end() - 1, queue_.end());
}

void FakeKernel::push(Queued item) {
  queue_.push_back(std::move(item));
  const uint64_t one = 1;
  if (::write(event_.get(), &one, sizeof one) != sizeof one) ADD_FAILURE() << "eventfd";
}

uint64_t FakeKernel::queue_request(Opcode opcode, uint64_t unique, uint64_t node, const Bytes& body,
                                   Caller caller) {
  wire::InHeader header{};
  header.len = static_cast<uint32_t>(sizeof header + body.size());
  header.opcode = static_cast<uint32_t>(opcode);
  header.unique = unique;
  header.nodeid = node;
  header.uid = caller.uid;
  header.gid = caller.gid;
  header.pid = caller.pid;
  Queued item;
  append(item.bytes, &header, sizeof header);
  append(item.bytes, body.data(), body.size());
  item.unique = unique;
  push(std::move(item));
  return unique;
}

uint64_t FakeKernel::submit(Opcode opcode, uint64_t node, const Bytes& body, Caller caller) {
  std::lock_guard guard(lock_);
  last_unique_ += kUniqueStep;
  book_request(opcode, node, body);
  queue_request(opcode, last_unique_, node, body, caller);
  if (has_reply(opcode)) {
    requests_[last_unique_] = Request{
        .opcode = opcode, .bytes = queue_.back().bytes, .number = last_unique_, .answer = {}};
  }
  return last_unique_;
}

void FakeKernel::submit_raw(Bytes bytes) {
  std::lock_guard guard(lock_);
  push({.bytes = std::move(bytes)});
}

void FakeKernel::submit_notify_reply(uint64_t unique, uint64_t node, const Bytes& body) {
  std::lock_guard guard(lock_);
  queue_request(Opcode::notify_reply, unique, node, body, {0, 0, 0});
}

void FakeKernel::interrupt(uint64_t unique) {
  std::lock_guard guard(lock_);
  uint64_t number = unique;
  if (const auto found = requests_.find(unique); found != requests_.end()) {
    found->second.interrupted = true;
    number = found->second.number;
  }
  queue_request(Opcode::interrupt, number | kInterruptBit, 0, body(wire::InterruptIn{number}),
                {0, 0, 0});
}

void FakeKernel::withdraw(uint64_t unique) {
  std::lock_guard guard(lock_);
  for (Queued& item : queue_) {
    if (item.unique == unique) item = {.bytes = {}, .unique = 0, .error = ENOENT};
  }
}

void FakeKernel::fail_next_read(int error) {
  std::lock_guard guard(lock_);
  push({.bytes = {}, .unique = 0, .error = error});
}

void FakeKernel::end() {
  std::lock_guard guard(lock_);
  ended_ = true;
  push({});
}

void FakeKernel::fail_writes(int error) {
  std::lock_guard guard(lock_);
  write_error_ = error;
}

Answer FakeKernel::wait(uint64_t unique) {
  std::unique_lock guard(lock_);
  const bool came =
      changed_.wait_for(guard, kPatience, [&] { return requests_.at(unique).answered; });
  if (!came) {
    ADD_FAILURE() << wire::opcode_name(requests_.at(unique).opcode) << " was never answered";
    return {};
  }
  return requests_.at(unique).answer;
}

std::optional<Notification> FakeKernel::notification() {
  std::lock_guard guard(lock_);
  if (notifications_.empty()) return std::nullopt;
  Notification first = std::move(notifications_.front());
  notifications_.pop_front();
  return first;
}

ssize_t FakeKernel::read(int fd, void* buffer, size_t size) {
  if (!wait_for_queue(fd)) return -1;
  const Uncancellable here;
  std::lock_guard guard(lock_);
  if (ended_) {
    push({});  // for the next one
    errno = ENODEV;
    return -1;
  }
  const Queued item = std::move(queue_.front());
  queue_.pop_front();
  if (item.error != 0) {
    errno = item.error;
    return -1;
  }
  if (item.bytes.size() > size) {
    errno = EIO;
    return -1;
  }
  devices_.insert(fd);
  if (const auto found = requests_.find(item.unique & ~kResentBit); found != requests_.end()) {
    Request& request = found->second;
    request.device = fd;
    const bool again = (request.number & kResentBit) != 0;
    if (again && (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) ++resent_while_waiting_;
    if (again && request.interrupted) {
      queue_request(Opcode::interrupt, request.number | kInterruptBit, 0,
                    body(wire::InterruptIn{request.number}), {0, 0, 0});
    }
  }
  if (!item.bytes.empty()) std::memcpy(buffer, item.bytes.data(), item.bytes.size());
  return static_cast<ssize_t>(item.bytes.size());
}

ssize_t FakeKernel::write(int fd, const iovec* pieces, int count) {
  if (count > IOV_MAX) {
    errno = EINVAL;
    return -1;
  }
  Bytes message;
  for (int i = 0; i < count; ++i) append(message, pieces[i].iov_base, pieces[i].iov_len);
  const auto size = static_cast<ssize_t>(message.size());
  const auto header = start_of<wire::OutHeader>(message);
  std::lock_guard guard(lock_);
  int error = write_error_;
  if (error == 0 && header.len != message.size()) {
    violations_.push_back("a message whose header does not have its length");
    error = EINVAL;
  }
  if (error == 0) error = take(fd, header, std::move(message));
  if (error == 0) return size;
  errno = error;
  return -1;
}

int FakeKernel::take(int fd, const wire::OutHeader& header, Bytes message) {
  const Bytes payload(message.begin() + sizeof header, message.end());
  if (header.unique == 0) {
    const auto code = static_cast<wire::NotifyCode>(header.error);
    notifications_.push_back({code, payload});
    return code == wire::NotifyCode::resend ? resend() : 0;
  }
  if (header.error <= -kErrorLimit || header.error > 0) {
    violations_.push_back("an error out of range: " + std::to_string(header.error));
    return EINVAL;
  }
  if ((header.unique & kInterruptBit) != 0) return take_interrupt_answer(fd, header);
  const auto found = requests_.find(header.unique & ~kResentBit);
  if (found == requests_.end() || found->second.answered) {
    violations_.push_back("a second reply, or one to what has none");
    return ENOENT;
  }
  Request& request = found->second;
  if (request.number != header.unique) {
    violations_.push_back("a reply to a number that the request has no more");
    return ENOENT;
  }
  if (request.device != fd) {
    violations_.push_back("a reply on another device than its request came from");
    return ENOENT;
  }
  if (header.error != 0 && !payload.empty()) {
    violations_.push_back("an error with data");
    return EINVAL;
  }
  request.answered = true;
  request.answer = {header.error, payload};
  if (header.error == 0) book(request.opcode, message);
  changed_.notify_all();
  return 0;
}

int FakeKernel::take_interrupt_answer(int fd, const wire::OutHeader& header) {
  const uint64_t unique = header.unique & ~kInterruptBit & ~kResentBit;
  const auto found = requests_.find(unique);
  if (found == requests_.end() || found->second.answered || found->second.device != fd ||
      found->second.number != (header.unique & ~kInterruptBit)) {
    return ENOENT;
  }
  if (header.error == -EAGAIN) {
    ++interrupts_sent_again_;
    queue_request(Opcode::interrupt, header.unique, 0,
                  body(wire::InterruptIn{found->second.number}), {0, 0, 0});
  }
  return 0;
}

void FakeKernel::book(Opcode opcode, Bytes& message) {
  if (const auto entry = wire::reply_entry(opcode, message, wire::kMinor);
      entry && entry->nodeid != 0) {
    ++lookups_[entry->nodeid];
  }
  if (const auto open = wire::reply_open(opcode, message, wire::kMinor)) handles_.insert(open->fh);
  if (opcode != Opcode::readdirplus) return;
  const std::span<std::byte> payload = std::span(message).subspan(sizeof(wire::OutHeader));
  for (wire::DirentplusWalker at(payload); at.valid(); at.next()) {
    const uint64_t node = at.entry().nodeid;
    if (node != 0 && at.name() != "." && at.name() != "..") ++lookups_[node];
  }
}

void FakeKernel::book_request(Opcode opcode, uint64_t node, const Bytes& body) {
  const auto forget = [this](uint64_t which, uint64_t count) {
    lookups_[which] -= count;
    if (lookups_[which] == 0) lookups_.erase(which);
  };
  if (opcode == Opcode::forget) forget(node, start_of<wire::ForgetIn>(body).nlookup);
  if (opcode == Opcode::batch_forget) {
    for (size_t at = sizeof(wire::BatchForgetIn); at + sizeof(wire::ForgetOne) <= body.size();
         at += sizeof(wire::ForgetOne)) {
      wire::ForgetOne one;
      std::memcpy(&one, body.data() + at, sizeof one);
      forget(one.nodeid, one.nlookup);
    }
  }
  if (opcode == Opcode::release || opcode == Opcode::releasedir) {
    const auto found = handles_.find(start_of<wire::ReleaseIn>(body).fh);
    if (found != handles_.end()) handles_.erase(found);
  }
}

size_t FakeKernel::queued() const {
  std::lock_guard guard(lock_);
  return queue_.size();
}

bool FakeKernel::read_by_server(uint64_t unique) const {
  std::lock_guard guard(lock_);
  return requests_.at(unique).device >= 0;
}

bool FakeKernel::answered(uint64_t unique) const {
  std::lock_guard guard(lock_);
  return requests_.at(unique).answered;
}

size_t FakeKernel::outstanding() const {
  std::lock_guard guard(lock_);
  size_t count = 0;
  for (const auto& [unique, request] : requests_) {
    if (request.device >= 0 && !request.answered) ++count;
  }
  return count;
}

size_t FakeKernel::interrupts_sent_again() const {
  std::lock_guard guard(lock_);
  return interrupts_sent_again_;
}

size_t FakeKernel::resends() const {
  std::lock_guard guard(lock_);
  return resends_;
}

size_t FakeKernel::resent_while_waiting() const {
  std::lock_guard guard(lock_);
  return resent_while_waiting_;
}

size_t FakeKernel::devices_used() const {
  std::lock_guard guard(lock_);
  return devices_.size();
}

std::map<uint64_t, uint64_t> FakeKernel::lookups() const {
  std::lock_guard guard(lock_);
  return lookups_;
}

std::multiset<uint64_t> FakeKernel::handles() const {
  std::lock_guard guard(lock_);
  return handles_;
}

std::vector<std::string> FakeKernel::violations() const {
  std::lock_guard guard(lock_);
  return violations_;
}

}  // namespace fuse3::test
