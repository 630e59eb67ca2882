/* hello_ll_uds: hello_ll without a mount, for whoever connects to a Unix socket.
 *
 *     hello_ll_uds /run/hello.sock
 *
 * The other end speaks the kernel's side of the FUSE protocol: it may be a virtual machine's
 * device, a tunnel to another host, or a test. fuse_session_custom_io() puts functions in the place
 * of read(2) and writev(2); a socket's stream needs that, as it knows nothing of where a message
 * ends. The program serves one connection and ends with it. Build it with:
 *
 *     cc hello_ll_uds.c hello_operations.c $(pkg-config --cflags --libs fuse3) -o hello_ll_uds
 */

#define FUSE_USE_VERSION 317

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "hello_operations.h"

/* Reads exactly that much; false at the end of the stream. */
static int ReadAll(int fd, char* buffer, size_t size) {
  while (size > 0) {
    const ssize_t got = read(fd, buffer, size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return 0;
    }
    buffer += got;
    size -= (size_t)got;
  }
  return 1;
}

/* A request begins with its length, itself included. While there is none, a signal ends the wait,
   so that the session can end. */
static ssize_t Receive(int fd, void* buffer, size_t room, void* userdata) {
  char* bytes = buffer;
  uint32_t length;
  const ssize_t got = read(fd, bytes, sizeof(length));
  (void)userdata;
  if (got < 0) {
    return -1;
  }
  if (got > 0 && ReadAll(fd, bytes + got, sizeof(length) - (size_t)got)) {
    memcpy(&length, bytes, sizeof(length));
    if (length >= sizeof(length) && length <= room) {
      if (ReadAll(fd, bytes + sizeof(length), length - sizeof(length))) {
        return length;
      }
    } else {
      fprintf(stderr, "a request of %u bytes cannot be\n", length);
    }
  }
  errno = ENODEV; /* as the device says it of a mount that is gone */
  return -1;
}

/* A stream may take a reply in pieces, and the vector is the library's: it is copied to be used up.
 */
static ssize_t Send(int fd, struct iovec* pieces, int count, void* userdata) {
  ssize_t total = 0;
  (void)userdata;
  for (int i = 0; i < count; ++i) {
    const char* data = pieces[i].iov_base;
    size_t rest = pieces[i].iov_len;
    while (rest > 0) {
      const ssize_t sent = send(fd, data, rest, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) {
        continue;
      }
      if (sent < 0) {
        return -1;
      }
      data += sent;
      rest -= (size_t)sent;
      total += sent;
    }
  }
  return total;
}

static const struct fuse_custom_io kSocketIo = {.read = Receive, .writev = Send};

/* Waits for the one who connects; -1 after a message. */
static int Accept(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int connection = -1;
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) {
    perror("socket");
    return -1;
  }
  if (strlen(path) >= sizeof(address.sun_path)) {
    fprintf(stderr, "%s: too long for a socket's name\n", path);
  } else {
    strcpy(address.sun_path, path);
    if (bind(listener, (const struct sockaddr*)&address, sizeof(address)) != 0 ||
        listen(listener, 1) != 0) {
      perror(path);
    } else {
      connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
      if (connection < 0) {
        perror("accept");
      }
      unlink(path);
    }
  }
  close(listener);
  return connection;
}

/* Returns the program's exit status. */
static int Serve(struct fuse_session* session, const char* path) {
  const int connection = Accept(path);
  int status;
  if (connection < 0) {
    return EXIT_FAILURE;
  }
  status = fuse_session_custom_io(session, &kSocketIo, connection);
  if (status != 0) {
    fprintf(stderr, "the socket cannot be used: %s\n", strerror(-status));
    close(connection);
    return EXIT_FAILURE;
  }
  return fuse_session_loop(session) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char* argv[]) {
  /* There is nothing to be mounted, so nothing that a command line could say about it. */
  struct fuse_args args = FUSE_ARGS_INIT(1, argv);
  struct fuse_session* session;
  int status = EXIT_FAILURE;
  if (argc != 2 || argv[1][0] == '-') {
    fprintf(stderr, "usage: %s <socket>\n", argv[0]);
    return EXIT_FAILURE;
  }
  session = fuse_session_new(&args, &kHelloOperations, sizeof(kHelloOperations), NULL);
  if (session != NULL) {
    if (fuse_set_signal_handlers(session) == 0) {
      status = Serve(session, argv[1]);
      fuse_remove_signal_handlers(session);
    }
    fuse_session_destroy(session);
  }
  fuse_opt_free_args(&args);
  return status;
}
