// Answers whose data lies in several places or behind descriptors, and directory listings.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <memory>
#include <thread>

#include "lowlevel/negotiate.h"
#include "session/session.h"
#include "support/unique_fd.h"
#include "wire/dirent.h"
#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

UniqueFd file_with(const std::string& text) {
  UniqueFd fd(::memfd_create("data", MFD_CLOEXEC));
  EXPECT_EQ(static_cast<ssize_t>(text.size()), ::write(fd.get(), text.data(), text.size()));
  EXPECT_EQ(0, ::lseek(fd.get(), 0, SEEK_SET));
  return fd;
}

// Vectors have room for one buffer; this one for as many as it is given.
class Vector {
 public:
  explicit Vector(const std::vector<fuse_buf>& buffers)
      : memory_(::calloc(1, sizeof(fuse_bufvec) + buffers.size() * sizeof(fuse_buf))) {
    get()->count = buffers.size();
    std::copy(buffers.begin(), buffers.end(), get()->buf);
  }
  ~Vector() { std::free(memory_); }
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;
  fuse_bufvec* get() { return static_cast<fuse_bufvec*>(memory_); }

 private:
  void* memory_;
};

fuse_buf memory_piece(const char* text, size_t size) {
  fuse_buf piece{};
  piece.size = size;
  piece.mem = const_cast<char*>(text);
  return piece;
}

fuse_buf file_piece(int fd, size_t size, off_t position = -1) {
  fuse_buf piece{};
  piece.size = size;
  piece.flags = position < 0 ? FUSE_BUF_IS_FD
                             : static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
  piece.fd = fd;
  piece.pos = position;
  return piece;
}

struct Ways {
  bool splices;  // the device can
  bool wanted;   // init() wants it
  fuse_buf_copy_flags flags = {};
  bool moves = false;  // and pages moved
};

Answer reply_data(const std::vector<fuse_buf>& buffers, Ways ways, size_t start = 0,
                  size_t offset = 0, unsigned* splice_flags = nullptr) {
  Handlers handlers;
  handlers.init = [&](fuse_conn_info& conn) {
    if (ways.wanted) fuse_set_feature_flag(&conn, FUSE_CAP_SPLICE_WRITE);
    if (ways.moves) fuse_set_feature_flag(&conn, FUSE_CAP_SPLICE_MOVE);
  };
  handlers.readlink = [&](fuse_req_t req, auto...) {
    Vector vector(buffers);
    vector.get()->idx = start;
    vector.get()->off = offset;
    fuse_reply_data(req, vector.get(), ways.flags);
  };
  World world(handlers, {.splices = ways.splices});
  world.init();
  const Answer answer = world.call(Opcode::readlink, 1);
  if (splice_flags != nullptr) *splice_flags = world.last_splice_flags;
  return answer;
}

const Ways kWays[] = {{false, false},
                      {false, true},
                      {true, true},
                      {true, true, FUSE_BUF_NO_SPLICE},
                      {true, true, FUSE_BUF_SPLICE_MOVE},
                      {true, true, FUSE_BUF_FORCE_SPLICE}};

TEST(SessionData, OfMemory) {
  EXPECT_EQ("abc", reply_data({memory_piece("abcd", 3)}, kWays[0]).text());
  EXPECT_EQ("abcxy", reply_data({memory_piece("abc", 3), memory_piece("xyz", 2)}, kWays[0]).text());
  EXPECT_EQ("", reply_data({memory_piece("", 0)}, kWays[0]).text());
  EXPECT_EQ("", reply_data({}, kWays[0]).text());
}

TEST(SessionData, GoesOnWhereTheVectorIs) {
  const std::vector<fuse_buf> three{memory_piece("abc", 3), memory_piece("defg", 4),
                                    memory_piece("hi", 2)};
  EXPECT_EQ("fghi", reply_data(three, kWays[0], 1, 2).text());
  EXPECT_EQ("i", reply_data(three, kWays[0], 2, 1).text());
  EXPECT_EQ("", reply_data(three, kWays[0], 3, 0).text());
}

TEST(SessionData, OfMorePiecesThanASystemCallTakes) {
  const std::string text = pattern(3 * IOV_MAX);
  std::vector<fuse_buf> pieces;
  for (const char& letter : text) pieces.push_back(memory_piece(&letter, 1));
  EXPECT_TRUE(text == reply_data(pieces, kWays[0]).text());
}

TEST(SessionData, OfAFile) {
  for (const size_t size : {0u, 1u, 100u, 5000u, 20000u, 131072u, 1048576u}) {
    const std::string text = pattern(size);
    for (const Ways& ways : kWays) {
      const UniqueFd file = file_with(text);
      EXPECT_TRUE(text == reply_data({file_piece(file.get(), size, 0)}, ways).text()) << size;
      // From its own position, which can be read once only.
      EXPECT_TRUE(text == reply_data({file_piece(file.get(), size)}, ways).text()) << size;
    }
  }
}

TEST(SessionData, MovesPagesOnlyIfThatIsWanted) {
  const std::string text = pattern(20000);
  const UniqueFd file = file_with(text);
  for (const bool moves : {false, true}) {
    for (const bool asked : {false, true}) {
      const auto flags = asked ? FUSE_BUF_SPLICE_MOVE : fuse_buf_copy_flags{};
      unsigned seen = ~0u;
      const Answer answer = reply_data({file_piece(file.get(), 20000, 0)},
                                       {true, true, flags, moves}, 0, 0, &seen);
      EXPECT_TRUE(text == answer.text());
      EXPECT_EQ(moves && asked ? SPLICE_F_MOVE : 0u, seen);
    }
  }
}

TEST(SessionData, EndsWithTheFile) {
  const std::string text = pattern(20000);
  const UniqueFd file = file_with(text);
  for (const Ways& ways : kWays) {
    EXPECT_TRUE(text.substr(100) == reply_data({file_piece(file.get(), 50000, 100)}, ways).text());
    EXPECT_EQ("", reply_data({file_piece(file.get(), 50000, 20000)}, ways).text());
  }
}

TEST(SessionData, OfAPipe) {
  const std::string text = pattern(30000);
  for (const Ways& ways : kWays) {
    int ends[2];
    ASSERT_EQ(0, ::pipe2(ends, O_CLOEXEC));
    const UniqueFd out(ends[0]);
    UniqueFd in(ends[1]);
    ASSERT_EQ(30000, ::write(in.get(), text.data(), text.size()));
    in.reset();
    EXPECT_TRUE(text == reply_data({file_piece(out.get(), 30000)}, ways).text());
  }
}

// The rest is written when what was there first has been taken.
TEST(SessionData, WaitsForTheRestWhereItIsToBeTriedAgain) {
  const std::string text = pattern(50000);
  for (const Ways& ways : kWays) {
    int ends[2];
    ASSERT_EQ(0, ::pipe2(ends, O_CLOEXEC));
    const UniqueFd out(ends[0]);
    const UniqueFd in(ends[1]);
    ASSERT_EQ(20000, ::write(in.get(), text.data(), 20000));
    std::thread writer([&] {
      const bool taken = eventually([&] {
        int left = 1;
        return ::ioctl(out.get(), FIONREAD, &left) == 0 && left == 0;
      });
      EXPECT_TRUE(taken);
      EXPECT_EQ(30000, ::write(in.get(), text.data() + 20000, 30000));
    });
    fuse_buf piece = file_piece(out.get(), 50000);
    piece.flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_RETRY);
    EXPECT_TRUE(text == reply_data({piece}, ways).text());
    writer.join();
  }
}

TEST(SessionData, OfBoth) {
  const std::string text = pattern(20000);
  const UniqueFd file = file_with(text);
  for (const Ways& ways : kWays) {
    if (ways.flags == FUSE_BUF_FORCE_SPLICE) continue;
    EXPECT_TRUE("head" + text + "tail" ==
                reply_data({memory_piece("head", 4), file_piece(file.get(), 20000, 0),
                            memory_piece("tail", 4)},
                           ways)
                    .text());
  }
}

TEST(SessionData, ADescriptorThatCannotBeReadIsAnError) {
  for (const Ways& ways : kWays) {
    EXPECT_EQ(-EBADF, reply_data({file_piece(9999, 20000, 0)}, ways).error);
  }
}

// A reply is given later, when the memory behind its request holds another one.
TEST(SessionData, ALateAnswerDoesNotTouchTheNextRequest) {
  const std::string old_text = pattern(60000);
  const UniqueFd file = file_with(old_text);
  const std::string written(100000, 'w');
  fuse_req_t first = nullptr;
  std::string seen;
  World world({.read = [&](fuse_req_t req, auto...) { first = req; },
               .write =
                   [&](fuse_req_t req, fuse_ino_t, const char* data, size_t size, auto...) {
                     Vector vector({file_piece(file.get(), 60000, 0)});
                     EXPECT_EQ(0, fuse_reply_data(first, vector.get(), fuse_buf_copy_flags{}));
                     seen.assign(data, size);
                     fuse_reply_write(req, size);
                   }});
  world.serve_alone();
  world.init();
  const uint64_t read = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  const auto size = static_cast<uint32_t>(written.size());
  const Answer answer = world.call(
      Opcode::write, 1, body(wire::WriteIn{1, 0, size, 0, 0, 0, 0}, std::string_view(written)));
  EXPECT_EQ(size, answer.as<wire::WriteOut>().size);
  EXPECT_TRUE(old_text == world.kernel.wait(read).text());
  EXPECT_TRUE(written == seen);
}

// Large writes in a row come through a pipe. Smaller ones than usual, since a pipe for those needs
// a privilege.
TEST(SessionData, LargeWritesKeepTheirContents) {
  for (const bool splices : {false, true}) {
    std::string seen;
    bool through_pipe = false;
    bool read_it = true;
    World world({.write_buf =
                     [&](fuse_req_t req, fuse_ino_t, fuse_bufvec* data, auto...) {
                       const size_t size = fuse_buf_size(data);
                       if (data->buf[0].flags & FUSE_BUF_IS_FD) through_pipe = true;
                       seen.assign(size, '\0');
                       fuse_bufvec to = FUSE_BUFVEC_INIT(size);
                       to.buf[0].mem = seen.data();
                       if (read_it) {
                         EXPECT_EQ(static_cast<ssize_t>(size),
                                   fuse_buf_copy(&to, data, fuse_buf_copy_flags{}));
                       }
                       fuse_reply_write(req, size);
                     }},
                {.splices = splices});
    world.session->sizes.receive = receive_size(64);
    world.serve_alone();
    world.init();
    for (const size_t size : {100000u, 100000u, 200000u, 262144u, 70000u, 10u, 65536u, 65536u,
                              65536u, 65455u, 65456u, 131072u}) {
      for (read_it = false;; read_it = true) {
        const std::string text = pattern(size);
        const auto length = static_cast<uint32_t>(size);
        const Answer answer =
            world.call(Opcode::write, 1,
                       body(wire::WriteIn{1, 0, length, 0, 0, 0, 0}, std::string_view(text)));
        EXPECT_EQ(length, answer.as<wire::WriteOut>().size);
        if (!read_it) continue;
        EXPECT_TRUE(text == seen) << size;
        break;
      }
    }
    EXPECT_EQ(splices, through_pipe);
  }
}

// The kernel asks for file capabilities before a write unless it is told that there are none.
TEST(SessionData, LargeWritesComeThroughAPipeWithOthersBetween) {
  for (const unsigned others : {1u, 3u}) {
    unsigned through_pipe = 0;
    World world({.write_buf =
                     [&](fuse_req_t req, fuse_ino_t, fuse_bufvec* data, auto...) {
                       if (data->buf[0].flags & FUSE_BUF_IS_FD) ++through_pipe;
                       fuse_reply_write(req, fuse_buf_size(data));
                     }},
                {.splices = true});
    world.session->sizes.receive = receive_size(64);
    world.serve_alone();
    world.init();
    const std::string text = pattern(100000);
    for (int i = 0; i < 10; ++i) {
      world.call(Opcode::write, 1,
                 body(wire::WriteIn{1, 0, 100000, 0, 0, 0, 0}, std::string_view(text)));
      for (unsigned k = 0; k < others; ++k) {
        world.call(Opcode::getxattr, 1, body(wire::GetxattrIn{0, 0}, "security.capability"));
      }
    }
    EXPECT_EQ(others == 1 ? 7u : 0u, through_pipe);
  }
}

TEST(SessionData, ListingsHoldWhatFits) {
  struct stat stat {};
  stat.st_ino = 42;
  stat.st_mode = S_IFDIR | 0755;
  char buffer[64];
  size_t none = 0;
  size_t small = 0;
  size_t taken = 0;
  World world({.readdir = [&](fuse_req_t req, auto...) {
    none = fuse_add_direntry(req, nullptr, 0, "name", nullptr, 0);
    std::memset(buffer, 'x', sizeof buffer);
    small = fuse_add_direntry(req, buffer, 31, "name", &stat, 5);
    EXPECT_EQ('x', buffer[0]);
    taken = fuse_add_direntry(req, buffer, sizeof buffer, "name", &stat, 5);
    fuse_reply_buf(req, buffer, taken);
  }});
  world.init();
  const Answer answer = world.call(Opcode::readdir, 1, body(wire::ReadIn{}));
  EXPECT_EQ(32u, none);
  EXPECT_EQ(32u, small);
  ASSERT_EQ(32u, taken);
  const auto dirent = answer.as<wire::Dirent>();
  EXPECT_EQ(42u, dirent.ino);
  EXPECT_EQ(5u, dirent.off);
  EXPECT_EQ(4u, dirent.namelen);
  EXPECT_EQ(static_cast<uint32_t>(DT_DIR), dirent.type);
  EXPECT_EQ(std::string("name\0\0\0\0", 8), answer.text().substr(sizeof dirent));
}

TEST(SessionData, ListingsWithEntriesCountAsLookups) {
  fuse_entry_param entry{};
  entry.attr.st_ino = 42;
  entry.attr.st_mode = S_IFREG;
  entry.entry_timeout = 1;
  World world({.readdirplus = [&](fuse_req_t req, auto...) {
    char buffer[1000];
    size_t used = 0;
    const auto add = [&](const char* name, fuse_ino_t ino) {
      entry.ino = ino;
      used += fuse_add_direntry_plus(req, buffer + used, sizeof buffer - used, name, &entry, 7);
    };
    EXPECT_EQ(160u, fuse_add_direntry_plus(req, nullptr, 0, "name", &entry, 7));
    EXPECT_EQ(160u, fuse_add_direntry_plus(req, buffer, 159, "name", &entry, 7));
    add(".", 1);
    add("..", 1);
    add("name", 9);
    add("again", 9);
    add("unknown", 0);
    fuse_reply_buf(req, buffer, used);
  }});
  world.init();
  const Answer answer = world.call(Opcode::readdirplus, 1, body(wire::ReadIn{}));
  EXPECT_EQ(160u * 5, answer.payload.size());
  EXPECT_EQ((std::map<uint64_t, uint64_t>{{9, 2}}), world.kernel.lookups());
  Bytes payload = answer.payload;
  wire::DirentplusWalker at(payload);
  ASSERT_TRUE(at.valid());
  EXPECT_EQ(".", at.name());
  EXPECT_EQ(1u, at.entry().entry_valid);
  EXPECT_EQ(7u, at.dirent().off);
  EXPECT_EQ(static_cast<uint32_t>(DT_REG), at.dirent().type);
  EXPECT_EQ(42u, at.dirent().ino);
}

}  // namespace
}  // namespace fuse3::test
