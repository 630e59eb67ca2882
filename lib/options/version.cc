#include "options/version.h"

#include "libfuse_config.h"

#define FUSE3_TEXT_OF(x) #x
#define FUSE3_TEXT(x) FUSE3_TEXT_OF(x)

namespace fuse3 {

int version_number() {
  return FUSE_VERSION;
}

const char* version_text() {
  if constexpr (sizeof(FUSE_RC_VERSION) > 1) {
    return FUSE3_TEXT(FUSE_MAJOR_VERSION) "." FUSE3_TEXT(FUSE_MINOR_VERSION) "-" FUSE_RC_VERSION;
  }
  return FUSE3_TEXT(FUSE_MAJOR_VERSION) "." FUSE3_TEXT(FUSE_MINOR_VERSION) "." FUSE3_TEXT(
      FUSE_HOTFIX_VERSION);
}

}  // namespace fuse3
