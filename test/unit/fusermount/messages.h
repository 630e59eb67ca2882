// Catches what the code under test says.
#pragma once

#include <gtest/gtest.h>

#include <cstdarg>
#include <cstdio>
#include <string>

#include "support/log.h"

namespace fuse3::fusermount {

class Messages : public testing::Test {
 protected:
  void SetUp() override {
    said().clear();
    set_log_function([](fuse_log_level, const char* format, va_list args) {
      char text[1024];
      vsnprintf(text, sizeof text, format, args);
      said() += text;
    });
  }
  void TearDown() override { set_log_function(nullptr); }

  static std::string& said() {
    static std::string text;
    return text;
  }
  // What was said since the last time.
  static std::string take_said() {
    std::string text;
    text.swap(said());
    return text;
  }
  static bool says(const std::string& part) {
    const std::string text = take_said();
    if (text.find(part) != std::string::npos) return true;
    ADD_FAILURE() << "\"" << part << "\" is not in \"" << text << "\"";
    return false;
  }
};

}  // namespace fuse3::fusermount
