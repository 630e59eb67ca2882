#include "torture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "fuse_lowlevel.h"
#include "wire/protocol.h"

namespace fuse3::test {
namespace {

// How a packet is treated.
constexpr unsigned kFitLength = 1;   // its header says how long it is
constexpr unsigned kNumber = 2;      // it gets a unique of its own
constexpr unsigned kAllOpcodes = 4;  // it comes once as each of them
constexpr unsigned kHold = 8;        // its answer is given at the end

volatile unsigned sink;
std::vector<fuse_req_t> held;
bool hold = false;

void require(bool truth) {
  if (!truth) std::abort();
}

void touch(const void* bytes, size_t size) {
  unsigned sum = 0;
  for (size_t i = 0; i < size; ++i) sum += static_cast<const unsigned char*>(bytes)[i];
  sink = sink + sum;
}

void touch(const char* text) {
  require(text != nullptr);
  touch(text, std::strlen(text));
}

template <class T>
void touch_all(const T& value) {
  if constexpr (std::is_same_v<T, const char*>) {
    touch(value);
  } else if constexpr (std::is_pointer_v<T>) {
    if constexpr (!std::is_void_v<std::remove_pointer_t<T>> &&
                  !std::is_same_v<T, fuse_pollhandle*>) {
      if (value != nullptr) touch(value, sizeof *value);
    }
  } else {
    touch(&value, sizeof value);
  }
}

// Takes what the operation was given; the answer is the same for all.
template <class... Args>
void take(fuse_req_t req, Args... args) {
  (touch_all(args), ...);
  (void)fuse_req_interrupted(req);
  if (hold) {
    held.push_back(req);
  } else {
    fuse_reply_err(req, 0);
  }
}

void take_entry(fuse_req_t req, fuse_ino_t ino) {
  fuse_entry_param entry{};
  entry.ino = ino;
  touch_all(ino);
  fuse_reply_entry(req, &entry);
}

void take_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  touch(name);
  take_entry(req, parent + 1);
}

void take_create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t,
                 fuse_file_info* info) {
  touch(name);
  fuse_entry_param entry{};
  entry.ino = parent + 1;
  fuse_reply_create(req, &entry, info);
}

void take_write(fuse_req_t req, fuse_ino_t, const char* data, size_t size, off_t, fuse_file_info*) {
  touch(data, size);
  fuse_reply_write(req, size);
}

void take_setxattr(fuse_req_t req, fuse_ino_t, const char* name, const char* value, size_t size,
                   int) {
  touch(name);
  touch(value, size);
  fuse_reply_err(req, 0);
}

void take_ioctl(fuse_req_t req, fuse_ino_t, unsigned, void*, fuse_file_info*, unsigned,
                const void* in, size_t in_size, size_t) {
  require(in != nullptr || in_size == 0);
  touch(in, in_size);
  fuse_reply_ioctl(req, 0, in, in_size);
}

void take_poll(fuse_req_t req, fuse_ino_t, fuse_file_info*, fuse_pollhandle* handle) {
  if (handle != nullptr) {
    fuse_lowlevel_notify_poll(handle);
    fuse_pollhandle_destroy(handle);
  }
  fuse_reply_poll(req, 0);
}

void take_retrieved(fuse_req_t req, void*, fuse_ino_t, off_t, fuse_bufvec* data) {
  touch(data->buf[0].mem, fuse_buf_size(data));
  fuse_reply_none(req);
}

void take_forget(fuse_req_t req, fuse_ino_t, uint64_t count) {
  touch_all(count);
  fuse_reply_none(req);
}

void take_forgets(fuse_req_t req, size_t count, fuse_forget_data* items) {
  touch(items, count * sizeof *items);
  fuse_reply_none(req);
}

void take_readdirplus(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info*) {
  const fuse_entry_param entry{};
  std::vector<char> room(size % 4096);
  size_t used = 0;
  while (true) {
    const size_t more =
        fuse_add_direntry_plus(req, room.data() + used, room.size() - used, "name", &entry, offset);
    if (used + more > room.size()) break;
    used += more;
  }
  fuse_reply_buf(req, room.data(), used);
}

fuse_lowlevel_ops operations(bool batches) {
  fuse_lowlevel_ops ops{};
  ops.lookup = take_lookup;
  ops.getattr = take;
  ops.setattr = take;
  ops.readlink = take;
  ops.mknod = take;
  ops.mkdir = take;
  ops.unlink = take;
  ops.rmdir = take;
  ops.symlink = take;
  ops.rename = take;
  ops.link = take;
  ops.open = take;
  ops.read = take;
  ops.write = take_write;
  ops.flush = take;
  ops.release = take;
  ops.fsync = take;
  ops.opendir = take;
  ops.readdir = take;
  ops.releasedir = take;
  ops.fsyncdir = take;
  ops.statfs = take;
  ops.setxattr = take_setxattr;
  ops.getxattr = take;
  ops.listxattr = take;
  ops.removexattr = take;
  ops.access = take;
  ops.create = take_create;
  ops.getlk = take;
  ops.setlk = take;
  ops.bmap = take;
  ops.ioctl = take_ioctl;
  ops.poll = take_poll;
  ops.retrieve_reply = take_retrieved;
  ops.flock = take;
  ops.fallocate = take;
  ops.readdirplus = take_readdirplus;
  ops.copy_file_range = take;
  ops.lseek = take;
  ops.tmpfile = take;
  ops.statx = take;
  ops.forget = take_forget;
  if (batches) ops.forget_multi = take_forgets;
  return ops;
}

// Messages must be whole, and errors such as the kernel takes.
ssize_t check_message(int, iovec* pieces, int count, void*) {
  wire::OutHeader header;
  require(count > 0 && pieces[0].iov_len >= sizeof header);
  std::memcpy(&header, pieces[0].iov_base, sizeof header);
  size_t size = 0;
  for (int i = 0; i < count; ++i) {
    touch(pieces[i].iov_base, pieces[i].iov_len);
    size += pieces[i].iov_len;
  }
  require(header.len == size);
  require(header.unique == 0 || (header.error <= 0 && header.error > -512));
  return static_cast<ssize_t>(size);
}

ssize_t read_nothing(int, void*, size_t, void*) {
  return 0;
}

// Only as much memory as the packet has, so that one byte too far is seen.
void process(fuse_session* session, std::span<const std::byte> packet) {
  std::unique_ptr<std::byte[]> copy(new std::byte[packet.size()]);
  if (!packet.empty()) std::memcpy(copy.get(), packet.data(), packet.size());
  fuse_buf buffer{};
  buffer.mem = copy.get();
  buffer.size = packet.size();
  fuse_session_process_buf(session, &buffer);
}

void process_with_header(fuse_session* session, std::vector<std::byte> packet, unsigned how,
                         uint64_t unique) {
  wire::InHeader header;
  if (packet.size() < sizeof header) return process(session, packet);
  std::memcpy(&header, packet.data(), sizeof header);
  if ((how & kFitLength) != 0) header.len = static_cast<uint32_t>(packet.size());
  if ((how & kNumber) != 0) header.unique = unique;
  const uint32_t last = (how & kAllOpcodes) != 0 ? wire::kLastOpcode + 1 : 0;
  for (uint32_t opcode = 0; opcode <= last; ++opcode) {
    if (last > 0) header.opcode = opcode;
    std::memcpy(packet.data(), &header, sizeof header);
    process(session, packet);
  }
}

void start(fuse_session* session, unsigned minor, uint64_t flags) {
  struct {
    wire::InHeader header;
    wire::InitIn in;
  } packet{};
  packet.header.len = sizeof packet;
  packet.header.opcode = static_cast<uint32_t>(wire::Opcode::init);
  packet.in.major = wire::kMajor;
  packet.in.minor = minor;
  packet.in.flags = static_cast<uint32_t>(flags) | static_cast<uint32_t>(wire::init_flag::init_ext);
  packet.in.flags2 = static_cast<uint32_t>(flags >> 32);
  process(session, std::as_bytes(std::span(&packet, 1)));
}

void silence(fuse_log_level, const char*, va_list) {}

}  // namespace

void torture(std::span<const std::byte> input) {
  if (input.size() < 2) return;
  fuse_set_log_func(silence);
  const auto minor = static_cast<unsigned>(input[0]);
  const auto flags = static_cast<unsigned>(input[1]);
  input = input.subspan(2);
  char name[] = "torture";
  char* arguments[] = {name, nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, arguments);
  const fuse_lowlevel_ops ops = operations((flags & 1) != 0);
  fuse_session* session = fuse_session_new(&args, &ops, sizeof ops, nullptr);
  fuse_opt_free_args(&args);
  require(session != nullptr);
  fuse_custom_io io{};
  io.writev = check_message;
  io.read = read_nothing;
  require(fuse_session_custom_io(session, &io, ::open("/dev/null", O_RDWR | O_CLOEXEC)) == 0);
  start(session, minor, uint64_t{flags} << 24);
  (void)fuse_lowlevel_notify_retrieve(session, 1, 100, 0, nullptr);

  uint64_t unique = 2;
  while (input.size() > 3) {
    const size_t length = static_cast<size_t>(input[0]) | static_cast<size_t>(input[1]) << 8;
    const auto how = static_cast<unsigned>(input[2]);
    input = input.subspan(3);
    const auto packet = input.first(std::min(length, input.size()));
    input = input.subspan(packet.size());
    hold = (how & kHold) != 0;
    process_with_header(session, {packet.begin(), packet.end()}, how, unique += 2);
  }
  for (fuse_req_t req : held) fuse_reply_err(req, 0);
  held.clear();
  fuse_session_destroy(session);
  fuse_set_log_func(nullptr);
}

}  // namespace fuse3::test
