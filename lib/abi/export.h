// How a function becomes part of the library's ABI. The version script gives each exported symbol
// its version; what is here is for names that exist in several versions.
#pragma once

#define FUSE3_EXPORT extern "C" __attribute__((visibility("default")))

// Exports a function under its own name and, besides, under `versioned`: "name@VERSION" for
// programs linked long ago, "name@@VERSION" for those linked now. Stands where FUSE3_EXPORT would:
//   FUSE3_EXPORT_ALSO(fuse_thing_30, "fuse_thing@FUSE_3.0") int fuse_thing_30() { ... }
#if defined(__has_attribute)
#if __has_attribute(symver)
#define FUSE3_EXPORT_ALSO(function, versioned) FUSE3_EXPORT __attribute__((symver(versioned)))
#endif
#endif
#ifndef FUSE3_EXPORT_ALSO
#define FUSE3_EXPORT_ALSO(function, versioned)  \
  __asm__(".symver " #function ", " versioned); \
  FUSE3_EXPORT
#endif
