// Threads that take no signal: those are for the program's own.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace fuse3 {

// As pthread_create(); the new thread has all signals blocked.
inline int start_quiet_thread(pthread_t* thread, void* (*run)(void*), void* data) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(thread, nullptr, run, data);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

}  // namespace fuse3
