// The surroundings of one test of the keeper: a runtime directory, a pipe as the device, servers
// and what they left. Orphans of all of them become children of the test, which ends them, so that
// no process outlives a test.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "reconnect/holder/holder_link.h"
#include "reconnect/holder/take_over.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect::test {

// A line of an incarnation.
struct Entry {
  pid_t pid;
  bool attached;
  pid_t previous;
  int generation;
  size_t devices;
  size_t sound_devices;
  unsigned long executable;  // inode
  std::string about;
};

bool wait_until(const std::function<bool()>& condition, int milliseconds = 5000);
bool is_alive(pid_t pid);  // zombies are not
// kill(2), but never to a group: a test that failed has 0 for a process. SIGSTOP has been taken on
// return; until one thread takes it, all of them run on.
void send_signal(pid_t pid, int number);
int64_t now_ms();

class World {
 public:
  // `number` is a real connection's; if 0, one that no kernel has given to a mount.
  explicit World(unsigned number = 0);
  ~World();

  // In place of the pipe.
  void use_device(UniqueFd device);
  // Under which servers get it.
  int device_number() const { return device_number_; }

  void behave(const std::string& word);
  // `program` is the fake server if empty.
  pid_t start_server(unsigned devices = 1, const std::string& program = {},
                     const std::function<void()>& in_child = {});
  pid_t start_successor();
  // Waits for the log's line number `index`.
  Entry entry(size_t index, int milliseconds = 5000);
  size_t entries() const;
  // Exit status of a child, -signal, or -1000 after the time.
  int wait_for(pid_t pid, int milliseconds = 5000);

  Result<HolderStatus> status();
  pid_t keeper();  // 0 if there is none
  bool has_socket() const;
  bool has_state() const;
  void end_mount() { device_reader_.reset(); }
  // The device still has a holder besides this process.
  bool device_is_held();
  std::string keeper_messages() const;

  const std::string path;
  const unsigned connection;
  UniqueFd directory;

 private:
  pid_t run(const std::string& program, const std::vector<std::string>& arguments,
            const std::function<void()>& in_child);

  UniqueFd device_reader_;
  UniqueFd device_writer_;
  int device_number_ = -1;
};

std::string fake_server_path();

}  // namespace fuse3::reconnect::test
