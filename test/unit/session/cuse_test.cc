// Character devices: what the kernel gets and sends over /dev/cuse.
#include "cuse_lowlevel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <functional>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;
using namespace std::literals;

// A device made of closures.
struct Calls {
  std::function<void(fuse_conn_info&)> init;
  std::function<void()> init_done = [] {};
  std::function<void()> destroy = [] {};
  std::function<void(fuse_req_t, fuse_file_info*)> open;
  std::function<void(fuse_req_t, size_t, off_t, fuse_file_info*)> read;
  std::function<void(fuse_req_t, std::string, off_t, fuse_file_info*)> write;
  std::function<void(fuse_req_t, int, void*, unsigned, std::string, size_t)> ioctl;
  std::function<void(fuse_req_t, fuse_file_info*, fuse_pollhandle*)> poll;
};

class Device {
 public:
  explicit Device(Calls calls = {}, cuse_info info = {}, std::vector<const char*> arguments = {})
      : calls_(std::move(calls)) {
    arguments.insert(arguments.begin(), "test");
    fuse_args args =
        FUSE_ARGS_INIT(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
    const cuse_lowlevel_ops ops = operations();
    session_ = cuse_lowlevel_new(&args, &info, &ops, this);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) return;
    fuse_custom_io io{};
    io.read = [](int fd, void* buffer, size_t size, void* self) {
      return of(self).kernel.read(fd, buffer, size);
    };
    io.writev = [](int fd, iovec* pieces, int count, void* self) {
      return of(self).kernel.write(fd, pieces, count);
    };
    EXPECT_EQ(0, fuse_session_custom_io(session_, &io, kernel.open_device()));
  }
  ~Device() {
    fuse_session_destroy(session_);
    std::free(buffer_.mem);
    EXPECT_EQ(std::vector<std::string>{}, kernel.violations());
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Answer init(uint32_t minor = 45, uint32_t flags = CUSE_UNRESTRICTED_IOCTL, uint32_t major = 7) {
    return call(Opcode::cuse_init, body(wire::CuseInitIn{major, minor, 0, flags}));
  }
  Answer call(Opcode opcode, const Bytes& bytes) {
    const uint64_t unique = kernel.submit(opcode, 0, bytes);
    while (kernel.queued() > 0 && fuse_session_exited(session_) == 0) {
      if (fuse_session_receive_buf(session_, &buffer_) <= 0) break;
      fuse_session_process_buf(session_, &buffer_);
    }
    return kernel.wait(unique);
  }
  fuse_session* session() { return session_; }

  FakeKernel kernel;

 private:
  static Device& of(void* self) { return *static_cast<Device*>(self); }
  static Calls& calls(fuse_req_t req) { return of(fuse_req_userdata(req)).calls_; }

  cuse_lowlevel_ops operations() const {
    cuse_lowlevel_ops ops{};
    if (calls_.init) ops.init = [](void* self, fuse_conn_info* c) { of(self).calls_.init(*c); };
    ops.init_done = [](void* self) { of(self).calls_.init_done(); };
    ops.destroy = [](void* self) { of(self).calls_.destroy(); };
    if (calls_.open) ops.open = [](fuse_req_t r, fuse_file_info* i) { calls(r).open(r, i); };
    if (calls_.read) {
      ops.read = [](fuse_req_t r, size_t size, off_t offset, fuse_file_info* i) {
        calls(r).read(r, size, offset, i);
      };
    }
    if (calls_.write) {
      ops.write = [](fuse_req_t r, const char* data, size_t size, off_t offset, fuse_file_info* i) {
        calls(r).write(r, {data, size}, offset, i);
      };
    }
    if (calls_.ioctl) {
      ops.ioctl = [](fuse_req_t r, int command, void* argument, fuse_file_info*, unsigned flags,
                     const void* in, size_t in_size, size_t out_size) {
        calls(r).ioctl(r, command, argument, flags, {static_cast<const char*>(in), in_size},
                       out_size);
      };
    }
    if (calls_.poll) {
      ops.poll = [](fuse_req_t r, fuse_file_info* i, fuse_pollhandle* h) {
        calls(r).poll(r, i, h);
      };
    }
    return ops;
  }

  Calls calls_;
  fuse_session* session_ = nullptr;
  fuse_buf buffer_{};
};

const char* kInfo[] = {"DEVNAME=thing", "OTHER=1"};

cuse_info described(unsigned flags = 0) {
  cuse_info info{};
  info.dev_major = 240;
  info.dev_minor = 7;
  info.dev_info_argc = 2;
  info.dev_info_argv = kInfo;
  info.flags = flags;
  return info;
}

TEST(SessionCuse, InitDescribesTheDevice) {
  std::vector<std::string> order;
  Calls calls;
  calls.init = [&](fuse_conn_info& conn) {
    order.push_back("init");
    EXPECT_EQ(7u, conn.proto_major);
    EXPECT_EQ(40u, conn.proto_minor);
    EXPECT_EQ(0u, conn.capable);
  };
  calls.init_done = [&] { order.push_back("init_done"); };
  calls.destroy = [&] { order.push_back("destroy"); };
  {
    Device device(calls, described(CUSE_UNRESTRICTED_IOCTL));
    const Answer answer = device.init(40);
    ASSERT_TRUE(answer.ok());
    const auto out = answer.as<wire::CuseInitOut>();
    EXPECT_EQ(7u, out.major);
    EXPECT_EQ(40u, out.minor);
    EXPECT_EQ(240u, out.dev_major);
    EXPECT_EQ(7u, out.dev_minor);
    EXPECT_EQ(wire::cuse_flag::unrestricted_ioctl, out.flags);
    EXPECT_EQ(32u * 4096, out.max_read);
    EXPECT_EQ(32u * 4096, out.max_write);
    EXPECT_EQ("DEVNAME=thing\0OTHER=1\0"s, answer.text().substr(sizeof out));
    EXPECT_EQ((std::vector<std::string>{"init", "init_done"}), order);
  }
  EXPECT_EQ((std::vector<std::string>{"init", "init_done", "destroy"}), order);
}

TEST(SessionCuse, LimitsCanBeLowered) {
  Calls calls;
  calls.init = [](fuse_conn_info& conn) {
    conn.max_write = 8192;
    conn.max_read = 1;
  };
  Device device(calls, described());
  const auto out = device.init().as<wire::CuseInitOut>();
  EXPECT_EQ(8192u, out.max_write);
  EXPECT_EQ(4096u, out.max_read);
  EXPECT_EQ(0u, out.flags);
}

TEST(SessionCuse, WhatTheKernelDoesNotOfferIsNotAskedFor) {
  LogCapture log;
  Device device({}, described(CUSE_UNRESTRICTED_IOCTL));
  EXPECT_EQ(0u, device.init(45, 0).as<wire::CuseInitOut>().flags);
  EXPECT_TRUE(LogCapture::has("unrestricted"));
}

TEST(SessionCuse, OtherProtocolsAreRefused) {
  LogCapture log;
  for (const auto& [major, minor] : {std::pair{7u, 10u}, {6u, 45u}, {8u, 0u}}) {
    Device device({}, described());
    EXPECT_EQ(-EPROTO, device.init(minor, 0, major).error) << major << "." << minor;
    EXPECT_NE(0, fuse_session_exited(device.session()));
  }
}

TEST(SessionCuse, NothingBeforeInitAndNoMount) {
  Device device({}, described());
  EXPECT_EQ(-EIO, device.call(Opcode::read, body(wire::ReadIn{})).error);
  EXPECT_EQ(-ENOSYS, device.call(Opcode::init, body(wire::InitIn{7, 45, 0, 0, 0, {}})).error);
  EXPECT_TRUE(device.init().ok());
  EXPECT_EQ(-EIO, device.init().error);
}

TEST(SessionCuse, TooMuchToSayIsAnError) {
  LogCapture log;
  const std::string longest(4096, 'x');
  const char* texts[] = {longest.c_str()};
  cuse_info info{};
  info.dev_info_argc = 1;
  info.dev_info_argv = texts;
  Device device({}, info);
  EXPECT_EQ(nullptr, device.session());
  EXPECT_TRUE(LogCapture::has("4097"));
}

TEST(SessionCuse, ReconnectIsNotForDevices) {
  LogCapture log;
  Device device({}, described(), {"-oreattach"});
  EXPECT_TRUE(LogCapture::has("reconnect does not work for devices"));
  EXPECT_TRUE(device.init().ok());
}

TEST(SessionCuse, ReadsAndWrites) {
  Calls calls;
  std::string written;
  calls.open = [](fuse_req_t req, fuse_file_info* info) {
    EXPECT_EQ(O_RDWR, info->flags);
    info->fh = 11;
    fuse_reply_open(req, info);
  };
  calls.read = [](fuse_req_t req, size_t size, off_t offset, fuse_file_info* info) {
    EXPECT_EQ(11u, info->fh);
    EXPECT_EQ(100u, size);
    EXPECT_EQ(5, offset);
    fuse_reply_buf(req, "text", 4);
  };
  calls.write = [&](fuse_req_t req, std::string data, off_t, fuse_file_info*) {
    written = data;
    fuse_reply_write(req, data.size());
  };
  Device device(calls, described());
  device.init();
  wire::OpenIn open{};
  open.flags = O_RDWR;
  EXPECT_EQ(11u, device.call(Opcode::open, body(open)).as<wire::OpenOut>().fh);
  wire::ReadIn read{};
  read.fh = 11;
  read.offset = 5;
  read.size = 100;
  EXPECT_EQ("text", device.call(Opcode::read, body(read)).text());
  wire::WriteIn write{};
  write.fh = 11;
  write.size = 3;
  EXPECT_EQ(3u, device.call(Opcode::write, body(write, "abc"sv)).as<wire::WriteOut>().size);
  EXPECT_EQ("abc", written);
  wire::ReleaseIn release{};
  release.fh = 11;
  EXPECT_EQ(0, device.call(Opcode::release, body(release)).error);
}

TEST(SessionCuse, WithoutOperationsItOpensAndDoesNothing) {
  Device device({}, described());
  device.init();
  EXPECT_TRUE(device.call(Opcode::open, body(wire::OpenIn{})).ok());
  EXPECT_EQ(-ENOSYS, device.call(Opcode::read, body(wire::ReadIn{})).error);
  EXPECT_EQ(-ENOSYS, device.call(Opcode::ioctl, body(wire::IoctlIn{})).error);
  EXPECT_EQ(-ENOSYS, device.call(Opcode::poll, body(wire::PollIn{})).error);
  EXPECT_TRUE(device.call(Opcode::release, body(wire::ReleaseIn{})).ok());
}

wire::IoctlIn ioctl_in(uint32_t command, uint64_t argument, uint32_t in_size, uint32_t out_size,
                       uint32_t flags) {
  wire::IoctlIn in{};
  in.cmd = command;
  in.arg = argument;
  in.in_size = in_size;
  in.out_size = out_size;
  in.flags = flags;
  return in;
}

// The command whose number says what goes in and out.
TEST(SessionCuse, RestrictedIoctl) {
  Calls calls;
  calls.ioctl = [](fuse_req_t req, int command, void*, unsigned flags, std::string in, size_t out) {
    EXPECT_EQ(static_cast<int>(0xc0044501u), command);
    EXPECT_EQ(0u, flags & FUSE_IOCTL_UNRESTRICTED);
    EXPECT_EQ("abcd", in);
    EXPECT_EQ(4u, out);
    fuse_reply_ioctl(req, 9, "wxyz", 4);
  };
  Device device(calls, described());
  device.init();
  const Answer answer =
      device.call(Opcode::ioctl, body(ioctl_in(0xc0044501u, 0x1000, 4, 4, 0), "abcd"sv));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(9, answer.as<wire::IoctlOut>().result);
  EXPECT_EQ("wxyz", answer.text().substr(sizeof(wire::IoctlOut)));
}

// The device asks for the memory it wants, and is called again with it.
TEST(SessionCuse, UnrestrictedIoctlIsRetried) {
  Calls calls;
  calls.ioctl = [](fuse_req_t req, int, void* argument, unsigned flags, std::string in,
                   size_t out) {
    EXPECT_NE(0u, flags & FUSE_IOCTL_UNRESTRICTED);
    if (in.empty()) {
      const iovec memory{argument, 8};
      EXPECT_EQ(0, fuse_reply_ioctl_retry(req, &memory, 1, &memory, 1));
      return;
    }
    EXPECT_EQ("12345678", in);
    EXPECT_EQ(8u, out);
    fuse_reply_ioctl(req, 0, "87654321", 8);
  };
  Device device(calls, described(CUSE_UNRESTRICTED_IOCTL));
  device.init();
  const uint32_t flags = FUSE_IOCTL_UNRESTRICTED;
  const Answer first = device.call(Opcode::ioctl, body(ioctl_in(1, 0x7000, 0, 0, flags)));
  ASSERT_TRUE(first.ok());
  const auto out = first.as<wire::IoctlOut>();
  EXPECT_NE(0u, out.flags & FUSE_IOCTL_RETRY);
  EXPECT_EQ(1u, out.in_iovs);
  EXPECT_EQ(1u, out.out_iovs);
  wire::IoctlIovec areas[2];
  ASSERT_EQ(sizeof out + sizeof areas, first.payload.size());
  std::memcpy(areas, first.payload.data() + sizeof out, sizeof areas);
  EXPECT_EQ(0x7000u, areas[0].base);
  EXPECT_EQ(8u, areas[1].len);

  const Answer second =
      device.call(Opcode::ioctl, body(ioctl_in(1, 0x7000, 8, 8, flags), "12345678"sv));
  EXPECT_EQ("87654321", second.text().substr(sizeof out));
}

TEST(SessionCuse, PollIsReportedLater) {
  fuse_pollhandle* handle = nullptr;
  Calls calls;
  calls.poll = [&](fuse_req_t req, fuse_file_info*, fuse_pollhandle* given) {
    handle = given;
    fuse_reply_poll(req, 0);
  };
  Device device(calls, described());
  device.init();
  wire::PollIn in{};
  in.kh = 77;
  in.flags = wire::poll_flag::schedule_notify;
  in.events = POLLIN;
  EXPECT_EQ(0u, device.call(Opcode::poll, body(in)).as<wire::PollOut>().revents);
  ASSERT_NE(nullptr, handle);
  EXPECT_EQ(0, fuse_lowlevel_notify_poll(handle));
  fuse_pollhandle_destroy(handle);
  const auto notice = device.kernel.notification();
  ASSERT_TRUE(notice.has_value());
  EXPECT_EQ(wire::NotifyCode::poll, notice->code);
  uint64_t kernel_handle = 0;
  std::memcpy(&kernel_handle, notice->payload.data(), sizeof kernel_handle);
  EXPECT_EQ(77u, kernel_handle);
}

// The command line of a whole program, as far as it gets without a kernel that has CUSE.
TEST(SessionCuse, SetupSaysWhatIsMissing) {
  if (::access("/dev/cuse", F_OK) == 0) GTEST_SKIP() << "here /dev/cuse can be opened";
  LogCapture log;
  char program[] = "test", foreground[] = "-f";
  char* arguments[] = {program, foreground, nullptr};
  const cuse_info info = described();
  const cuse_lowlevel_ops ops{};
  int multithreaded = -1;
  EXPECT_EQ(nullptr, cuse_lowlevel_setup(2, arguments, &info, &ops, &multithreaded, nullptr));
  EXPECT_TRUE(LogCapture::has("/dev/cuse")) << LogCapture::text();
  EXPECT_EQ(1, cuse_lowlevel_main(2, arguments, &info, &ops, nullptr));
  EXPECT_EQ(nullptr, cuse_lowlevel_setup(2, arguments, nullptr, &ops, &multithreaded, nullptr));
  EXPECT_EQ(-1, multithreaded);
}

}  // namespace
}  // namespace fuse3::test
