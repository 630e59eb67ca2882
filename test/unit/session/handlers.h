// A filesystem whose operations are closures; one that is left empty is missing.
#pragma once

#include <functional>

#include "fuse_lowlevel.h"

namespace fuse3::test {

#define FUSE3_TEST_OPERATIONS(X)                                                              \
  X(lookup)                                                                                   \
  X(forget)                                                                                   \
  X(getattr) X(setattr) X(readlink) X(mknod) X(mkdir) X(unlink) X(rmdir) X(symlink) X(rename) \
      X(link) X(open) X(read) X(write) X(flush) X(release) X(fsync) X(opendir) X(readdir)     \
          X(releasedir) X(fsyncdir) X(statfs) X(syncfs) X(setxattr) X(getxattr) X(listxattr)  \
              X(removexattr) X(access) X(create) X(getlk) X(setlk) X(bmap) X(ioctl) X(poll)   \
                  X(write_buf) X(retrieve_reply) X(forget_multi) X(flock) X(fallocate)        \
                      X(readdirplus) X(copy_file_range) X(lseek) X(tmpfile) X(statx)

template <class Pointer>
struct AsFunction;
template <class... Args>
struct AsFunction<void (*)(Args...)> {
  using type = std::function<void(Args...)>;
};

struct Handlers {
  std::function<void(fuse_conn_info&)> init = {};
  std::function<void()> destroy = {};
#define FUSE3_TEST_MEMBER(name) AsFunction<decltype(fuse_lowlevel_ops::name)>::type name = {};
  FUSE3_TEST_OPERATIONS(FUSE3_TEST_MEMBER)
#undef FUSE3_TEST_MEMBER

  // The operations that call the closures of the World that is the session's userdata.
  fuse_lowlevel_ops operations() const;
};

}  // namespace fuse3::test
