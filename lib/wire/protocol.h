// The kernel protocol, versions 7.12 to 7.45, in this library's own definitions.
//
// Nothing here depends on the kernel headers of the build machine; layout_check.cc compares with
// them where they know a struct.
#pragma once

#include "wire/device.h"       // IWYU pragma: export
#include "wire/flags.h"        // IWYU pragma: export
#include "wire/opcode.h"       // IWYU pragma: export
#include "wire/structs_in.h"   // IWYU pragma: export
#include "wire/structs_out.h"  // IWYU pragma: export
