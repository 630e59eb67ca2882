#include "reconnect/holder/runtime_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "world.h"

namespace fuse3::reconnect::test {
namespace {

TEST(RuntimeSocket, IsForItsOwnerOnly) {
  World world;
  mode_t before = umask(0);
  Result<UniqueFd> listener = listen_for_peers(world.directory.get(), world.connection);
  umask(before);
  ASSERT_TRUE(listener);
  struct stat facts {};
  ASSERT_EQ(fstatat(world.directory.get(), socket_name(world.connection).c_str(), &facts, 0), 0);
  EXPECT_TRUE(S_ISSOCK(facts.st_mode));
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_TRUE(connect_to_keeper(world.directory.get(), world.connection));
}

TEST(RuntimeSocket, ReplacesWhatADeadKeeperLeft) {
  World world;
  ASSERT_TRUE(listen_for_peers(world.directory.get(), world.connection));
  EXPECT_TRUE(world.has_socket());
  EXPECT_EQ(connect_to_keeper(world.directory.get(), world.connection).error(), ECONNREFUSED);
  Result<UniqueFd> again = listen_for_peers(world.directory.get(), world.connection);
  ASSERT_TRUE(again);
  EXPECT_TRUE(connect_to_keeper(world.directory.get(), world.connection));
  // Nothing else is left lying about.
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(world.path)) {
    files += entry.path().filename().string().find("sock") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(files, 1u);
}

TEST(RuntimeSocket, LeavesALivingKeeperAlone) {
  World world;
  Result<UniqueFd> living = listen_for_peers(world.directory.get(), world.connection);
  ASSERT_TRUE(living);
  EXPECT_EQ(listen_for_peers(world.directory.get(), world.connection, 50).error(), EBUSY);
  EXPECT_TRUE(connect_to_keeper(world.directory.get(), world.connection));
}

TEST(RuntimeSocket, WaitsForAKeeperThatIsAboutToGo) {
  World world;
  Result<UniqueFd> living = listen_for_peers(world.directory.get(), world.connection);
  ASSERT_TRUE(living);
  std::thread ending([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    living->reset();
  });
  EXPECT_TRUE(listen_for_peers(world.directory.get(), world.connection, 5000));
  ending.join();
}

TEST(RuntimeSocket, TheDirectorysPathMayBeLong) {
  World world;
  std::string path = world.path;
  for (int i = 0; i < 4; ++i) path += "/" + std::string(100, 'd');
  std::filesystem::create_directories(path);
  UniqueFd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Result<UniqueFd> listener = listen_for_peers(directory.get(), world.connection);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(connect_to_keeper(directory.get(), world.connection));
}

}  // namespace
}  // namespace fuse3::reconnect::test
