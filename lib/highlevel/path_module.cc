#include "highlevel/path_module.h"

#include <cerrno>
#include <cstring>

#include "highlevel/context.h"

namespace fuse3 {

int PathModule::link_above(const char*, std::string*) {
  return 0;
}
int PathModule::link_below(std::string*) {
  return 0;
}
int PathModule::name_above(std::string*) {
  return 0;
}

namespace {

PathModule& self() {
  return *static_cast<PathModule*>(thread_context().shown.private_data);
}

// A path as the layer below has it. Operations on open files may have none: none it stays.
class Below {
 public:
  Below(PathModule& module, const char* path) : there_(path != nullptr) {
    if (there_) error_ = module.path_below(path, &path_);
  }
  int error() const { return error_; }
  const char* get() const { return there_ ? path_.c_str() : nullptr; }

 private:
  std::string path_;
  bool there_;
  int error_ = 0;
};

// The operation that calls `wrapper`, of fuse_fs.h, with the path changed.
template <auto wrapper>
struct Forward;

template <class Returned, class... Parameters,
          Returned (*wrapper)(fuse_fs&, const char*, Parameters...)>
struct Forward<wrapper> {
  static Returned run(const char* path, Parameters... parameters) {
    PathModule& module = self();
    const Below below(module, path);
    if (below.error() != 0) return below.error();
    return wrapper(module.next(), below.get(), parameters...);
  }
};

int on_readlink(const char* path, char* target, size_t size) {
  PathModule& module = self();
  const Below below(module, path);
  if (below.error() != 0) return below.error();
  int result = layer::readlink(module.next(), below.get(), target, size);
  if (result != 0) return result;
  std::string text = target;
  result = module.link_above(path, &text);
  if (result != 0) return result;
  if (size == 0) return 0;
  const size_t length = text.copy(target, size - 1);
  target[length] = '\0';
  return 0;
}

int on_symlink(const char* target, const char* path) {
  PathModule& module = self();
  const Below below(module, path);
  if (below.error() != 0) return below.error();
  std::string text = target;
  const int result = module.link_below(&text);
  return result != 0 ? result : layer::symlink(module.next(), text.c_str(), below.get());
}

int on_rename(const char* from, const char* to, unsigned flags) {
  PathModule& module = self();
  const Below old_name(module, from);
  const Below new_name(module, to);
  if (old_name.error() != 0) return old_name.error();
  if (new_name.error() != 0) return new_name.error();
  return layer::rename(module.next(), old_name.get(), new_name.get(), flags);
}

int on_link(const char* from, const char* to) {
  PathModule& module = self();
  const Below old_name(module, from);
  const Below new_name(module, to);
  if (old_name.error() != 0) return old_name.error();
  if (new_name.error() != 0) return new_name.error();
  return layer::link(module.next(), old_name.get(), new_name.get());
}

int on_write_buf(const char* path, fuse_bufvec* data, off_t offset, fuse_file_info* info) {
  PathModule& module = self();
  const Below below(module, path);
  if (below.error() != 0) return below.error();
  return layer::write_buf(module.next(), below.get(), *data, offset, info);
}

ssize_t on_copy_file_range(const char* path_in, fuse_file_info* in, off_t offset_in,
                           const char* path_out, fuse_file_info* out, off_t offset_out, size_t size,
                           int flags) {
  PathModule& module = self();
  const Below source(module, path_in);
  const Below target(module, path_out);
  if (source.error() != 0) return source.error();
  if (target.error() != 0) return target.error();
  return layer::copy_file_range(module.next(), source.get(), in, offset_in, target.get(), out,
                                offset_out, size, flags);
}

// What a directory is read into: where the caller's filler puts entries.
struct Listing {
  PathModule& module;
  void* buffer;
  fuse_fill_dir_t filler;
  int error = 0;
};

int fill(void* buffer, const char* name, const struct stat* attributes, off_t offset,
         fuse_fill_dir_flags flags) {
  auto& listing = *static_cast<Listing*>(buffer);
  std::string above = name;
  listing.error = listing.module.name_above(&above);
  if (listing.error != 0) return 1;
  return listing.filler(listing.buffer, above.c_str(), attributes, offset, flags);
}

int on_readdir(const char* path, void* buffer, fuse_fill_dir_t filler, off_t offset,
               fuse_file_info* info, fuse_readdir_flags flags) {
  PathModule& module = self();
  const Below below(module, path);
  if (below.error() != 0) return below.error();
  Listing listing{module, buffer, filler};
  const int result =
      layer::readdir(module.next(), below.get(), &listing, fill, offset, info, flags);
  return listing.error != 0 ? listing.error : result;
}

void* on_init(fuse_conn_info* connection, fuse_config* config) {
  PathModule& module = self();
  layer::init(module.next(), *connection, *config);
  return &module;
}

void on_destroy(void* data) {
  auto* module = static_cast<PathModule*>(data);
  layer::destroy(&module->next());
  delete module;
}

// An operation that is not there below is not there up here either, so that the kernel hears the
// same of both.
class Operations {
 public:
  explicit Operations(const fuse_operations& below) : below_(below) {
    ops_.init = on_init;
    ops_.destroy = on_destroy;
  }

  template <auto wrapper, class Member>
  Operations& forward(Member member) {
    return add(member, Forward<wrapper>::run);
  }
  template <class Member, class Operation>
  Operations& add(Member member, Operation operation) {
    if (below_.*member != nullptr) ops_.*member = operation;
    return *this;
  }

  // In whichever form the layer below has them.
  Operations& add_data() {
    if (below_.read != nullptr || below_.read_buf != nullptr) {
      ops_.read = Forward<layer::read>::run;
      ops_.read_buf = Forward<layer::read_buf>::run;
    }
    if (below_.write != nullptr || below_.write_buf != nullptr) {
      ops_.write = Forward<layer::write>::run;
      ops_.write_buf = on_write_buf;
    }
    return *this;
  }
  const fuse_operations& get() const { return ops_; }

 private:
  const fuse_operations& below_;
  fuse_operations ops_{};
};

fuse_operations operations_above(const fuse_operations& below) {
  using Ops = fuse_operations;
  return Operations(below)
      .forward<layer::getattr>(&Ops::getattr)
      .forward<layer::statx>(&Ops::statx)
      .forward<layer::access>(&Ops::access)
      .add(&Ops::readlink, on_readlink)
      .forward<layer::mknod>(&Ops::mknod)
      .forward<layer::mkdir>(&Ops::mkdir)
      .forward<layer::unlink>(&Ops::unlink)
      .forward<layer::rmdir>(&Ops::rmdir)
      .add(&Ops::symlink, on_symlink)
      .add(&Ops::rename, on_rename)
      .add(&Ops::link, on_link)
      .forward<layer::chmod>(&Ops::chmod)
      .forward<layer::chown>(&Ops::chown)
      .forward<layer::truncate>(&Ops::truncate)
      .forward<layer::utimens>(&Ops::utimens)
      .forward<layer::open>(&Ops::open)
      .forward<layer::create>(&Ops::create)
      .forward<layer::release>(&Ops::release)
      .forward<layer::flush>(&Ops::flush)
      .forward<layer::fsync>(&Ops::fsync)
      .add_data()
      .forward<layer::lock>(&Ops::lock)
      .forward<layer::flock>(&Ops::flock)
      .forward<layer::fallocate>(&Ops::fallocate)
      .forward<layer::lseek>(&Ops::lseek)
      .add(&Ops::copy_file_range, on_copy_file_range)
      .forward<layer::bmap>(&Ops::bmap)
      .forward<layer::ioctl>(&Ops::ioctl)
      .forward<layer::poll>(&Ops::poll)
      .forward<layer::opendir>(&Ops::opendir)
      .add(&Ops::readdir, on_readdir)
      .forward<layer::releasedir>(&Ops::releasedir)
      .forward<layer::fsyncdir>(&Ops::fsyncdir)
      .forward<layer::statfs>(&Ops::statfs)
      .forward<layer::syncfs>(&Ops::syncfs)
      .forward<layer::setxattr>(&Ops::setxattr)
      .forward<layer::getxattr>(&Ops::getxattr)
      .forward<layer::listxattr>(&Ops::listxattr)
      .forward<layer::removexattr>(&Ops::removexattr)
      .get();
}

}  // namespace

fuse_fs* new_path_layer(PathModule* module) {
  const fuse_operations ops = operations_above(module->next().ops);
  return new_layer(&ops, sizeof ops, module);
}

}  // namespace fuse3
