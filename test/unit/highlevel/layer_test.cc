#include "highlevel/fuse_fs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "highlevel/context.h"
#include "options/buf_copy.h"
#include "support/log.h"

namespace fuse3 {
namespace {

std::vector<std::string>& log_lines() {
  static std::vector<std::string> lines;
  return lines;
}

void remember_line(fuse_log_level, const char* format, va_list args) {
  char line[512];
  std::vsnprintf(line, sizeof line, format, args);
  log_lines().push_back(line);
}

// What the operation that ran last saw and did.
struct Seen {
  void* data = nullptr;
  std::string path;
  std::string written;
  int returns = 0;
};

Seen& seen() {
  static Seen value;
  return value;
}

void note(const char* path) {
  seen().data = thread_context().shown.private_data;
  seen().path = path != nullptr ? path : "none";
}

class Layer : public testing::Test {
 protected:
  void SetUp() override {
    log_lines().clear();
    seen() = {};
    set_log_function(remember_line);
  }
  void TearDown() override {
    set_log_function(nullptr);
    if (fs != nullptr) layer::destroy(fs);
  }

  void make() { fs = new_layer(&ops, sizeof ops, &data); }

  fuse_operations ops{};
  int data = 0;
  fuse_fs* fs = nullptr;
  fuse_file_info info{};
};

TEST_F(Layer, WithoutOperations) {
  make();
  struct stat attributes;
  EXPECT_EQ(layer::getattr(*fs, "/a", &attributes, nullptr), -ENOSYS);
  EXPECT_EQ(layer::unlink(*fs, "/a"), -ENOSYS);
  EXPECT_EQ(layer::flush(*fs, "/a", &info), -ENOSYS);
  EXPECT_EQ(layer::lseek(*fs, "/a", 0, SEEK_HOLE, &info), -ENOSYS);
  char memory[4];
  EXPECT_EQ(layer::read(*fs, "/a", memory, 4, 0, &info), -ENOSYS);
  EXPECT_EQ(layer::write(*fs, "/a", memory, 4, 0, &info), -ENOSYS);
  EXPECT_EQ(layer::open(*fs, "/a", &info), 0);
  EXPECT_EQ(layer::opendir(*fs, "/a", &info), 0);
  EXPECT_EQ(layer::release(*fs, "/a", &info), 0);
  EXPECT_EQ(layer::releasedir(*fs, "/a", &info), 0);
  struct statvfs facts;
  std::memset(&facts, 0x55, sizeof facts);
  EXPECT_EQ(layer::statfs(*fs, "/", &facts), 0);
  EXPECT_EQ(facts.f_namemax, 255u);
  EXPECT_EQ(facts.f_bsize, 512u);
  EXPECT_EQ(facts.f_blocks, 0u);
  EXPECT_EQ(log_lines(), std::vector<std::string>());
}

TEST_F(Layer, ContextShowsTheLayerDuringTheCall) {
  ops.rmdir = [](const char* path) {
    note(path);
    return -EACCES;
  };
  make();
  int outer = 0;
  LayerContext context(&outer);
  EXPECT_EQ(layer::rmdir(*fs, "/there"), -EACCES);
  EXPECT_EQ(seen().data, &data);
  EXPECT_EQ(seen().path, "/there");
  EXPECT_EQ(thread_context().shown.private_data, &outer);
}

TEST_F(Layer, InitReplacesTheData) {
  static int replaced;
  static void* destroyed_with;
  destroyed_with = nullptr;
  ops.init = [](fuse_conn_info*, fuse_config* config) -> void* {
    config->use_ino = 1;
    note("init");
    return &replaced;
  };
  ops.destroy = [](void* with) { destroyed_with = with; };
  make();
  fuse_conn_info connection{};
  fuse_config config{};
  layer::init(*fs, connection, config);
  EXPECT_EQ(config.use_ino, 1);
  EXPECT_EQ(seen().data, &data);
  EXPECT_EQ(fs->user_data, &replaced);
  layer::destroy(std::exchange(fs, nullptr));
  EXPECT_EQ(destroyed_with, &replaced);
}

TEST_F(Layer, DestroyIsForThoseThatStarted) {
  static bool destroyed;
  destroyed = false;
  ops.destroy = [](void*) { destroyed = true; };
  make();
  layer::destroy(std::exchange(fs, nullptr));
  EXPECT_FALSE(destroyed);
}

TEST_F(Layer, ReadsByCopy) {
  ops.read = [](const char*, char* memory, size_t size, off_t offset, fuse_file_info*) {
    EXPECT_EQ(offset, 10);
    const size_t length = std::min<size_t>(size, 5);
    std::memcpy(memory, "hello", length);
    return static_cast<int>(length);
  };
  make();
  char memory[16] = "";
  EXPECT_EQ(layer::read(*fs, "/f", memory, sizeof memory, 10, &info), 5);
  EXPECT_STREQ(memory, "hello");
  fuse_bufvec* vector = nullptr;
  ASSERT_EQ(layer::read_buf(*fs, "/f", &vector, 3, 10, &info), 0);
  ASSERT_EQ(buf_size(*vector), 3u);
  EXPECT_EQ(std::string(static_cast<char*>(vector->buf[0].mem), 3), "hel");
  std::free(vector->buf[0].mem);
  std::free(vector);
}

TEST_F(Layer, ReadsByBuffers) {
  ops.read_buf = [](const char*, fuse_bufvec** vector, size_t, off_t, fuse_file_info*) {
    *vector = static_cast<fuse_bufvec*>(std::malloc(sizeof(fuse_bufvec)));
    **vector = FUSE_BUFVEC_INIT(5);
    (*vector)->buf[0].mem = strdup("hello");
    return 0;
  };
  make();
  char memory[16] = "";
  EXPECT_EQ(layer::read(*fs, "/f", memory, sizeof memory, 0, &info), 5);
  EXPECT_STREQ(memory, "hello");
  EXPECT_EQ(layer::read(*fs, "/f", memory, 4, 0, &info), -EIO) << "more than fits";
  EXPECT_EQ(log_lines().size(), 1u);
}

TEST_F(Layer, ReadingTooMuchIsAnError) {
  ops.read = [](const char*, char*, size_t size, off_t, fuse_file_info*) {
    return static_cast<int>(size) + 1;
  };
  make();
  char memory[16];
  EXPECT_EQ(layer::read(*fs, "/f", memory, 8, 0, &info), -EIO);
  fuse_bufvec* vector = nullptr;
  EXPECT_EQ(layer::read_buf(*fs, "/f", &vector, 8, 0, &info), -EIO);
  EXPECT_EQ(vector, nullptr);
}

TEST_F(Layer, ReadBufWithoutVectorIsAnError) {
  ops.read_buf = [](const char*, fuse_bufvec**, size_t, off_t, fuse_file_info*) { return 0; };
  make();
  char memory[16];
  EXPECT_EQ(layer::read(*fs, "/f", memory, 8, 0, &info), -EIO);
}

int keep_written(const char* path, const char* memory, size_t size, off_t, fuse_file_info*) {
  note(path);
  seen().written.assign(memory, size);
  return static_cast<int>(size);
}

TEST_F(Layer, WritesByCopy) {
  ops.write = keep_written;
  make();
  EXPECT_EQ(layer::write(*fs, "/f", "hello", 5, 0, &info), 5);
  EXPECT_EQ(seen().written, "hello");

  // In two pieces, one of which is a descriptor's.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "from a pipe", 11), 11);
  char storage[sizeof(fuse_bufvec) + sizeof(fuse_buf)] = {};
  auto* vector = static_cast<fuse_bufvec*>(static_cast<void*>(storage));
  char memory[] = "some, ";
  vector->count = 2;
  vector->buf[0].size = 6;
  vector->buf[0].mem = memory;
  fuse_buf& second = *(vector->buf + 1);
  second.size = 11;
  second.flags = FUSE_BUF_IS_FD;
  second.fd = ends[0];
  EXPECT_EQ(layer::write_buf(*fs, "/f", *vector, 0, &info), 17);
  EXPECT_EQ(seen().written, "some, from a pipe");
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Layer, WritesByBuffers) {
  ops.write_buf = [](const char*, fuse_bufvec* data, off_t, fuse_file_info*) {
    seen().written.assign(static_cast<char*>(data->buf[0].mem), data->buf[0].size);
    return static_cast<int>(data->buf[0].size) + seen().returns;
  };
  make();
  EXPECT_EQ(layer::write(*fs, "/f", "hello", 5, 0, &info), 5);
  EXPECT_EQ(seen().written, "hello");
  seen().returns = 1;
  EXPECT_EQ(layer::write(*fs, "/f", "hello", 5, 0, &info), -EIO) << "took more than there was";
}

TEST_F(Layer, LogShowsCalls) {
  ops.unlink = [](const char*) { return 0; };
  ops.open = [](const char*, fuse_file_info* opened) {
    opened->fh = 7;
    return 0;
  };
  ops.truncate = [](const char*, off_t, fuse_file_info*) { return -EIO; };
  make();
  fs->debug = true;
  info.flags = 0x8000;
  layer::unlink(*fs, "/a");
  layer::open(*fs, "/b", &info);
  layer::truncate(*fs, nullptr, 3, &info);
  layer::truncate(*fs, "/c", 0, nullptr);
  layer::rmdir(*fs, "/not/there");
  const std::vector<std::string> expected = {"unlink /a\n", "open flags: 0x8000 /b\n",
                                             "   open[7] flags: 0x8000 /b\n",
                                             "truncate[7] (null) 3\n", "truncate[NULL] /c 0\n"};
  EXPECT_EQ(log_lines(), expected);
}

TEST_F(Layer, OperationsOfOlderAndNewerPrograms) {
  ops.unlink = [](const char*) { return 0; };
  ops.statx = [](const char*, int, int, struct statx*, fuse_file_info*) { return 0; };
  fs = new_layer(&ops, offsetof(fuse_operations, statx), nullptr);
  struct statx attributes;
  EXPECT_EQ(layer::unlink(*fs, "/a"), 0);
  EXPECT_EQ(layer::statx(*fs, "/a", 0, 0, &attributes, nullptr), -ENOSYS);
  layer::destroy(fs);

  struct {
    fuse_operations known;
    void (*later)();
  } newer{ops, nullptr};
  fs = new_layer(&newer.known, sizeof newer, nullptr);
  EXPECT_EQ(layer::unlink(*fs, "/a"), 0);
  ASSERT_EQ(log_lines().size(), 1u);
  EXPECT_NE(log_lines()[0].find("newer library"), std::string::npos);
}

}  // namespace
}  // namespace fuse3
