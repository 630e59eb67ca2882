// The operations by theme; table.cc puts them together.
#pragma once

#include <span>

#include "session/row.h"

namespace fuse3 {

std::span<const Row> name_rows();
std::span<const Row> file_rows();
std::span<const Row> data_rows();
std::span<const Row> attribute_rows();
std::span<const Row> connection_rows();

}  // namespace fuse3
