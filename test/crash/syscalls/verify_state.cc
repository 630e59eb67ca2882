// verify-state FILE: checks every invariant of a connection's tables. Nobody may change them
// meanwhile: the server has to be idle.

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "reconnect/state.h"

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s STATE-FILE\n", argv[0]);
    return 2;
  }
  fuse3::UniqueFd fd(::open(argv[1], O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    std::printf("%s: %s\n", argv[1], std::strerror(errno));
    return 1;
  }
  std::string why;
  auto state = fuse3::reconnect::State::open(std::move(fd), &why);
  if (!state || !(*state)->verify_full(&why)) {
    std::printf("%s: %s\n", argv[1], why.c_str());
    return 1;
  }
  return 0;
}
