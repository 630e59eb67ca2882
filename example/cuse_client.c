/* cuse_client DEVICE size | resize SIZE | copy OFFSET LENGTH: what the device of cuse can be asked.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ioctl.h"

static int PrintSize(int fd) {
  uint64_t size;
  if (ioctl(fd, EXAMPLE_GET_SIZE, &size) != 0) {
    return -1;
  }
  printf("%" PRIu64 "\n", size);
  return 0;
}

static int PrintPart(int fd, uint64_t offset, uint64_t length) {
  char* room = malloc(length > 0 ? length : 1);
  struct example_copy copy = {.offset = offset, .length = length, .address = (uintptr_t)room};
  int copied = room != NULL ? ioctl(fd, EXAMPLE_COPY, &copy) : -1;
  if (copied > 0) {
    fwrite(room, 1, (size_t)copied, stdout);
  }
  free(room);
  return copied < 0 ? -1 : 0;
}

int main(int argc, char* argv[]) {
  const char* command = argc > 2 ? argv[2] : "";
  int fd = argc > 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
  int result = -1;
  if (fd < 0 && argc > 2) {
    perror(argv[1]);
    return EXIT_FAILURE;
  }
  if (argc == 3 && strcmp(command, "size") == 0) {
    result = PrintSize(fd);
  } else if (argc == 4 && strcmp(command, "resize") == 0) {
    uint64_t size = strtoull(argv[3], NULL, 10);
    result = ioctl(fd, EXAMPLE_SET_SIZE, &size);
  } else if (argc == 5 && strcmp(command, "copy") == 0) {
    result = PrintPart(fd, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
  } else {
    fprintf(stderr, "usage: %s DEVICE size | resize SIZE | copy OFFSET LENGTH\n", argv[0]);
    return EXIT_FAILURE;
  }
  if (result != 0) {
    perror(command);
  }
  close(fd);
  return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
