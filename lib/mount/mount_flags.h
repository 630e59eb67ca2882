// The words of mount(8) that are flags of mount(2).
#pragma once

#include <sys/mount.h>

namespace fuse3 {

struct FlagName {
  const char* name;
  unsigned long flag;
  bool sets;
};

inline constexpr FlagName kFlagNames[] = {
    {"rw", MS_RDONLY, false},
    {"ro", MS_RDONLY, true},
    {"suid", MS_NOSUID, false},
    {"nosuid", MS_NOSUID, true},
    {"dev", MS_NODEV, false},
    {"nodev", MS_NODEV, true},
    {"exec", MS_NOEXEC, false},
    {"noexec", MS_NOEXEC, true},
    {"async", MS_SYNCHRONOUS, false},
    {"sync", MS_SYNCHRONOUS, true},
    {"dirsync", MS_DIRSYNC, true},
    {"atime", MS_NOATIME, false},
    {"noatime", MS_NOATIME, true},
    {"diratime", MS_NODIRATIME, false},
    {"nodiratime", MS_NODIRATIME, true},
    {"norelatime", MS_RELATIME, false},
    {"relatime", MS_RELATIME, true},
    {"nostrictatime", MS_STRICTATIME, false},
    {"strictatime", MS_STRICTATIME, true},
    {"nolazytime", MS_LAZYTIME, false},
    {"lazytime", MS_LAZYTIME, true},
    {"symfollow", MS_NOSYMFOLLOW, false},
    {"nosymfollow", MS_NOSYMFOLLOW, true},
};

// What a mount starts from before its options are read.
inline constexpr unsigned long kDefaultFlags = MS_NOSUID | MS_NODEV;

}  // namespace fuse3
