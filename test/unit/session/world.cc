#include "world.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>

// Workers that wait for a request are cancelled, which AddressSanitizer does not see: it takes what
// is left of their frames for overflows when it puts its signal stack away at the thread's end.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "use_sigaltstack=0";
}

namespace fuse3::test {
namespace {

World& world_of(void* userdata) {
  return *static_cast<World*>(userdata);
}

template <auto Member, class... Args>
void forward(fuse_req_t req, Args... args) {
  (world_of(fuse_req_userdata(req)).handlers.*Member)(req, args...);
}

ssize_t io_writev(int fd, iovec* pieces, int count, void* userdata) {
  return world_of(userdata).kernel.write(fd, pieces, count);
}

ssize_t io_read(int fd, void* buffer, size_t size, void* userdata) {
  return world_of(userdata).kernel.read(fd, buffer, size);
}

ssize_t io_splice_receive(int fd, off_t*, int pipe, off_t*, size_t size, unsigned, void* userdata) {
  Bytes bytes(size);
  const ssize_t got = world_of(userdata).kernel.read(fd, bytes.data(), size);
  return got > 0 ? ::write(pipe, bytes.data(), static_cast<size_t>(got)) : got;
}

ssize_t io_splice_send(int pipe, off_t*, int fd, off_t*, size_t size, unsigned flags,
                       void* userdata) {
  world_of(userdata).last_splice_flags = flags;
  Bytes bytes(size);
  const ssize_t got = ::read(pipe, bytes.data(), size);
  if (got < 0) return got;
  const iovec piece{bytes.data(), static_cast<size_t>(got)};
  return world_of(userdata).kernel.write(fd, &piece, 1);
}

int io_clone(int fd) {
  return ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

std::mutex log_lock;
std::string log_text;

void collect(fuse_log_level, const char* format, va_list args) {
  char line[1000];
  std::vsnprintf(line, sizeof line, format, args);
  std::lock_guard guard(log_lock);
  log_text += line;
}

}  // namespace

fuse_lowlevel_ops Handlers::operations() const {
  fuse_lowlevel_ops ops{};
  if (init) {
    ops.init = [](void* userdata, fuse_conn_info* conn) {
      world_of(userdata).handlers.init(*conn);
    };
  }
  if (destroy) ops.destroy = [](void* userdata) { world_of(userdata).handlers.destroy(); };
#define FUSE3_TEST_SET(name) \
  if (name) ops.name = forward<&Handlers::name>;
  FUSE3_TEST_OPERATIONS(FUSE3_TEST_SET)
#undef FUSE3_TEST_SET
  return ops;
}

fuse_custom_io world_io(const WorldOptions& options) {
  fuse_custom_io io{};
  io.writev = io_writev;
  io.read = io_read;
  if (options.splices) {
    io.splice_receive = io_splice_receive;
    io.splice_send = io_splice_send;
  }
  if (options.clones) io.clone_fd = io_clone;
  return io;
}

World::World(Handlers filesystem, WorldOptions options) : handlers(std::move(filesystem)) {
  std::vector<char*> arguments{const_cast<char*>("test")};
  for (const char* argument : options.arguments) arguments.push_back(const_cast<char*>(argument));
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(arguments.size()), arguments.data());
  const fuse_lowlevel_ops ops = handlers.operations();
  session = fuse_session_new(&args, &ops, sizeof ops, this);
  fuse_opt_free_args(&args);
  if (session == nullptr) {
    ADD_FAILURE() << "no session";
    std::abort();
  }
  const fuse_custom_io io = world_io(options);
  EXPECT_EQ(0, fuse_session_custom_io(session, &io, kernel.open_device()));
}

World::~World() {
  if (loop_.joinable()) end();
  fuse_session_destroy(session);
  std::free(buffer_.mem);
  EXPECT_EQ(forgiven, kernel.violations());
}

void World::serve_alone() {
  loop_ = std::thread([this] { result_ = fuse_session_loop(session); });
}

void World::serve_with(unsigned max_threads, unsigned max_idle_threads, bool clone_fd) {
  fuse_loop_config* config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_max_threads(config, max_threads);
  fuse_loop_cfg_set_idle_threads(config, max_idle_threads);
  fuse_loop_cfg_set_clone_fd(config, clone_fd);
  loop_ = std::thread([this, config] {
    result_ = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
  });
}

int World::join() {
  loop_.join();
  return result_;
}

int World::end() {
  kernel.end();
  return join();
}

void World::pump() {
  if (loop_.joinable()) return;
  while (kernel.queued() > 0) {
    const int size = fuse_session_receive_buf(session, &buffer_);
    if (size == 0 || fuse_session_exited(session) != 0) return;
    if (size > 0) fuse_session_process_buf(session, &buffer_);
  }
}

Answer World::init(uint32_t minor, uint64_t flags, uint32_t major, uint32_t max_readahead) {
  wire::InitIn in{};
  in.major = major;
  in.minor = minor;
  in.max_readahead = max_readahead;
  in.flags = static_cast<uint32_t>(flags);
  in.flags2 = static_cast<uint32_t>(flags >> 32);
  Bytes bytes = body(in);
  if (minor < 36) bytes.resize(16);
  return call(wire::Opcode::init, 0, bytes);
}

Answer World::call(wire::Opcode opcode, uint64_t node, const Bytes& body, Caller caller) {
  const uint64_t unique = kernel.submit(opcode, node, body, caller);
  pump();
  return kernel.wait(unique);
}

void World::tell(wire::Opcode opcode, uint64_t node, const Bytes& body, Caller caller) {
  kernel.submit(opcode, node, body, caller);
  pump();
}

LogCapture::LogCapture() {
  {
    std::lock_guard guard(log_lock);
    log_text.clear();
  }
  fuse_set_log_func(collect);
}

LogCapture::~LogCapture() {
  fuse_set_log_func(nullptr);
}

std::string LogCapture::text() {
  std::lock_guard guard(log_lock);
  return log_text;
}

Watchdog::Watchdog(unsigned seconds) {
  ::alarm(seconds);
}
Watchdog::~Watchdog() {
  ::alarm(0);
}

}  // namespace fuse3::test
