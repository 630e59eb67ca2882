// A successor that has the kernel send again what it waits for, where that differs from the slots.
#pragma once

#include <string>

namespace fuse3::reconnect {

// The name of the first difference that is not met as it has to be, and `how`; null if there is
// none.
const char* wrong_when_asked(std::string* how);

}  // namespace fuse3::reconnect
