// Compares the protocol's numbers with the kernel headers of the build machine, where those have
// them.
#include <linux/fuse.h>

#include "wire/protocol.h"

namespace fuse3::wire {

#define SAME(ours, theirs) \
  static_assert(static_cast<uint64_t>(ours) == static_cast<uint64_t>(theirs), #ours)

#if FUSE_KERNEL_MINOR_VERSION >= 38
SAME(cuse_flag::unrestricted_ioctl, CUSE_UNRESTRICTED_IOCTL);
SAME(fattr::mode, FATTR_MODE);
SAME(fattr::uid, FATTR_UID);
SAME(fattr::gid, FATTR_GID);
SAME(fattr::size, FATTR_SIZE);
SAME(fattr::atime, FATTR_ATIME);
SAME(fattr::mtime, FATTR_MTIME);
SAME(fattr::fh, FATTR_FH);
SAME(fattr::atime_now, FATTR_ATIME_NOW);
SAME(fattr::mtime_now, FATTR_MTIME_NOW);
SAME(fattr::lockowner, FATTR_LOCKOWNER);
SAME(fattr::ctime, FATTR_CTIME);
SAME(fattr::kill_suidgid, FATTR_KILL_SUIDGID);
SAME(open_request::kill_suidgid, FUSE_OPEN_KILL_SUIDGID);
SAME(open_reply::direct_io, FOPEN_DIRECT_IO);
SAME(open_reply::keep_cache, FOPEN_KEEP_CACHE);
SAME(open_reply::nonseekable, FOPEN_NONSEEKABLE);
SAME(open_reply::cache_dir, FOPEN_CACHE_DIR);
SAME(open_reply::stream, FOPEN_STREAM);
SAME(open_reply::noflush, FOPEN_NOFLUSH);
SAME(open_reply::parallel_direct_writes, FOPEN_PARALLEL_DIRECT_WRITES);
SAME(release_flag::flush, FUSE_RELEASE_FLUSH);
SAME(release_flag::flock_unlock, FUSE_RELEASE_FLOCK_UNLOCK);
SAME(getattr_flag::fh, FUSE_GETATTR_FH);
SAME(lock_flag::flock, FUSE_LK_FLOCK);
SAME(write_flag::cache, FUSE_WRITE_CACHE);
SAME(write_flag::lockowner, FUSE_WRITE_LOCKOWNER);
SAME(write_flag::kill_suidgid, FUSE_WRITE_KILL_SUIDGID);
SAME(read_flag::lockowner, FUSE_READ_LOCKOWNER);
SAME(ioctl_flag::compat, FUSE_IOCTL_COMPAT);
SAME(ioctl_flag::unrestricted, FUSE_IOCTL_UNRESTRICTED);
SAME(ioctl_flag::retry, FUSE_IOCTL_RETRY);
SAME(ioctl_flag::is_32bit, FUSE_IOCTL_32BIT);
SAME(ioctl_flag::dir, FUSE_IOCTL_DIR);
SAME(ioctl_flag::compat_x32, FUSE_IOCTL_COMPAT_X32);
SAME(poll_flag::schedule_notify, FUSE_POLL_SCHEDULE_NOTIFY);
SAME(attr_flag::submount, FUSE_ATTR_SUBMOUNT);
SAME(attr_flag::dax, FUSE_ATTR_DAX);
SAME(setxattr_flag::acl_kill_sgid, FUSE_SETXATTR_ACL_KILL_SGID);
SAME(inval_entry_flag::expire_only, FUSE_EXPIRE_ONLY);
SAME(setupmapping_flag::write, FUSE_SETUPMAPPING_FLAG_WRITE);
SAME(setupmapping_flag::read, FUSE_SETUPMAPPING_FLAG_READ);
SAME(Opcode::lookup, FUSE_LOOKUP);
SAME(Opcode::forget, FUSE_FORGET);
SAME(Opcode::getattr, FUSE_GETATTR);
SAME(Opcode::setattr, FUSE_SETATTR);
SAME(Opcode::readlink, FUSE_READLINK);
SAME(Opcode::symlink, FUSE_SYMLINK);
SAME(Opcode::mknod, FUSE_MKNOD);
SAME(Opcode::mkdir, FUSE_MKDIR);
SAME(Opcode::unlink, FUSE_UNLINK);
SAME(Opcode::rmdir, FUSE_RMDIR);
SAME(Opcode::rename, FUSE_RENAME);
SAME(Opcode::link, FUSE_LINK);
SAME(Opcode::open, FUSE_OPEN);
SAME(Opcode::read, FUSE_READ);
SAME(Opcode::write, FUSE_WRITE);
SAME(Opcode::statfs, FUSE_STATFS);
SAME(Opcode::release, FUSE_RELEASE);
SAME(Opcode::fsync, FUSE_FSYNC);
SAME(Opcode::setxattr, FUSE_SETXATTR);
SAME(Opcode::getxattr, FUSE_GETXATTR);
SAME(Opcode::listxattr, FUSE_LISTXATTR);
SAME(Opcode::removexattr, FUSE_REMOVEXATTR);
SAME(Opcode::flush, FUSE_FLUSH);
SAME(Opcode::init, FUSE_INIT);
SAME(Opcode::opendir, FUSE_OPENDIR);
SAME(Opcode::readdir, FUSE_READDIR);
SAME(Opcode::releasedir, FUSE_RELEASEDIR);
SAME(Opcode::fsyncdir, FUSE_FSYNCDIR);
SAME(Opcode::getlk, FUSE_GETLK);
SAME(Opcode::setlk, FUSE_SETLK);
SAME(Opcode::setlkw, FUSE_SETLKW);
SAME(Opcode::access, FUSE_ACCESS);
SAME(Opcode::create, FUSE_CREATE);
SAME(Opcode::interrupt, FUSE_INTERRUPT);
SAME(Opcode::bmap, FUSE_BMAP);
SAME(Opcode::destroy, FUSE_DESTROY);
SAME(Opcode::ioctl, FUSE_IOCTL);
SAME(Opcode::poll, FUSE_POLL);
SAME(Opcode::notify_reply, FUSE_NOTIFY_REPLY);
SAME(Opcode::batch_forget, FUSE_BATCH_FORGET);
SAME(Opcode::fallocate, FUSE_FALLOCATE);
SAME(Opcode::readdirplus, FUSE_READDIRPLUS);
SAME(Opcode::rename2, FUSE_RENAME2);
SAME(Opcode::lseek, FUSE_LSEEK);
SAME(Opcode::copy_file_range, FUSE_COPY_FILE_RANGE);
SAME(Opcode::setupmapping, FUSE_SETUPMAPPING);
SAME(Opcode::removemapping, FUSE_REMOVEMAPPING);
SAME(Opcode::syncfs, FUSE_SYNCFS);
SAME(Opcode::tmpfile, FUSE_TMPFILE);
SAME(Opcode::cuse_init, CUSE_INIT);
SAME(Opcode::poll, FUSE_POLL);
SAME(NotifyCode::inval_inode, FUSE_NOTIFY_INVAL_INODE);
SAME(NotifyCode::inval_entry, FUSE_NOTIFY_INVAL_ENTRY);
SAME(NotifyCode::store, FUSE_NOTIFY_STORE);
SAME(NotifyCode::retrieve, FUSE_NOTIFY_RETRIEVE);
SAME(NotifyCode::delete_entry, FUSE_NOTIFY_DELETE);
SAME(NotifyCode::poll, FUSE_NOTIFY_POLL);
SAME(fsync_flag::data_only, FUSE_FSYNC_FDATASYNC);
SAME(kIoctlMaxIov, FUSE_IOCTL_MAX_IOV);
SAME(kMinReadBuffer, FUSE_MIN_READ_BUFFER);
SAME(kCuseInitInfoMax, CUSE_INIT_INFO_MAX);
SAME(extension_type::max_security_contexts, FUSE_MAX_NR_SECCTX);
SAME(kDeviceClone, FUSE_DEV_IOC_CLONE);
#endif

}  // namespace fuse3::wire
