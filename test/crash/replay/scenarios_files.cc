// Scenarios about open files, contents and attributes.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "play.h"

namespace fuse3::reconnect {
namespace {

using test::body;
using wire::Opcode;

constexpr uint32_t kChange = _IOW('x', 1, int);
constexpr uint32_t kLook = _IOR('x', 2, int);

FilePtr make(Play& p, const std::string& name, const std::string& data) {
  FilePtr made;
  (void)p.disk().make(*p.disk().root, name, S_IFREG | 0644, 0, data, &made);
  return made;
}

std::function<void(Play&)> opened(uint32_t flags = O_RDWR, const char* data = "0123456789") {
  return [=](Play& p) {
    make(p, "f", data);
    p.open("/f", flags);
  };
}

// The last file that was opened.
uint64_t handle(Play& p) {
  return *p.world().kernel().handles().rbegin();
}
uint64_t f(Play& p) {
  return p.node("/f");
}

void read(Play& p, uint64_t offset = 0, uint32_t size = 4) {
  wire::ReadIn in{};
  in.fh = handle(p), in.offset = offset, in.size = size;
  p.call(Opcode::read, f(p), body(in));
}

void write(Play& p, uint64_t offset, const char* text, uint32_t flags = O_RDWR) {
  wire::WriteIn in{};
  in.fh = handle(p), in.offset = offset, in.flags = flags;
  in.size = static_cast<uint32_t>(std::string_view(text).size());
  p.call(Opcode::write, f(p), body(in, std::string_view(text)));
}

void fallocate(Play& p, uint32_t mode, uint64_t offset, uint64_t length) {
  p.call(Opcode::fallocate, f(p), body(wire::FallocateIn{handle(p), offset, length, mode, 0}));
}

void set_xattr(Play& p, const char* name, const char* value, uint32_t flags) {
  const auto size = static_cast<uint32_t>(std::string_view(value).size());
  p.call(Opcode::setxattr, f(p), body(size, flags, name, std::string_view(value)));
}

void get_xattr(Play& p, const char* name) {
  p.call(Opcode::getxattr, f(p), body(wire::GetxattrIn{100, 0}, name));
}

void ioctl(Play& p, uint32_t command) {
  wire::IoctlIn in{};
  in.fh = handle(p), in.cmd = command, in.out_size = 4;
  p.call(Opcode::ioctl, f(p), body(in));
}

void list(Play& p, Opcode opcode) {
  wire::ReadIn in{};
  in.fh = handle(p), in.size = 4096;
  p.call(opcode, 1, body(in));
}

void lock(Play& p, Opcode opcode, uint32_t type, uint32_t flags = 0) {
  wire::LkIn in{};
  in.fh = handle(p), in.owner = 9, in.lk = {0, 10, type, 1}, in.lk_flags = flags;
  p.call(opcode, f(p), body(in));
}

void folder(Play& p) {
  for (const char* name : {"a", "b", "c"}) make(p, name, name);
  p.open("/", O_RDONLY, true);
}

std::function<void(Play&)> with_attribute(const char* value) {
  return [=](Play& p) {
    make(p, "f", "abc")->xattrs["user.a"] = value;
    f(p);
  };
}

std::vector<Scenario> opening() {
  return {
      {"open and release", [](Play& p) { make(p, "f", "abc"), f(p); },
       [](Play& p) {
         p.open("/f", O_RDONLY);
         read(p);
         wire::ReleaseIn in{};
         in.fh = handle(p);
         p.call(Opcode::release, f(p), body(in));
       }},
      {"open that truncates", [](Play& p) { make(p, "f", "abc"), f(p); },
       [](Play& p) { p.open("/f", O_WRONLY | O_TRUNC), write(p, 0, "xy"); }},
      {"flush and fsync", opened(),
       [](Play& p) {
         p.call(Opcode::flush, f(p), body(wire::FlushIn{handle(p), 0, 0, 9}));
         p.call(Opcode::fsync, f(p), body(wire::FsyncIn{handle(p), 0, 0}));
       }},
      {"a folder", folder,
       [](Play& p) {
         list(p, Opcode::readdir), list(p, Opcode::readdirplus);
         p.call(Opcode::fsyncdir, 1, body(wire::FsyncIn{handle(p), 0, 0}));
         wire::ReleaseIn in{};
         in.fh = handle(p);
         p.call(Opcode::releasedir, 1, body(in));
         p.open("/", O_RDONLY, true);
       }},
      {"locks",
       opened(),
       [](Play& p) {
         lock(p, Opcode::setlk, F_WRLCK), lock(p, Opcode::setlkw, F_UNLCK);
         lock(p, Opcode::getlk, F_WRLCK), lock(p, Opcode::setlk, F_UNLCK, wire::lock_flag::flock);
       },
       {},
       nullptr,
       true},
  };
}

// By the library: in the high-level interface always.
std::vector<Scenario> hiding() {
  const std::vector<const char*> hide{"-oreattach_unlinked=hide"};
  const auto close_all = [](Play& p) {
    for (const uint64_t open : p.world().kernel().handles()) {
      wire::ReleaseIn in{};
      in.fh = open;
      p.call(Opcode::release, f(p), body(in));
    }
  };
  return {
      {"unlink of an open file", opened(),
       [=](Play& p) {
         p.call(Opcode::unlink, 1, body("f"));
         write(p, 2, "ab"), read(p);
         p.call(Opcode::lookup, 1, body("f"));
         close_all(p);
       },
       hide},
      {"unlink of a file that is open twice", [](Play& p) { opened()(p), p.open("/f"); },
       [=](Play& p) { p.call(Opcode::unlink, 1, body("f")), read(p), close_all(p); }, hide},
      {"unlink of both names of an open file",
       [](Play& p) {
         opened()(p);
         (void)p.disk().link(p.disk().walk("/f"), *p.disk().root, "g");
         p.node("/g");
       },
       [=](Play& p) {
         p.call(Opcode::unlink, 1, body("f")), p.call(Opcode::unlink, 1, body("g"));
         read(p), close_all(p);
       },
       hide},
      {"rename over an open file",
       [](Play& p) { make(p, "g", "other"), opened()(p), p.node("/g"); },
       [=](Play& p) {
         p.call(Opcode::rename, 1, body(wire::RenameIn{1}, "g", "f"));
         read(p);
         p.call(Opcode::lookup, 1, body("f"));
         close_all(p);
       },
       hide},
      {"rename over an open file, which fails", opened(),
       [=](Play& p) {
         p.call(Opcode::rename, 1, body(wire::RenameIn{1}, "missing", "f"));
         read(p);
         p.call(Opcode::lookup, 1, body("f"));
         close_all(p);
       },
       hide, nullptr, true},
      {"a folder with a hidden file",
       [](Play& p) {
         opened()(p), make(p, "g", "g");
         p.call(Opcode::unlink, 1, body("f"));
         p.open("/", O_RDONLY, true);
       },
       [](Play& p) { list(p, Opcode::readdir), list(p, Opcode::readdirplus); }, hide},
  };
}

std::vector<Scenario> contents() {
  return {
      {"read", opened(), [](Play& p) { read(p, 2), read(p, 8), read(p, 20); }},
      {"write", opened(), [](Play& p) { write(p, 3, "abcdef"), write(p, 20, "end"), read(p); }},
      {"write after leave to do so was taken away", opened(),
       [](Play& p) {
         wire::SetattrIn in{};
         in.valid = wire::fattr::mode;
         in.mode = S_IFREG | 0444;
         p.call(Opcode::setattr, f(p), body(in));
         write(p, 3, "abcdef"), read(p);
       }},
      {"append",
       opened(O_WRONLY | O_APPEND),
       [](Play& p) {
         write(p, 10, "abcdef", O_WRONLY | O_APPEND), write(p, 16, "ghi", O_WRONLY | O_APPEND);
       },
       {},
       nullptr,
       true},
      {"append to what somebody has appended to below the mount",
       opened(O_WRONLY | O_APPEND),
       [](Play& p) {
         p.disk().write(*p.disk().walk("/f"), 10, "others");
         write(p, 10, "abcdef", O_WRONLY | O_APPEND);
       },
       {},
       nullptr,
       true},
      {"two appends by two names, of which neither knows of the other",
       [](Play& p) {
         opened(O_WRONLY | O_APPEND)(p);
         (void)p.disk().link(p.disk().walk("/f"), *p.disk().root, "g");
         p.open("/g", O_WRONLY | O_APPEND);
       },
       [](Play& p) {
         const auto append = [&p](const char* name, uint64_t handle, const char* text) {
           wire::WriteIn in{};
           in.fh = handle, in.offset = 10, in.size = 6, in.flags = O_WRONLY | O_APPEND;
           return p.send(Opcode::write, p.node(name), body(in, std::string_view(text)));
         };
         const std::multiset<uint64_t> handles = p.world().kernel().handles();
         const uint64_t one = append("/f", *handles.begin(), "abcdef");
         const uint64_t two = append("/g", *handles.rbegin(), "ghijkl");
         p.answer(Opcode::write, one), p.answer(Opcode::write, two);
       },
       {},
       nullptr,
       true},
      {"fallocate", opened(),
       [](Play& p) {
         fallocate(p, 0, 5, 10);
         fallocate(p, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3);
       }},
      {"insert and collapse a range", opened(),
       [](Play& p) {
         fallocate(p, FALLOC_FL_INSERT_RANGE, 2, 3);
         fallocate(p, FALLOC_FL_COLLAPSE_RANGE, 1, 2);
         fallocate(p, FALLOC_FL_INSERT_RANGE, 50, 2);
       }},
      {"copy", opened(),
       [](Play& p) {
         for (const Opcode opcode : {Opcode::copy_file_range, Opcode::copy_file_range_64}) {
           p.call(opcode, f(p),
                  body(wire::CopyFileRangeIn{handle(p), 1, f(p), handle(p), 20, 5, 0}));
         }
       }},
      {"lseek", opened(),
       [](Play& p) {
         p.call(Opcode::lseek, f(p), body(wire::LseekIn{handle(p), 3, 3, 0}));
       }},
      {"bmap", [](Play& p) { make(p, "f", "abc"), f(p); },
       [](Play& p) {
         p.call(Opcode::bmap, f(p), body(wire::BmapIn{3, 512, 0}));
       }},
      {"poll", opened(),
       [](Play& p) {
         p.call(Opcode::poll, f(p), body(wire::PollIn{handle(p), 0, 0, 1}));
       }},
      {"ioctl that reads", opened(), [](Play& p) { ioctl(p, kLook); }},
      {"ioctl that may change something",
       opened(),
       [](Play& p) { ioctl(p, kChange); },
       {},
       "IOCTL EINTR"},
      {"read of what cannot be rewound",
       [](Play& p) { make(p, "f", "0123456789")->xattrs["one-way"] = "", p.open("/f"); },
       [](Play& p) { read(p); },
       {},
       "READ EIO",
       true},
      {"write to what cannot be rewound",
       [](Play& p) { make(p, "f", "0123456789")->xattrs["one-way"] = "", p.open("/f"); },
       [](Play& p) { write(p, 0, "x"); },
       {},
       "WRITE EIO",
       true},
  };
}

std::vector<Scenario> attributes() {
  return {
      {"getattr", opened(),
       [](Play& p) {
         p.call(Opcode::getattr, f(p), body(wire::GetattrIn{}));
         p.call(Opcode::statx, f(p), body(wire::StatxIn{}));
         p.call(Opcode::access, f(p), body(wire::AccessIn{4, 0}));
         p.call(Opcode::statfs, 1);
         p.call(Opcode::syncfs, 1, body(wire::SyncfsIn{}));
       }},
      {"setattr", opened(),
       [](Play& p) {
         wire::SetattrIn in{};
         in.valid = wire::fattr::mode | wire::fattr::size, in.mode = S_IFREG | 04711, in.size = 3;
         p.call(Opcode::setattr, f(p), body(in));
         in.valid = wire::fattr::uid | wire::fattr::gid, in.uid = 5, in.gid = 6;
         p.call(Opcode::setattr, f(p), body(in));
       }},
      {"setxattr", [](Play& p) { make(p, "f", "abc"), f(p); },
       [](Play& p) {
         set_xattr(p, "user.a", "one", 0), set_xattr(p, "user.a", "two", XATTR_REPLACE);
         set_xattr(p, "user.b", "two", XATTR_REPLACE);
         get_xattr(p, "user.a");
         p.call(Opcode::listxattr, f(p), body(wire::GetxattrIn{100, 0}));
       }},
      {"setxattr of a new one", [](Play& p) { make(p, "f", "abc"), f(p); },
       [](Play& p) { set_xattr(p, "user.a", "one", XATTR_CREATE); }},
      {"setxattr of one that is there", with_attribute("one"),
       [](Play& p) { set_xattr(p, "user.a", "one", XATTR_CREATE); }},
      {"setxattr of one that is there with another value", with_attribute("other"),
       [](Play& p) { set_xattr(p, "user.a", "one", XATTR_CREATE); }},
      {"removexattr", with_attribute("one"),
       [](Play& p) { p.call(Opcode::removexattr, f(p), body("user.a")), get_xattr(p, "user.a"); }},
      {"removexattr of what is not there", [](Play& p) { make(p, "f", "abc"), f(p); },
       [](Play& p) { p.call(Opcode::removexattr, f(p), body("user.a")); }},
      {"ioctl that is run again",
       opened(),
       [](Play& p) { ioctl(p, kLook); },
       {"-oreattach_ioctl=rerun"}},
  };
}

}  // namespace

const std::vector<Scenario>& file_scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list = opening();
    for (auto& more : {hiding(), contents(), attributes()})
      list.insert(list.end(), more.begin(), more.end());
    return list;
  }();
  return all;
}

}  // namespace fuse3::reconnect
