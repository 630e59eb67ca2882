// A filesystem that reads everything it is given to the last byte and answers everything, and a
// session around it that is fed whatever bytes there are.
#pragma once

#include <cstddef>
#include <span>

namespace fuse3::test {

// The input is the protocol's minor version (1 byte), the upper byte of the flags offered (1 byte),
// and packets: their length (2 bytes), how they are treated (1 byte), and their bytes. Stops the
// program when something is wrong.
void torture(std::span<const std::byte> input);

}  // namespace fuse3::test
