/* Preloaded into a server: as long as the number in the file $FAIL_COUNT is above zero, lowers it by
 * one and dies before main(), as a program with a broken start would. Other programs that inherit the
 * preload, such as the keeper, are left alone. With $LIVE_ON a server does not end after main(), but
 * waits to be killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_server(void) {
  const char *program = getenv("FAIL_PROGRAM");
  char exe[4096] = "";
  return program != NULL && readlink("/proc/self/exe", exe, sizeof(exe) - 1) >= 0 &&
         strcmp(exe, program) == 0;
}

__attribute__((destructor)) static void live_on(void) {
  while (getenv("LIVE_ON") != NULL && is_server()) {
    pause();
  }
}

__attribute__((constructor)) static void fail_at_start(void) {
  const char *file = getenv("FAIL_COUNT");
  char text[32] = "";
  if (file == NULL || !is_server()) {
    return;
  }
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return;
  }
  long left = read(fd, text, sizeof(text) - 1) > 0 ? strtol(text, NULL, 10) : 0;
  if (left > 0) {
    int length = snprintf(text, sizeof(text), "%ld\n", left - 1);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) == length) {
      kill(getpid(), SIGKILL);
    }
  }
  close(fd);
}
