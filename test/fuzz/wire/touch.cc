#include "touch.h"

#include <cstring>

namespace fuse3::wire::test {

namespace {

class Sum {
 public:
  void add(uint64_t value) { value_ = (value_ ^ value) * 0x100000001b3 + 1; }
  void add(const char* text) {
    while (*text != '\0') add(static_cast<uint64_t>(*text++));
    add(uint64_t{0});
  }
  void add(std::span<const std::byte> bytes) {
    for (std::byte byte : bytes) add(static_cast<uint64_t>(byte));
    add(bytes.size());
  }
  void add(TimeSpec time) {
    add(time.seconds);
    add(uint64_t{time.nanoseconds});
  }
  template <class Tag>
  void add(Id<Tag> id) {
    add(id.value);
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 1;
};

template <class... Fields>
void add_all(Sum& sum, const Fields&... fields) {
  (sum.add(fields), ...);
}

void read(Sum& s, const Lookup& a) {
  add_all(s, a.name);
}
void read(Sum&, const Readlink&) {}
void read(Sum& s, const Symlink& a) {
  add_all(s, a.name, a.target);
}
void read(Sum& s, const Mknod& a) {
  add_all(s, a.name, a.mode, a.rdev, a.umask);
}
void read(Sum& s, const Mkdir& a) {
  add_all(s, a.name, a.mode, a.umask);
}
void read(Sum& s, const Unlink& a) {
  add_all(s, a.name);
}
void read(Sum& s, const Rmdir& a) {
  add_all(s, a.name);
}
void read(Sum& s, const Rename& a) {
  add_all(s, a.new_parent, a.name, a.new_name, a.flags);
}
void read(Sum& s, const Link& a) {
  add_all(s, a.old_node, a.name);
}
void read(Sum& s, const Create& a) {
  add_all(s, a.name, a.flags, a.mode, a.umask, a.open_flags);
}
void read(Sum& s, const Tmpfile& a) {
  add_all(s, a.name, a.flags, a.mode, a.umask, a.open_flags);
}
void read(Sum& s, const Setxattr& a) {
  add_all(s, a.name, a.value, a.flags, a.setxattr_flags);
}
void read(Sum& s, const Getxattr& a) {
  add_all(s, a.name, a.size);
}
void read(Sum& s, const Listxattr& a) {
  add_all(s, a.size);
}
void read(Sum& s, const Removexattr& a) {
  add_all(s, a.name);
}
void read(Sum& s, const Open& a) {
  add_all(s, a.flags, a.open_flags);
}
void read(Sum& s, const Opendir& a) {
  add_all(s, a.flags, a.open_flags);
}
void read(Sum& s, const ReadArgs& a) {
  add_all(s, a.handle, a.offset, a.size, a.read_flags, a.lock_owner, a.flags);
}
void read(Sum& s, const Write& a) {
  add_all(s, a.handle, a.offset, a.size, a.write_flags, a.lock_owner, a.flags, a.data);
}
void read(Sum& s, const Flush& a) {
  add_all(s, a.handle, a.lock_owner);
}
void read(Sum& s, const ReleaseArgs& a) {
  add_all(s, a.handle, a.flags, a.release_flags, a.lock_owner);
}
void read(Sum& s, const FsyncArgs& a) {
  add_all(s, a.handle, a.fsync_flags);
}
void read(Sum& s, const Fallocate& a) {
  add_all(s, a.handle, a.offset, a.length, a.mode);
}
void read(Sum& s, const Lseek& a) {
  add_all(s, a.handle, a.offset, a.whence);
}
void read(Sum& s, const CopyFileRange& a) {
  add_all(s, a.handle_in, a.off_in, a.node_out, a.handle_out, a.off_out, a.len, a.flags);
}
void read(Sum& s, const Ioctl& a) {
  add_all(s, a.handle, a.flags, a.cmd, a.arg, a.out_size, a.data);
}
void read(Sum& s, const Poll& a) {
  add_all(s, a.handle, a.kernel_handle, a.flags, a.events);
}
void read(Sum& s, const SetupMapping& a) {
  add_all(s, a.has_handle, a.handle, a.file_offset, a.len, a.flags, a.memory_offset);
}
void read(Sum& s, const RemoveMapping& a) {
  for (size_t i = 0; i < a.size(); ++i) add_all(s, a[i].memory_offset, a[i].len);
}
void read(Sum& s, const Getattr& a) {
  add_all(s, a.has_handle, a.handle);
}
void read(Sum& s, const Statx& a) {
  add_all(s, a.has_handle, a.handle, a.flags, a.mask);
}
void read(Sum& s, const Setattr& a) {
  add_all(s, a.valid, a.has_handle, a.handle, a.size, a.has_lock_owner, a.lock_owner, a.atime,
          a.mtime, a.ctime, a.mode, a.uid, a.gid);
}
void read(Sum& s, const Access& a) {
  add_all(s, a.mask);
}
void read(Sum& s, const LockArgs& a) {
  add_all(s, a.handle, a.owner, a.start, a.end, a.type, a.pid, a.lk_flags);
}
void read(Sum& s, const Bmap& a) {
  add_all(s, a.block, a.blocksize);
}
void read(Sum& s, const Init& a) {
  add_all(s, a.major, a.minor, a.max_readahead, a.flags);
}
void read(Sum& s, const CuseInit& a) {
  add_all(s, a.major, a.minor, a.flags);
}
void read(Sum&, const Destroy&) {}
void read(Sum&, const Statfs&) {}
void read(Sum&, const Syncfs&) {}
void read(Sum& s, const Interrupt& a) {
  add_all(s, a.target);
}
void read(Sum& s, const Forget& a) {
  add_all(s, a.nlookup);
}
void read(Sum& s, const BatchForget& a) {
  for (size_t i = 0; i < a.size(); ++i) add_all(s, a[i].node, a[i].nlookup);
}
void read(Sum& s, const NotifyReply& a) {
  add_all(s, a.offset, a.size, a.data);
}

struct Counter {
  Touched& touched;
  void node(NodeId&) { ++touched.nodes; }
  void handle(HandleId&) { ++touched.handles; }
};

template <class Args>
Touched touch_as(const Message& message, const Negotiated& negotiated) {
  Touched touched;
  Result<Args> args = decode<Args>(message, negotiated);
  if (!args) return touched;
  touched.ok = true;
  Sum sum;
  read(sum, *args);
  args->visit_ids(Counter{touched});
  ExtensionWalker walker(message.extension());
  while (auto extension = walker.next()) add_all(sum, extension->type, extension->body);
  touched.sum = sum.value();
  return touched;
}

using Toucher = Touched (*)(const Message&, const Negotiated&);

template <class... Args>
Toucher find(Opcode opcode) {
  Toucher found = nullptr;
  ((Args::opcode == opcode ? void(found = touch_as<Args>) : void()), ...);
  return found;
}

Toucher find_toucher(Opcode opcode) {
  if (opcode == Opcode::rename2) opcode = Opcode::rename;
  if (opcode == Opcode::copy_file_range_64) opcode = Opcode::copy_file_range;
  return find<Lookup, Readlink, Symlink, Mknod, Mkdir, Unlink, Rmdir, Rename, Link, Create, Tmpfile,
              Setxattr, Getxattr, Listxattr, Removexattr, Open, Opendir, Read, Readdir, Readdirplus,
              Write, Flush, Release, Releasedir, Fsync, Fsyncdir, Fallocate, Lseek, CopyFileRange,
              Ioctl, Poll, SetupMapping, RemoveMapping, Getattr, Statx, Setattr, Access, Getlk,
              Setlk, Setlkw, Bmap, Init, CuseInit, Destroy, Statfs, Syncfs, Interrupt, Forget,
              BatchForget, NotifyReply>(opcode);
}

}  // namespace

Touched touch(const Message& message, const Negotiated& negotiated) {
  Toucher toucher = find_toucher(message.opcode());
  return toucher == nullptr ? Touched{} : toucher(message, negotiated);
}

}  // namespace fuse3::wire::test
