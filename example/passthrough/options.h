// What the command line can say about the mirror.

#pragma once

struct Options {
  enum Cache { kNever, kAuto, kAlways };

  char* source = nullptr;  // owned by whoever parsed the options
  int cache = kAuto;
  double timeout = -1;  // seconds; negative: by the cache mode
  int writeback = 0;
  int xattr = 1;
  int flock = 0;
  int posix_lock = 0;
  int readdirplus = 1;
  int direct_io = 0;
  int backing = 0;
  int splice = 1;
  int allow_other = 0;

  double Timeout() const {
    if (timeout >= 0) {
      return timeout;
    }
    return cache == kNever ? 0 : cache == kAuto ? 1 : 86400;
  }
};
