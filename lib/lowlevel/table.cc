#include <array>

#include "cuse/rows.h"
#include "lowlevel/rows.h"

namespace fuse3 {
namespace {

using Table = std::array<const Row*, wire::kLastOpcode + 1>;

Table make_table() {
  Table table{};
  for (const auto& rows :
       {name_rows(), file_rows(), data_rows(), attribute_rows(), connection_rows()}) {
    for (const Row& row : rows) table[static_cast<uint32_t>(row.opcode)] = &row;
  }
  return table;
}

// Made when the library is loaded, and constant from then on.
const Table kTable = make_table();

}  // namespace

const Row* find_row(wire::Opcode opcode) {
  if (opcode == wire::Opcode::cuse_init) return cuse::init_row();
  const auto number = static_cast<uint32_t>(opcode);
  return number < kTable.size() ? kTable[number] : nullptr;
}

}  // namespace fuse3
