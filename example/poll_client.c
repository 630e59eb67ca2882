/* poll_client FILE COUNT: waits for so many lines of poll_ll's file, and prints them. */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Waits for one line. Returns 0, or -1 after an error. */
static int WaitForLine(int fd) {
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  if (poll(&wanted, 1, -1) != 1) {
    return -1;
  }
  char line[64];
  ssize_t length = read(fd, line, sizeof(line));
  if (length <= 0) {
    return -1;
  }
  fwrite(line, 1, (size_t)length, stdout);
  return fflush(stdout);
}

int main(int argc, char* argv[]) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s FILE COUNT\n", argv[0]);
    return EXIT_FAILURE;
  }
  int fd = open(argv[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    perror(argv[1]);
    return EXIT_FAILURE;
  }
  for (int i = atoi(argv[2]); i > 0; --i) {
    if (WaitForLine(fd) != 0) {
      perror(argv[1]);
      return EXIT_FAILURE;
    }
  }
  close(fd);
  return EXIT_SUCCESS;
}
