// A kernel, a disk, and servers between them one after the other. A server runs on a stack of its
// own; where it is to die, the stack is left and never returned to, so that nothing that the server
// would have done later happens.
#pragma once

#include <ucontext.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../../unit/session/fake_kernel.h"
#include "disk.h"
#include "fuse_lowlevel.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/state.h"

namespace fuse3::reconnect {

class World;

// Which interface the filesystem is written to.
enum class Interface : uint8_t { low_level, high_level };

// A session with a filesystem on the world's disk; userdata of its operations is the world.
struct Filesystem {
  virtual ~Filesystem() = default;
  virtual fuse_session* session() = 0;
  // What it still counts, after the kernel has forgotten everything; "" if nothing.
  virtual std::string left() const = 0;
};
std::unique_ptr<Filesystem> new_low_level(World& world, uint64_t generation);
std::unique_ptr<Filesystem> new_high_level(World& world, uint64_t generation);

// The `nth` stop of the first server, counted from arm() on, and that of its successor, counted
// from the successor's start. Negative: none.
struct Deaths {
  int first = -1;
  int second = -1;
};

// How a successor gets the connection.
enum class Passing : uint8_t {
  handed,    // it has the devices of the server before
  attached,  // it has one of its own, and the kernel sends again what was in hand
  asked,     // handed, and it asks the kernel to send that again
};

class World {
 public:
  World(Interface interface, Passing passing, std::vector<const char*> options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // From now on servers stop at places, and die where they are told to.
  void arm(Deaths deaths);
  // Instead: the first server dies when it first gets to a place of that name, and its successor
  // at one of its own; null: it does not.
  void arm_at(const char* first, const char* second = nullptr);
  void disarm();
  // Successors do not ask the kernel any more, of themselves.
  void stop_asking() { asks_ = false; }
  // Called once, with the state's descriptor, when the first server is dead.
  void before_successor(std::function<void(int)> look) { look_ = std::move(look); }
  // A successor did not want the state.
  bool refused() const { return refused_; }
  // Some server, since arm().
  bool died() const { return life_ > 0; }
  // A request will be given up for what it does to servers.
  void expect_poison() { poison_expected_ = true; }
  int stops() const { return stops_[0]; }
  // Of the successor; 0 if there was none.
  int later_stops() const { return stops_[1]; }
  std::string died_at() const { return died_at_; }

  // What an application's call or the kernel itself sends.
  uint64_t submit(wire::Opcode opcode, uint64_t node, const test::Bytes& body);
  test::Answer wait(uint64_t unique);
  void serve();

  // What a filesystem says: it got to a place where it may die; the operation that runs ends the
  // server; it noticed something wrong.
  void reached(const char* place);
  void crash();
  void complain(const std::string& what) { complaints_.push_back(what); }

  test::FakeKernel& kernel() { return kernel_; }
  int device() const { return device_; }
  State& state() { return ReconnectSeam::of(*filesystem_->session())->state(); }
  // All that was noticed, when the kernel has forgotten everything.
  std::vector<std::string> problems();

  // Whether inode numbers are the filesystem's own.
  bool numbers() const { return interface_ == Interface::low_level; }

  Disk disk;
  // Numbers of files that are registered with the kernel.
  std::set<int> backings;

 private:
  bool start();
  void bury();
  void die(const char* place, int signal);
  void run();
  static void entry();

  test::FakeKernel kernel_;
  const Interface interface_;
  const Passing passing_;
  const std::vector<const char*> options_;
  std::unique_ptr<Filesystem> filesystem_;
  std::unique_ptr<State> first_;
  UniqueFd state_fd_;
  int device_ = -1;
  std::vector<char> stack_;
  ucontext_t driver_{}, server_{};
  bool armed_ = false, dead_ = false, serving_ = false, refused_ = false;
  std::function<void(int)> look_;
  bool poison_expected_ = false;
  int end_ = 0;      // of the last server, as a wait status
  size_t life_ = 0;  // servers that died since arm()
  Deaths deaths_;
  const char* places_[2] = {};
  bool asks_ = true;
  int stops_[3] = {};
  std::string died_at_;
  std::vector<std::string> complaints_;

 public:
  // For the filesystems: the command line of each server.
  const std::vector<const char*>& options() const { return options_; }
};

}  // namespace fuse3::reconnect
