#include "options/buf_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "support/unique_fd.h"

namespace fuse3 {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
      read_end.reset(ends[0]);
      write_end.reset(ends[1]);
    }
  }
  UniqueFd read_end, write_end;
};

UniqueFd file_with(const std::string& content) {
  UniqueFd file(memfd_create("buf", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string content_of(int file) {
  std::string content(static_cast<size_t>(lseek(file, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(file, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  return content;
}

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

fuse_buf memory(void* mem, size_t size) {
  return {size, static_cast<fuse_buf_flags>(0), mem, -1, 0, 0};
}
fuse_buf descriptor(int fd, size_t size, int flags = 0, off_t pos = 0) {
  return {size, static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | flags), nullptr, fd, pos, 0};
}

// A vector of any length: the structure has room for one buffer, the others follow it.
class Vector {
 public:
  explicit Vector(const std::vector<fuse_buf>& bufs) {
    const size_t extra = bufs.empty() ? 0 : bufs.size() - 1;
    storage_.reset(
        static_cast<fuse_bufvec*>(calloc(1, sizeof(fuse_bufvec) + extra * sizeof(fuse_buf))));
    storage_->count = bufs.size();
    fuse_buf* first = storage_->buf;
    for (size_t i = 0; i < bufs.size(); ++i) first[i] = bufs[i];
  }
  fuse_bufvec* get() { return storage_.get(); }
  fuse_bufvec* operator->() { return storage_.get(); }

 private:
  struct Freed {
    void operator()(fuse_bufvec* vector) const { free(vector); }
  };
  std::unique_ptr<fuse_bufvec, Freed> storage_;
};

ssize_t copy(const fuse_buf& to, const fuse_buf& from, int flags = 0) {
  Vector destination({to});
  Vector source({from});
  return buf_copy(destination.get(), source.get(), flags);
}

TEST(BufSize, SumsUpAndSaturates) {
  EXPECT_EQ(buf_size(*Vector({}).get()), 0u);
  Vector two({memory(nullptr, 3), descriptor(0, 4)});
  two->idx = 1;
  EXPECT_EQ(buf_size(*two.get()), 7u);
  EXPECT_EQ(buf_size(*Vector({memory(nullptr, SIZE_MAX), memory(nullptr, 1)}).get()), SIZE_MAX);
}

TEST(BufCopy, MemoryToMemory) {
  char to[4] = {};
  char from[] = "abcdef";
  EXPECT_EQ(copy(memory(to, 4), memory(from, 6)), 4);
  EXPECT_EQ(std::string(to, 4), "abcd");
}

TEST(BufCopy, OverlappingMemory) {
  char text[] = "abcdefgh";
  EXPECT_EQ(copy(memory(text + 2, 6), memory(text, 6)), 6);
  EXPECT_STREQ(text, "ababcdef");
}

TEST(BufCopy, AVectorOntoItself) {
  char text[] = "abc";
  Vector same({memory(text, 3)});
  EXPECT_EQ(buf_copy(same.get(), same.get(), 0), 3);
}

TEST(BufCopy, MovesBothVectorsForward) {
  char to1[3], to2[4];
  char from1[] = "ab", from2[] = "cdefgh";
  Vector to({memory(to1, 3), memory(nullptr, 0), memory(to2, 4)});
  Vector from({memory(from1, 2), memory(from2, 6)});
  from->off = 1;
  EXPECT_EQ(buf_copy(to.get(), from.get(), 0), 7);
  EXPECT_EQ(std::string(to1, 3) + std::string(to2, 4), "bcdefgh");
  EXPECT_EQ(to->idx, 3u);
  EXPECT_EQ(to->off, 0u);
  EXPECT_EQ(from->idx, 2u);
  EXPECT_EQ(from->off, 0u);
  EXPECT_EQ(buf_copy(to.get(), from.get(), 0), 0);
}

TEST(BufCopy, StopsInTheMiddleOfABuffer) {
  char to[3];
  char from[] = "abcdef";
  Vector destination({memory(to, 3)});
  Vector source({memory(from, 6)});
  EXPECT_EQ(buf_copy(destination.get(), source.get(), 0), 3);
  EXPECT_EQ(source->idx, 0u);
  EXPECT_EQ(source->off, 3u);
  EXPECT_EQ(destination->idx, 1u);
}

TEST(BufCopy, FileToMemory) {
  UniqueFd file = file_with("0123456789");
  char to[8] = {};
  EXPECT_EQ(copy(memory(to, 4), descriptor(file.get(), 4, FUSE_BUF_FD_SEEK, 3)), 4);
  EXPECT_EQ(std::string(to, 4), "3456");
  EXPECT_EQ(lseek(file.get(), 0, SEEK_CUR), 0);
  EXPECT_EQ(copy(memory(to, 4), descriptor(file.get(), 4)), 4);
  EXPECT_EQ(std::string(to, 4), "0123");
  EXPECT_EQ(lseek(file.get(), 0, SEEK_CUR), 4);
  EXPECT_EQ(copy(memory(to, 8), descriptor(file.get(), 8)), 6);
  EXPECT_EQ(copy(memory(to, 8), descriptor(file.get(), 8)), 0);
}

TEST(BufCopy, TheOffsetInABufferCountsForTheFileToo) {
  UniqueFd file = file_with("0123456789");
  char to[3];
  Vector source({descriptor(file.get(), 6, FUSE_BUF_FD_SEEK, 2)});
  source->off = 2;
  Vector destination({memory(to, 3)});
  EXPECT_EQ(buf_copy(destination.get(), source.get(), 0), 3);
  EXPECT_EQ(std::string(to, 3), "456");
}

TEST(BufCopy, MemoryToFile) {
  UniqueFd file = file_with("..........");
  char from[] = "abcd";
  EXPECT_EQ(copy(descriptor(file.get(), 4, FUSE_BUF_FD_SEEK, 3), memory(from, 4)), 4);
  EXPECT_EQ(copy(descriptor(file.get(), 2), memory(from, 4)), 2);
  EXPECT_EQ(content_of(file.get()), "ab.abcd...");
}

TEST(BufCopy, RetryReadsOnUntilTheEnd) {
  Pipe pipe;
  const auto fill = [&] { ASSERT_EQ(write(pipe.write_end.get(), "abc", 3), 3); };
  char to[10];
  // A pipe gives what is there: once without retry, and then until it is empty or would block.
  fill();
  EXPECT_EQ(copy(memory(to, 10), descriptor(pipe.read_end.get(), 10)), 3);
  fill();
  EXPECT_EQ(copy(memory(to, 10), descriptor(pipe.read_end.get(), 10, FUSE_BUF_FD_RETRY)), 3);
  EXPECT_EQ(copy(memory(to, 10), descriptor(pipe.read_end.get(), 10, FUSE_BUF_FD_RETRY)), -EAGAIN);
}

TEST(BufCopy, ShortWritesAreContinuedOnlyWithRetry) {
  const std::string data = pattern(200000);
  for (const int retry : {0, static_cast<int>(FUSE_BUF_FD_RETRY)}) {
    Pipe pipe;
    const ssize_t room = fcntl(pipe.write_end.get(), F_GETPIPE_SZ);
    ASSERT_LT(room, 200000);
    void* from = const_cast<char*>(data.data());
    EXPECT_EQ(copy(descriptor(pipe.write_end.get(), data.size(), retry), memory(from, data.size())),
              room);
  }
}

TEST(BufCopy, ErrorsBeforeTheFirstByte) {
  UniqueFd file = file_with("abc");
  UniqueFd read_only(open("/dev/null", O_RDONLY | O_CLOEXEC));
  char mem[4] = "xyz";
  EXPECT_EQ(copy(descriptor(read_only.get(), 3), memory(mem, 3)), -EBADF);
  EXPECT_EQ(copy(memory(mem, 3), descriptor(-1, 3)), -EBADF);
  EXPECT_EQ(copy(descriptor(-1, 3), descriptor(file.get(), 3)), -EBADF);
  Pipe pipe;
  EXPECT_EQ(copy(memory(mem, 3), descriptor(pipe.read_end.get(), 3, FUSE_BUF_FD_SEEK)), -ESPIPE);
}

TEST(BufCopy, ErrorsAfterTheFirstByteAreForTheNextCall) {
  char from1[] = "abc", from2[] = "def";
  UniqueFd file = file_with("");
  Vector source({memory(from1, 3), memory(from2, 3)});
  Vector destination({descriptor(file.get(), 3), descriptor(-1, 3)});
  EXPECT_EQ(buf_copy(destination.get(), source.get(), 0), 3);
  EXPECT_EQ(source->idx, 1u);
  EXPECT_EQ(buf_copy(destination.get(), source.get(), 0), -EBADF);
}

struct Between {
  int flags;
  ssize_t expected_file_to_file;
};

class BufCopyBetween : public testing::TestWithParam<Between> {};

TEST_P(BufCopyBetween, FileAndPipe) {
  for (const size_t size : {size_t{1}, size_t{4096}, size_t{4097}, size_t{60000}}) {
    const std::string data = pattern(size);
    UniqueFd from = file_with("--" + data);
    UniqueFd to = file_with("==");
    Pipe pipe;
    const ssize_t expected = static_cast<ssize_t>(size);
    EXPECT_EQ(copy(descriptor(pipe.write_end.get(), size, FUSE_BUF_FD_RETRY),
                   descriptor(from.get(), size, FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY, 2),
                   GetParam().flags),
              expected);
    EXPECT_EQ(copy(descriptor(to.get(), size, FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY, 2),
                   descriptor(pipe.read_end.get(), size, FUSE_BUF_FD_RETRY), GetParam().flags),
              expected);
    EXPECT_EQ(content_of(to.get()), "==" + data);
  }
}

TEST_P(BufCopyBetween, FileAndFile) {
  const std::string data = pattern(100000);
  UniqueFd from = file_with(data);
  UniqueFd to = file_with("");
  // More is asked for than there is: the end of the source ends the copy.
  const ssize_t copied =
      copy(descriptor(to.get(), 200000, FUSE_BUF_FD_SEEK),
           descriptor(from.get(), 200000, FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY), GetParam().flags);
  EXPECT_EQ(copied, GetParam().expected_file_to_file);
  if (copied > 0) {
    EXPECT_EQ(content_of(to.get()), data);
  }
}

TEST_P(BufCopyBetween, FromAnEmptyPipe) {
  Pipe pipe;
  UniqueFd to = file_with("");
  EXPECT_EQ(copy(descriptor(to.get(), 10), descriptor(pipe.read_end.get(), 10), GetParam().flags),
            -EAGAIN);
  pipe.write_end.reset();
  EXPECT_EQ(copy(descriptor(to.get(), 10), descriptor(pipe.read_end.get(), 10), GetParam().flags),
            0);
}

INSTANTIATE_TEST_SUITE_P(Flags, BufCopyBetween,
                         testing::Values(Between{0, 100000}, Between{FUSE_BUF_NO_SPLICE, 100000},
                                         Between{FUSE_BUF_FORCE_SPLICE, -EINVAL},
                                         Between{FUSE_BUF_SPLICE_MOVE | FUSE_BUF_SPLICE_NONBLOCK,
                                                 100000}),
                         [](const testing::TestParamInfo<Between>& info) {
                           return "Flags" + std::to_string(info.param.flags);
                         });

TEST(BufCopy, OneSpliceWithoutRetryTakesWhatFits) {
  const std::string data = pattern(200000);
  UniqueFd from = file_with(data);
  Pipe pipe;
  const ssize_t room = fcntl(pipe.write_end.get(), F_GETPIPE_SZ);
  const ssize_t copied = copy(descriptor(pipe.write_end.get(), 200000),
                              descriptor(from.get(), 200000, FUSE_BUF_FD_SEEK), 0);
  EXPECT_GT(copied, 0);
  EXPECT_LE(copied, room);
}

}  // namespace
}  // namespace fuse3
