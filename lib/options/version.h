// Which version this library says it is.
#pragma once

namespace fuse3 {

int version_number();
const char* version_text();

}  // namespace fuse3
