/* ioctl_client FILE [SIZE]: prints the size of ioctl_ll's file, or sets it. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ioctl.h"

int main(int argc, char* argv[]) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s FILE [SIZE]\n", argv[0]);
    return EXIT_FAILURE;
  }
  int fd = open(argv[1], O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    perror(argv[1]);
    return EXIT_FAILURE;
  }
  uint64_t size = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
  int result = argc == 3 ? ioctl(fd, EXAMPLE_SET_SIZE, &size) : ioctl(fd, EXAMPLE_GET_SIZE, &size);
  if (result != 0) {
    perror("ioctl");
  } else if (argc == 2) {
    printf("%" PRIu64 "\n", size);
  }
  close(fd);
  return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
