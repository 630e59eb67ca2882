#include "reconnect/state_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <filesystem>

#include "fuse_log.h"
#include "sandbox.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

std::string logged;

void catch_log(fuse_log_level, const char* format, va_list args) {
  char line[1024];
  std::vsnprintf(line, sizeof line, format, args);
  logged += line;
}

// One directory on tmpfs and one that is not, if there are such.
class StateFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/dev/shm/fuse3-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    base_ = name;
    logged.clear();
    set_log_function(catch_log);
  }
  void TearDown() override {
    set_log_function(nullptr);
    ::unsetenv("RUNTIME_DIRECTORY");
    std::filesystem::remove_all(base_);
  }
  std::string path(const char* name) const { return base_ + "/" + name; }

  std::string base_;
};

TEST_F(StateFileTest, MakesItsDirectory) {
  std::string chosen;
  auto directory = open_runtime_dir(path("new").c_str(), &chosen);
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(chosen, path("new"));
  struct stat st;
  ASSERT_EQ(::stat(chosen.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  EXPECT_TRUE(open_runtime_dir(chosen.c_str(), nullptr).ok());
}

TEST_F(StateFileTest, RefusesADirectoryOthersMayEnter) {
  ::mkdir(path("open").c_str(), 0755);
  ::chmod(path("open").c_str(), 0755);
  EXPECT_EQ(open_runtime_dir(path("open").c_str(), nullptr).error(), EPERM);
  EXPECT_NE(logged.find(path("open")), std::string::npos) << logged;
  EXPECT_NE(logged.find("0700"), std::string::npos) << logged;
}

TEST_F(StateFileTest, RefusesALinkAndAFile) {
  ::mkdir(path("real").c_str(), 0700);
  ASSERT_EQ(::symlink("real", path("link").c_str()), 0);
  EXPECT_EQ(open_runtime_dir(path("link").c_str(), nullptr).error(), EPERM);
  UniqueFd file(::open(path("file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0700));
  EXPECT_EQ(open_runtime_dir(path("file").c_str(), nullptr).error(), EPERM);
}

TEST_F(StateFileTest, RefusesAnothersDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ::mkdir(path("theirs").c_str(), 0700);
  ASSERT_EQ(::chown(path("theirs").c_str(), 12345, 12345), 0);
  EXPECT_EQ(open_runtime_dir(path("theirs").c_str(), nullptr).error(), EPERM);
}

TEST_F(StateFileTest, RuntimeDirectoryOfAService) {
  ::mkdir(path("svc").c_str(), 0700);
  ::setenv("RUNTIME_DIRECTORY", (path("svc") + ":/other").c_str(), 1);
  std::string chosen;
  ASSERT_TRUE(open_runtime_dir(nullptr, &chosen).ok());
  EXPECT_EQ(chosen, path("svc"));
  ::chmod(path("svc").c_str(), 0755);
  ASSERT_TRUE(open_runtime_dir("", &chosen).ok());
  EXPECT_EQ(chosen, path("svc/fuse-reconnect"));
}

TEST_F(StateFileTest, FileOnTmpfs) {
  auto directory = open_runtime_dir(path("d").c_str(), nullptr);
  ASSERT_TRUE(directory.ok());
  struct statfs fs;
  ASSERT_EQ(::fstatfs(directory->get(), &fs), 0);
  if (fs.f_type != 0x01021994) GTEST_SKIP() << "/dev/shm is not tmpfs";
  EXPECT_EQ(open_state(directory->get(), 9).error(), ENOENT);
  auto made = create_state(directory->get(), 9);
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE(made->in_memory);
  ASSERT_EQ(::write(made->fd.get(), "x", 1), 1);
  struct stat st;
  ASSERT_EQ(::stat(path("d/9.state").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_TRUE(open_state(directory->get(), 9).ok());
  // Left by a connection of the same number: gone.
  made = create_state(directory->get(), 9);
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(::fstat(made->fd.get(), &st), 0);
  EXPECT_EQ(st.st_size, 0);
  EXPECT_TRUE(remove_state(directory->get(), 9).ok());
  EXPECT_TRUE(remove_state(directory->get(), 9).ok());
  EXPECT_EQ(open_state(directory->get(), 9).error(), ENOENT);
}

TEST_F(StateFileTest, DoesNotOpenWhatIsNotItsFile) {
  auto directory = open_runtime_dir(path("d").c_str(), nullptr);
  ASSERT_TRUE(directory.ok());
  ASSERT_EQ(::symlink("/etc/passwd", path("d/1.state").c_str()), 0);
  EXPECT_EQ(open_state(directory->get(), 1).error(), ELOOP);
  UniqueFd wide(::open(path("d/2.state").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
  ::fchmod(wide.get(), 0666);
  EXPECT_EQ(open_state(directory->get(), 2).error(), EPERM);
  ASSERT_EQ(::mkfifo(path("d/3.state").c_str(), 0600), 0);
  EXPECT_EQ(open_state(directory->get(), 3).error(), EPERM);
  // A link in the way of a new file goes, what it points to stays.
  EXPECT_TRUE(create_state(directory->get(), 1).ok());
  EXPECT_EQ(::access("/etc/passwd", R_OK), 0);
}

TEST_F(StateFileTest, MemfdWhereThereIsADisk) {
  char name[] = "/var/tmp/fuse3-test-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  auto directory = open_runtime_dir(name, nullptr);
  ASSERT_TRUE(directory.ok());
  struct statfs fs;
  ASSERT_EQ(::fstatfs(directory->get(), &fs), 0);
  auto made = create_state(directory->get(), 9);
  const bool on_tmpfs = fs.f_type == 0x01021994;
  EXPECT_TRUE(made.ok());
  if (made) {
    EXPECT_EQ(made->in_memory, !on_tmpfs);
    EXPECT_EQ(std::filesystem::is_empty(name), !on_tmpfs);
    StateParameters parameters;
    parameters.geometry = kSmall;
    EXPECT_TRUE(State::create(std::move(made->fd), parameters).ok());
  }
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace fuse3::reconnect
