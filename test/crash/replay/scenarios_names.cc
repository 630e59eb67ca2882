// Scenarios about names.
#include <fcntl.h>

#include <cstdio>

#include "play.h"

namespace fuse3::reconnect {
namespace {

using test::body;
using wire::Opcode;

FilePtr file(Play& p, const std::string& path, const std::string& data = "abc",
             mode_t mode = S_IFREG | 0644) {
  FilePtr parent = p.disk().root, made;
  std::string name;
  p.disk().walk(path, &parent, &name);
  (void)p.disk().make(*parent, name, mode, 0, data, &made);
  return made;
}
void folder(Play& p, const std::string& path) {
  file(p, path, "", S_IFDIR | 0755);
}

void make_nothing(Play&) {}
void make_file(Play& p) {
  file(p, "/f");
}
void make_tree(Play& p) {
  folder(p, "/d");
  folder(p, "/d/e");
  file(p, "/d/e/f");
}
void make_two(Play& p) {
  file(p, "/f", "first");
  file(p, "/g", "the second");
}

void lookup(Play& p, uint64_t parent, const char* name) {
  p.call(Opcode::lookup, parent, body(name));
}

void rename2(Play& p, const char* from, const char* to, uint32_t flags) {
  p.call(Opcode::rename2, 1, body(wire::Rename2In{1, flags, 0}, from, to));
}

void create(Play& p, uint32_t flags, uint32_t mode = 0600) {
  const auto made =
      p.call(Opcode::create, 1, body(wire::CreateIn{flags | O_RDWR, S_IFREG | mode, 022, 0}, "n"));
  if (!made.ok()) return;
  const auto out = made.as<wire::CreateOut>();
  wire::WriteIn in{};
  in.fh = out.open.fh;
  in.size = 3;
  p.call(Opcode::write, out.entry.nodeid, body(in, "new"));
}

void unlink_open(Play& p) {
  p.call(Opcode::unlink, 1, body("f"));
  lookup(p, 1, "f");
}

std::vector<Scenario> finding() {
  return {
      {"lookup", make_file,
       [](Play& p) { lookup(p, 1, "f"), lookup(p, 1, "f"), lookup(p, 1, "missing"); }},
      {"lookup of what has gone",
       [](Play& p) {
         make_file(p), p.node("/f");
         p.disk().remove(*p.disk().root, "f", false);
       },
       [](Play& p) { lookup(p, 1, "f"); }},
      {"lookup below a folder", [](Play& p) { make_tree(p), p.node("/d/e"); },
       [](Play& p) { lookup(p, p.node("/d/e"), "f"); }},
      {"forget", [](Play& p) { make_tree(p), p.node("/d/e/f"); },
       [](Play& p) {
         p.tell(Opcode::forget, p.node("/d/e/f"), body(wire::ForgetIn{1}));
         lookup(p, p.node("/d/e"), "f");
       }},
      {"batch forget", [](Play& p) { make_tree(p), p.node("/d/e/f"); },
       [](Play& p) {
         p.tell(Opcode::batch_forget, 0,
                body(wire::BatchForgetIn{2, 0}, wire::ForgetOne{p.node("/d/e/f"), 1},
                     wire::ForgetOne{p.node("/d/e"), 1}));
         p.call(Opcode::getattr, p.node("/d"), body(wire::GetattrIn{}));
       }},
      {"readlink",
       [](Play& p) {
         file(p, "/l", "some/where", S_IFLNK | 0777);
         p.node("/l");
       },
       [](Play& p) { p.call(Opcode::readlink, p.node("/l")); }},
  };
}

std::vector<Scenario> making() {
  return {
      {"mkdir", make_nothing,
       [](Play& p) {
         for (int i = 0; i < 2; ++i) p.call(Opcode::mkdir, 1, body(wire::MkdirIn{0750, 022}, "d"));
         lookup(p, 1, "d");
       }},
      {"mkdir of what is there and known", [](Play& p) { make_tree(p), p.node("/d"); },
       [](Play& p) {
         p.call(Opcode::mkdir, 1, body(wire::MkdirIn{0750, 022}, "d"));
       }},
      {"mkdir where a file is", make_file,
       [](Play& p) {
         p.call(Opcode::mkdir, 1, body(wire::MkdirIn{0750, 022}, "f"));
       }},
      {"mknod", make_nothing,
       [](Play& p) {
         p.call(Opcode::mknod, 1, body(wire::MknodIn{S_IFREG | 0640, 0, 022, 0}, "n"));
         p.call(Opcode::mknod, 1, body(wire::MknodIn{S_IFCHR | 0640, 0x103, 022, 0}, "c"));
         p.call(Opcode::mknod, 1, body(wire::MknodIn{S_IFCHR | 0640, 0x104, 022, 0}, "c"));
       }},
      {"mknod where another device is",
       [](Play& p) { file(p, "/c", "", S_IFCHR | 0600)->rdev = 0x103; },
       [](Play& p) {
         p.call(Opcode::mknod, 1, body(wire::MknodIn{S_IFCHR | 0640, 0x104, 022, 0}, "c"));
       }},
      {"symlink", make_nothing,
       [](Play& p) { p.call(Opcode::symlink, 1, body("l", "some/where")), lookup(p, 1, "l"); }},
      {"symlink where another is", [](Play& p) { file(p, "/l", "else/where", S_IFLNK | 0777); },
       [](Play& p) { p.call(Opcode::symlink, 1, body("l", "some/where")); }},
      {"link", [](Play& p) { make_file(p), p.node("/f"); },
       [](Play& p) {
         p.call(Opcode::link, 1, body(wire::LinkIn{p.node("/f")}, "g"));
         lookup(p, 1, "g"), lookup(p, 1, "f");
       }},
      {"link where another is", [](Play& p) { make_two(p), p.node("/f"); },
       [](Play& p) { p.call(Opcode::link, 1, body(wire::LinkIn{p.node("/f")}, "g")); }},
      {"create", make_nothing, [](Play& p) { create(p, O_CREAT | O_EXCL); }},
      {"create where one is", [](Play& p) { file(p, "/n"); }, [](Play& p) { create(p, O_CREAT); }},
      {"create that must be new", [](Play& p) { file(p, "/n"), p.node("/n"); },
       [](Play& p) { create(p, O_CREAT | O_EXCL); }},
      {"create, to write what nobody may write", make_nothing,
       [](Play& p) { create(p, O_CREAT | O_EXCL, 0444); }},
      {"create, to write what nobody may open, where one could have been", make_nothing,
       [](Play& p) { create(p, O_CREAT, 0); }},
      {"tmpfile",
       make_nothing,
       [](Play& p) {
         p.call(Opcode::tmpfile, 1, body(wire::CreateIn{O_RDWR, S_IFREG | 0600, 022, 0}));
       },
       {},
       nullptr,
       true},
  };
}

std::vector<Scenario> removing() {
  return {
      {"unlink", [](Play& p) { make_file(p), p.node("/f"); }, unlink_open},
      {"unlink of one of two names",
       [](Play& p) { p.disk().link(file(p, "/f"), *p.disk().root, "g"), p.node("/f"); },
       [](Play& p) { unlink_open(p), lookup(p, 1, "g"); }},
      {"remake", [](Play& p) { make_file(p), p.node("/f"); },
       [](Play& p) {
         unlink_open(p);
         p.call(Opcode::mknod, 1, body(wire::MknodIn{S_IFREG | 0640, 0, 022, 0}, "f"));
       }},
      {"rmdir", [](Play& p) { make_tree(p), p.node("/d/e"); },
       [](Play& p) {
         p.call(Opcode::rmdir, p.node("/d"), body("e"));
         p.call(Opcode::unlink, p.node("/d/e"), body("f"));
         p.call(Opcode::rmdir, p.node("/d"), body("e"));
       }},
  };
}

std::vector<Scenario> renaming() {
  return {
      {"rename", [](Play& p) { make_tree(p), p.node("/d/e/f"); },
       [](Play& p) {
         p.call(Opcode::rename, p.node("/d/e"), body(wire::RenameIn{1}, "f", "g"));
         p.call(Opcode::getattr, p.node("/d/e/f"), body(wire::GetattrIn{}));
         lookup(p, 1, "g"), lookup(p, p.node("/d/e"), "f");
       }},
      {"rename over", [](Play& p) { make_two(p), p.node("/f"), p.node("/g"); },
       [](Play& p) {
         p.call(Opcode::rename, 1, body(wire::RenameIn{1}, "f", "g"));
         lookup(p, 1, "g"), lookup(p, 1, "f");
       }},
      {"rename a folder with what is open in it", [](Play& p) { make_tree(p), p.open("/d/e/f"); },
       [](Play& p) {
         p.call(Opcode::rename, p.node("/d"), body(wire::RenameIn{1}, "e", "x"));
         wire::GetattrIn in{};
         in.getattr_flags = wire::getattr_flag::fh;
         in.fh = *p.world().kernel().handles().begin();
         p.call(Opcode::getattr, p.node("/d/e/f"), body(in));
       }},
      {"rename while something else is asked about the file",
       [](Play& p) {
         file(p, "/f")->xattrs["late"] = "";
         p.node("/f");
       },
       [](Play& p) {
         const auto asked = p.send(Opcode::getattr, p.node("/f"), body(wire::GetattrIn{}));
         p.call(Opcode::rename, 1, body(wire::RenameIn{1}, "f", "g"));
         p.answer(Opcode::getattr, asked);
       },
       {},
       nullptr,
       true},
      {"rename that must not replace", [](Play& p) { make_two(p), p.node("/f"), p.node("/g"); },
       [](Play& p) {
         rename2(p, "f", "g", RENAME_NOREPLACE);
         rename2(p, "f", "h", RENAME_NOREPLACE);
       }},
      {"rename exchange", [](Play& p) { make_two(p), p.node("/f"), p.node("/g"); },
       [](Play& p) {
         rename2(p, "f", "g", RENAME_EXCHANGE);
         lookup(p, 1, "f"), lookup(p, 1, "g");
       }},
      {"rename exchange of a file and a folder",
       [](Play& p) { make_file(p), folder(p, "/d"), p.node("/f"), p.node("/d"); },
       [](Play& p) { rename2(p, "f", "d", RENAME_EXCHANGE), lookup(p, 1, "f"); }},
      {"rename with a whiteout",
       [](Play& p) { make_file(p), p.node("/f"); },
       [](Play& p) { rename2(p, "f", "g", RENAME_WHITEOUT), lookup(p, 1, "f"); },
       {},
       nullptr,
       true},
  };
}

}  // namespace

const std::vector<Scenario>& name_scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list = finding();
    for (auto& more : {making(), removing(), renaming()}) {
      list.insert(list.end(), more.begin(), more.end());
    }
    return list;
  }();
  return all;
}

}  // namespace fuse3::reconnect
