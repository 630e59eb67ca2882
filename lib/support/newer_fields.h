// Fields that public structures have in one of the libraries built from this source and not in the
// other (lib/abi3/).
#pragma once

// The value of a field, or `absent` where the structure has no such field.
#define FUSE3_FIELD_OR(object, field, absent)      \
  [](const auto& structure) {                      \
    if constexpr (requires { structure.field; }) { \
      return structure.field;                      \
    } else {                                       \
      return absent;                               \
    }                                              \
  }(object)

// Sets a field where the structure has it.
#define FUSE3_SET_FIELD(object, field, value)                              \
  [](auto& structure, [[maybe_unused]] const auto& wanted) {               \
    if constexpr (requires { structure.field; }) structure.field = wanted; \
  }(object, value)
