// A filesystem with an empty root and nothing else, served by a process of its own that can be
// stopped and killed; and the fixture that takes every mount of a test away again, whatever state
// its server is in.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "mount/mount_facts.h"
#include "support/log.h"
#include "support/unique_fd.h"

namespace fuse3 {

inline void reply(int device, uint64_t unique, int error, const void* body, size_t size) {
  char out[256];
  fuse_out_header header = {};
  header.len = static_cast<uint32_t>(sizeof header + size);
  header.error = error;
  header.unique = unique;
  memcpy(out, &header, sizeof header);
  if (size > 0) memcpy(out + sizeof header, body, size);
  if (write(device, out, header.len) < 0) return;
}

inline void answer(int device, const fuse_in_header& request, mode_t type) {
  if (request.opcode == FUSE_FORGET || request.opcode == FUSE_BATCH_FORGET) return;
  if (request.opcode == FUSE_INIT) {
    fuse_init_out init = {};
    init.major = FUSE_KERNEL_VERSION;
    init.minor = FUSE_KERNEL_MINOR_VERSION;
    init.max_write = 65536;
    return reply(device, request.unique, 0, &init, sizeof init);
  }
  if (request.opcode == FUSE_GETATTR) {
    fuse_attr_out attributes = {};
    attributes.attr.ino = 1;
    attributes.attr.mode = type | 0755;
    attributes.attr.nlink = 1;
    return reply(device, request.unique, 0, &attributes, sizeof attributes);
  }
  if (request.opcode == FUSE_STATFS) {
    fuse_statfs_out statistics = {};
    return reply(device, request.unique, 0, &statistics, sizeof statistics);
  }
  reply(device, request.unique, -ENOSYS, nullptr, 0);
}

[[noreturn]] inline void serve_for_ever(int device, mode_t type) {
  static char buffer[128 * 1024];
  for (;;) {
    const ssize_t got = read(device, buffer, sizeof buffer);
    if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (got < static_cast<ssize_t>(sizeof(fuse_in_header))) _exit(0);
    fuse_in_header request;
    memcpy(&request, buffer, sizeof request);
    answer(device, request, type);
  }
}

inline void sleep_ms(int ms) {
  poll(nullptr, 0, ms);
}

// Runs `body` in a child for at most `ms`. Its exit status, or -1 when it did not come back.
inline int within(int ms, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  for (int waited = 0; waited < ms; waited += 10) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    }
    sleep_ms(10);
  }
  // It may be past killing until the connection is aborted; the fixture waits for it then.
  kill(child, SIGKILL);
  return -1;
}

inline bool have_fuse() {
  return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0;
}

class FuseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_fuse()) GTEST_SKIP() << "needs root and /dev/fuse";
    constexpr char kControl[] = "/sys/fs/fuse/connections";
    if (access(kControl, F_OK) == 0 && !find_mount(kControl).mounted) {
      ::mount("none", kControl, "fusectl", 0, nullptr);
    }
    char base[] = "/tmp/fuse3-mount-XXXXXX";
    ASSERT_NE(mkdtemp(base), nullptr);
    directory = std::string(base) + "/mnt";
    ASSERT_EQ(mkdir(directory.c_str(), 0755), 0);
    chmod(base, 0755);
    messages().clear();
    set_log_function([](fuse_log_level, const char* format, va_list args) {
      char text[1024];
      vsnprintf(text, sizeof text, format, args);
      messages() += text;
    });
  }

  void TearDown() override {
    set_log_function(nullptr);
    if (directory.empty()) return;
    // Until the last layer is gone.
    for (MountFacts facts = find_mount(directory.c_str()); facts.mounted;
         facts = find_mount(directory.c_str())) {
      if (facts.fuse) abort_connection(facts.connection);
      if (umount2(directory.c_str(), MNT_DETACH) != 0) break;
    }
    device.reset();
    stop_server();
    for (int i = 0; i < 500 && waitpid(-1, nullptr, WNOHANG) >= 0; ++i) sleep_ms(10);
    if (rmdir(directory.c_str()) != 0) unlink(directory.c_str());
    rmdir(directory.substr(0, directory.rfind('/')).c_str());
  }

  static std::string& messages() {
    static std::string text;
    return text;
  }

  static void abort_connection(unsigned connection) {
    const std::string path = "/sys/fs/fuse/connections/" + std::to_string(connection) + "/abort";
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file && write(file.get(), "1", 1) < 0) return;
  }

  // Mounts without the code under test.
  void mount_raw(const char* source = "raw", const char* type = "fuse.test") {
    device.reset(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(device);
    const std::string data =
        "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0";
    ASSERT_EQ(::mount(source, directory.c_str(), type, 0, data.c_str()), 0) << strerror(errno);
  }

  // Serves `device` (or another one) until stop_server(); returns when INIT was answered.
  void start_server(int which, mode_t type = S_IFDIR) {
    server = fork();
    ASSERT_GE(server, 0);
    if (server == 0) serve_for_ever(which, type);
    // The root's attributes are asked for, and come, only after INIT.
    ASSERT_EQ(within(5000,
                     [this] {
                       struct stat status;
                       return stat(directory.c_str(), &status) == 0 ? 0 : errno;
                     }),
              0);
  }

  void stop_server() {
    if (server <= 0) return;
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
    server = -1;
  }

  // Proves that a test of "does not block" could fail.
  void expect_that_asking_blocks() {
    EXPECT_EQ(within(200,
                     [this] {
                       struct statfs status;
                       return statfs(directory.c_str(), &status) == 0 ? 0 : 1;
                     }),
              -1);
  }

  std::string directory;
  UniqueFd device;
  pid_t server = -1;
};

}  // namespace fuse3
