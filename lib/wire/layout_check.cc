// Compares the protocol's structs with the kernel headers of the build machine, where those have
// them, and says the sizes of those that are newer than many headers.
#include <linux/fuse.h>

#include <cstddef>
#include <type_traits>

#include "wire/protocol.h"

namespace fuse3::wire {

// Applies a check to each field named: SAME_FIELD(ours, theirs, field).
#define PARENS ()
#define REPEAT_INDIRECTLY() REPEAT
#define REPEAT(ours, theirs, field, ...) \
  SAME_FIELD(ours, theirs, field)        \
  __VA_OPT__(REPEAT_INDIRECTLY PARENS(ours, theirs, __VA_ARGS__))
#define EXPAND1(...) __VA_ARGS__
#define EXPAND2(...) EXPAND1(EXPAND1(EXPAND1(__VA_ARGS__)))
#define EXPAND3(...) EXPAND2(EXPAND2(EXPAND2(__VA_ARGS__)))
#define EXPAND(...) EXPAND3(EXPAND3(EXPAND3(__VA_ARGS__)))

#define SAME_FIELD(ours, theirs, field)                   \
  &&offsetof(ours, field) == offsetof(::theirs, field) && \
      sizeof(decltype(ours::field)) == sizeof(decltype(::theirs::field))
#define SAME(ours, theirs, ...)                                                             \
  static_assert(std::is_trivially_copyable_v<ours>);                                        \
  static_assert(sizeof(ours) == sizeof(::theirs) EXPAND(REPEAT(ours, theirs, __VA_ARGS__)), \
                #ours " is not laid out as the kernel's")

#if FUSE_KERNEL_MINOR_VERSION >= 38
SAME(InHeader, fuse_in_header, len, opcode, unique, nodeid, uid, gid, pid, total_extlen);
SAME(ForgetIn, fuse_forget_in, nlookup);
SAME(ForgetOne, fuse_forget_one, nodeid, nlookup);
SAME(BatchForgetIn, fuse_batch_forget_in, count);
SAME(GetattrIn, fuse_getattr_in, getattr_flags, fh);
SAME(SetattrIn, fuse_setattr_in, valid, fh, size, lock_owner, atime, mtime, ctime, atimensec,
     mtimensec, ctimensec, mode, uid, gid);
SAME(MknodIn, fuse_mknod_in, mode, rdev, umask);
SAME(MkdirIn, fuse_mkdir_in, mode, umask);
SAME(RenameIn, fuse_rename_in, newdir);
SAME(Rename2In, fuse_rename2_in, newdir, flags);
SAME(LinkIn, fuse_link_in, oldnodeid);
SAME(OpenIn, fuse_open_in, flags, open_flags);
SAME(CreateIn, fuse_create_in, flags, mode, umask, open_flags);
SAME(ReleaseIn, fuse_release_in, fh, flags, release_flags, lock_owner);
SAME(FlushIn, fuse_flush_in, fh, lock_owner);
SAME(ReadIn, fuse_read_in, fh, offset, size, read_flags, lock_owner, flags);
SAME(WriteIn, fuse_write_in, fh, offset, size, write_flags, lock_owner, flags);
SAME(FsyncIn, fuse_fsync_in, fh, fsync_flags);
SAME(SetxattrIn, fuse_setxattr_in, size, flags, setxattr_flags);
SAME(GetxattrIn, fuse_getxattr_in, size);
SAME(FileLock, fuse_file_lock, start, end, type, pid);
SAME(LkIn, fuse_lk_in, fh, owner, lk, lk_flags);
SAME(AccessIn, fuse_access_in, mask);
SAME(InitIn, fuse_init_in, major, minor, max_readahead, flags, flags2);
SAME(CuseInitIn, cuse_init_in, major, minor, flags);
SAME(InterruptIn, fuse_interrupt_in, unique);
SAME(BmapIn, fuse_bmap_in, block, blocksize);
SAME(IoctlIn, fuse_ioctl_in, fh, flags, cmd, arg, in_size, out_size);
SAME(PollIn, fuse_poll_in, fh, kh, flags, events);
SAME(FallocateIn, fuse_fallocate_in, fh, offset, length, mode);
SAME(LseekIn, fuse_lseek_in, fh, offset, whence);
SAME(CopyFileRangeIn, fuse_copy_file_range_in, fh_in, off_in, nodeid_out, fh_out, off_out, len,
     flags);
SAME(SetupmappingIn, fuse_setupmapping_in, fh, foffset, len, flags, moffset);
SAME(RemovemappingIn, fuse_removemapping_in, count);
SAME(RemovemappingOne, fuse_removemapping_one, moffset, len);
SAME(SyncfsIn, fuse_syncfs_in, padding);
SAME(NotifyRetrieveIn, fuse_notify_retrieve_in, offset, size);
SAME(ExtHeader, fuse_ext_header, size, type);
SAME(SecctxHeader, fuse_secctx_header, size, nr_secctx);
SAME(Secctx, fuse_secctx, size);
SAME(OutHeader, fuse_out_header, len, error, unique);
SAME(Attr, fuse_attr, ino, size, blocks, atime, mtime, ctime, atimensec, mtimensec, ctimensec, mode,
     nlink, uid, gid, rdev, blksize, flags);
SAME(EntryOut, fuse_entry_out, nodeid, generation, entry_valid, attr_valid, entry_valid_nsec,
     attr_valid_nsec, attr);
SAME(AttrOut, fuse_attr_out, attr_valid, attr_valid_nsec, attr);
SAME(OpenOut, fuse_open_out, fh, open_flags);
SAME(WriteOut, fuse_write_out, size);
SAME(StatfsOut, fuse_kstatfs, blocks, bfree, bavail, files, ffree, bsize, namelen, frsize);
SAME(GetxattrOut, fuse_getxattr_out, size);
SAME(LkOut, fuse_lk_out, lk);
SAME(InitOut, fuse_init_out, major, minor, max_readahead, flags, max_background,
     congestion_threshold, max_write, time_gran, max_pages, map_alignment, flags2);
SAME(CuseInitOut, cuse_init_out, major, minor, flags, max_read, max_write, dev_major, dev_minor);
SAME(BmapOut, fuse_bmap_out, block);
SAME(IoctlIovec, fuse_ioctl_iovec, base, len);
SAME(IoctlOut, fuse_ioctl_out, result, flags, in_iovs, out_iovs);
SAME(PollOut, fuse_poll_out, revents);
SAME(LseekOut, fuse_lseek_out, offset);
SAME(Dirent, fuse_dirent, ino, off, namelen, type);
SAME(Direntplus, fuse_direntplus, entry_out, dirent);
SAME(NotifyPollOut, fuse_notify_poll_wakeup_out, kh);
SAME(NotifyInvalInodeOut, fuse_notify_inval_inode_out, ino, off, len);
SAME(NotifyInvalEntryOut, fuse_notify_inval_entry_out, parent, namelen, flags);
SAME(NotifyDeleteOut, fuse_notify_delete_out, parent, child, namelen);
SAME(NotifyStoreOut, fuse_notify_store_out, nodeid, offset, size);
SAME(NotifyRetrieveOut, fuse_notify_retrieve_out, notify_unique, nodeid, offset, size);
#endif

static_assert(sizeof(InHeader) == 40);
static_assert(sizeof(OutHeader) == 16);
static_assert(sizeof(Attr) == 88);
static_assert(sizeof(EntryOut) == 128);
static_assert(sizeof(AttrOut) == 104);
static_assert(sizeof(InitIn) == 64);
static_assert(sizeof(InitOut) == 64);
static_assert(offsetof(InitOut, max_stack_depth) == 36);
static_assert(offsetof(InitOut, request_timeout) == 40);
static_assert(offsetof(InitOut, successor_timeout) == 60);
static_assert(sizeof(OpenOut) == 16 && offsetof(OpenOut, backing_id) == 12);
static_assert(sizeof(CreateOut) == sizeof(EntryOut) + sizeof(OpenOut));
static_assert(sizeof(Direntplus) == sizeof(EntryOut) + sizeof(Dirent));
static_assert(sizeof(StatxIn) == 24);
static_assert(sizeof(SxTime) == 16);
static_assert(sizeof(StatxData) == 256);
static_assert(offsetof(StatxData, ino) == 32 && offsetof(StatxData, atime) == 64);
static_assert(offsetof(StatxData, rdev_major) == 128 && offsetof(StatxData, spare2) == 144);
static_assert(sizeof(StatxOut) == 288 && offsetof(StatxOut, stat) == 32);
static_assert(sizeof(CopyFileRangeOut) == 8);
static_assert(sizeof(NotifyPruneOut) == 16);
static_assert(sizeof(SuppGroups) == 4);
static_assert(sizeof(BackingMap) == 16);
static_assert(sizeof(Attach) == 16 && offsetof(Attach, generation) == 8);
static_assert(kDeviceAttach == 0x4010e520 && kDeviceReinit == 0xe500);
static_assert(sizeof(UringCmdReq) == 24);
static_assert(sizeof(UringEntInOut) == 32);
static_assert(sizeof(UringReqHeader) == 288 && offsetof(UringReqHeader, ring_ent_in_out) == 256);

}  // namespace fuse3::wire
