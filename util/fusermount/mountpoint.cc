#include "mountpoint.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "support/log.h"

namespace fuse3::fusermount {
namespace {

// In ascending order.
constexpr unsigned long kCoverable[] = {
    0x0000137f,  // minix
    0x0000138f,  // minix, long names
    0x00002468,  // minix 2
    0x00002478,  // minix 2, long names
    0x00003434,  // nilfs2
    0x00004244,  // hfs
    0x0000482b,  // hfsplus
    0x00004858,  // hfsx
    0x00004d44,  // msdos, vfat
    0x00004d5a,  // minix 3
    0x0000517b,  // smb
    0x0000564c,  // ncp
    0x00006969,  // nfs
    0x000072b6,  // jffs2
    0x0000adf5,  // adfs
    0x0000adff,  // affs
    0x0000ef53,  // ext2, ext3, ext4
    0x0000f15f,  // ecryptfs
    0x00011954,  // ufs
    0x00c36400,  // ceph
    0x01021994,  // tmpfs
    0x01021997,  // 9p
    0x01161970,  // gfs2
    0x012ff7b5,  // system v 4
    0x012ff7b6,  // system v 2
    0x0bd00bd0,  // lustre
    0x15013346,  // udf
    0x19830326,  // beegfs
    0x20030528,  // orangefs
    0x2011bab0,  // exfat
    0x24051905,  // ubifs
    0x2fc12fc1,  // zfs
    0x3153464a,  // jfs
    0x47504653,  // gpfs
    0x52654973,  // reiserfs
    0x5346414f,  // afs, of openafs too
    0x53464846,  // wslfs
    0x5346544e,  // ntfs
    0x58465342,  // xfs
    0x61636673,  // acfs
    0x61756673,  // aufs
    0x65735546,  // fuse
    0x6b414653,  // afs
    0x7366746e,  // ntfs3
    0x73757245,  // coda
    0x7461636f,  // ocfs2
    0x786f4256,  // vboxsf
    0x794c7630,  // overlay
    0x7c7c6673,  // prl_fs
    0x858458f6,  // ramfs
    0x9123683e,  // btrfs
    0xa501fcf5,  // vxfs
    0xaad7aaea,  // panfs
    0xbeefdead,  // snfs
    0xca451a4e,  // bcachefs
    0xf2f52010,  // f2fs
    0xf995e849,  // hpfs
    0xfe534d42,  // smb2
    0xff534d42,  // cifs
};
static_assert(std::is_sorted(std::begin(kCoverable), std::end(kCoverable)));

Error refuse(const std::string& path, const char* what, int error) {
  log_error("fusermount3: mountpoint %s %s\n", path.c_str(), what);
  return Error{error};
}

Error refuse_with_reason(const std::string& path, int error) {
  log_error("fusermount3: cannot use mountpoint %s: %s%s\n", path.c_str(), strerror(error),
            error == ENOTCONN ? "; the server of the filesystem mounted there is gone, unmount it "
                                "first, with \"fusermount3 -u -z\""
                              : "");
  return Error{error};
}

// With the rights the user has: none of ours is in effect.
int write_error(int place) {
  if (syscall(SYS_faccessat2, place, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0) return 0;
  return errno;
}

Result<void> check_for_user(const std::string& path, const Mountpoint& mountpoint,
                            const struct stat& status, const Caller& caller) {
  if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) && status.st_uid != caller.user) {
    return refuse(path, "is a sticky directory of somebody else", EPERM);
  }
  const int error = write_error(mountpoint.place.get());
  if (error == EACCES) return refuse(path, "is not writable for you", EACCES);
  if (error != 0) return refuse_with_reason(path, error);

  struct statfs filesystem;
  if (fstatfs(mountpoint.place.get(), &filesystem) != 0) return refuse_with_reason(path, errno);
  // Numbers above 2^31 are negative where the field is narrow and signed.
  const unsigned long type = static_cast<unsigned int>(filesystem.f_type);
  if (!may_cover(type)) {
    log_error(
        "fusermount3: mountpoint %s is on a filesystem of type 0x%lx, where users may not mount\n",
        path.c_str(), type);
    return Error{EPERM};
  }
  return {};
}

}  // namespace

std::string handle_path(int place) {
  return "/proc/self/fd/" + std::to_string(place);
}

Result<std::string> path_of(int place) {
  char path[PATH_MAX];
  const ssize_t length = readlink(handle_path(place).c_str(), path, sizeof path);
  if (length < 0) return last_error();
  if (length == static_cast<ssize_t>(sizeof path)) return Error{ENAMETOOLONG};
  // What this process cannot reach from its root.
  if (length == 0 || path[0] != '/') return Error{ENOENT};
  return std::string(path, static_cast<size_t>(length));
}

bool may_cover(unsigned long filesystem_type) {
  return std::binary_search(std::begin(kCoverable), std::end(kCoverable), filesystem_type);
}

Result<Mountpoint> open_mountpoint(const std::string& path, const Caller& caller) {
  Mountpoint mountpoint;
  mountpoint.place.reset(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!mountpoint.place) return refuse_with_reason(path, errno);

  struct stat status;
  if (fstat(mountpoint.place.get(), &status) != 0) return refuse_with_reason(path, errno);
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) {
    return refuse(path, "is neither a directory nor a regular file", ENOTDIR);
  }
  mountpoint.mode = status.st_mode & S_IFMT;
  if (!caller.root()) {
    const Result<void> checked = check_for_user(path, mountpoint, status, caller);
    if (!checked) return checked.as_error();
  }
  Result<std::string> resolved = path_of(mountpoint.place.get());
  if (!resolved) return refuse_with_reason(path, resolved.error());
  mountpoint.path = *std::move(resolved);
  return mountpoint;
}

}  // namespace fuse3::fusermount
