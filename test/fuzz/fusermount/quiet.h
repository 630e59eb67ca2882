// The code under test says much about bad input; its messages are made, and dropped.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "support/log.h"

inline void make_messages_only() {
  fuse3::set_log_function([](fuse_log_level, const char* format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
  });
}

inline void expect(bool holds) {
  if (!holds) abort();
}
