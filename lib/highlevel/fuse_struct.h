// struct fuse: a stack of layers, the tree of names, and the session that serves them.
#pragma once

#include <pthread.h>

#include <atomic>
#include <mutex>

#include "highlevel/fuse_fs.h"
#include "highlevel/tree.h"
#include "session/session.h"

// Frees the tree in the background, see fuse_start_cleanup_thread().
struct Cleaner {
  std::mutex lock;
  pthread_t thread{};
  unsigned users = 0;             // loops and the program itself may ask for one
  std::atomic<uint32_t> stop{0};  // futex
};

struct fuse {
  fuse_session* session = nullptr;
  fuse_fs* top = nullptr;  // freed by the filesystem's goodbye
  fuse_config config{};    // final after init()
  fuse3::Tree tree;
  // For names of hidden files; not unique by itself.
  std::atomic<uint32_t> hidden_names{0};
  bool signal_installed = false;
  Cleaner cleaner;
};
