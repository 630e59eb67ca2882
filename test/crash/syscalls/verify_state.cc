// verify-state FILE: checks every invariant of a connection's tables. Nobody may change them
// meanwhile: the server has to be idle.
// verify-state --opcodes: the number and name of every operation that the library knows.

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "reconnect/state.h"
#include "session/row.h"

namespace {

void print_opcodes() {
  for (uint32_t number = 1; number <= fuse3::wire::kLastOpcode; ++number) {
    const fuse3::Row* row = fuse3::find_row(static_cast<fuse3::wire::Opcode>(number));
    if (row != nullptr) std::printf("%u %s\n", number, row->name);
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s STATE-FILE | --opcodes\n", argv[0]);
    return 2;
  }
  if (std::strcmp(argv[1], "--opcodes") == 0) {
    print_opcodes();
    return 0;
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
