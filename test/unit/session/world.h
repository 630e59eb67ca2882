// A session between a filesystem made of closures and a fake kernel.
#pragma once

#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "fake_kernel.h"
#include "fuse_lowlevel.h"
#include "handlers.h"
#include "wire/protocol.h"

namespace fuse3::test {

// What a kernel of the newest version offers.
inline constexpr uint64_t kEveryFlag = (wire::init_flag::bit(43) - 1) & ~wire::init_flag::bit(31);

struct WorldOptions {
  std::vector<const char*> arguments = {};  // after the program's name
  bool splices = false;                     // the device can be spliced to and from
  bool clones = false;                      // the device can be cloned
};

class World {
 public:
  explicit World(Handlers filesystem = {}, WorldOptions options = {});
  // Ends a loop that still runs, and expects the kernel to have nothing to complain about.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Without a loop requests are served by the calls below, on their thread.
  void serve_alone();
  void serve_with(unsigned max_threads, unsigned max_idle_threads = ~0u, bool clone_fd = false);
  // Waits for the loop's end; its result.
  int join();
  // Unmounts first.
  int end();

  Answer init(uint32_t minor = wire::kMinor, uint64_t flags = kEveryFlag, uint32_t major = 7,
              uint32_t max_readahead = 131072);
  Answer call(wire::Opcode opcode, uint64_t node, const Bytes& body = {}, Caller caller = {});
  // For what has no reply.
  void tell(wire::Opcode opcode, uint64_t node, const Bytes& body = {}, Caller caller = {});
  // Serves what is queued. Nothing when a loop does.
  void pump();

  Handlers handlers;
  FakeKernel kernel;
  fuse_session* session = nullptr;
  std::vector<std::string> forgiven;  // violations that belong to the test
  unsigned last_splice_flags = 0;     // of the last reply that came through a pipe

 private:
  fuse_buf buffer_{};
  std::thread loop_;
  int result_ = 0;
};

// The functions behind the device, for tests that make a session of their own; its userdata must be
// a World.
fuse_custom_io world_io(const WorldOptions& options);

// Collects the library's messages while it lives.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  static std::string text();
  static bool has(const char* part) { return text().find(part) != std::string::npos; }
};

// Waits for a condition; false after a long time.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 20000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// Kills a test program that hangs.
class Watchdog {
 public:
  explicit Watchdog(unsigned seconds = 100);
  ~Watchdog();
};

}  // namespace fuse3::test
