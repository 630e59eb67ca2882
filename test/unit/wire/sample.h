// The file that make_golden.py's replies are about. Needs fuse_lowlevel.h before it.
#pragma once

#include <sys/stat.h>

namespace fuse3::wire::test {

inline struct stat sample_stat(ino_t ino) {
  struct stat stat {};
  stat.st_ino = ino;
  stat.st_size = 1000;
  stat.st_blocks = 8;
  stat.st_atim = {101, 201};
  stat.st_mtim = {102, 202};
  stat.st_ctim = {103, 203};
  stat.st_mode = S_IFREG | 0644;
  stat.st_nlink = 2;
  stat.st_uid = 501;
  stat.st_gid = 502;
  stat.st_rdev = 0x0805;
  stat.st_blksize = 4096;
  return stat;
}

inline fuse_entry_param sample_entry(fuse_ino_t ino) {
  fuse_entry_param entry{};
  entry.ino = ino;
  entry.generation = 6;
  entry.attr = sample_stat(ino);
  entry.entry_timeout = 1.5;
  entry.attr_timeout = 2.25;
  return entry;
}

}  // namespace fuse3::wire::test
