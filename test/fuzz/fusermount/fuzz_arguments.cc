// The input is a command line, its words ended by zero bytes.
#include <cstdint>
#include <string>
#include <vector>

#include "arguments.h"
#include "handover.h"
#include "quiet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fuse3::fusermount;
  make_messages_only();
  const std::string text(data, data + size);
  std::vector<std::string> words = {"fusermount3"};
  for (size_t at = 0; at < size; at = text.find('\0', at) + 1) {
    words.emplace_back(text.c_str() + at);
    if (text.find('\0', at) == std::string::npos) break;
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const auto arguments = parse_arguments(static_cast<int>(words.size()), argv.data());
  if (!arguments) return 0;
  const bool needs_place = arguments->task != Task::kHelp && arguments->task != Task::kVersion;
  expect(!needs_place || !arguments->mountpoint.empty());
  expect(!needs_place || !arguments->lazy || arguments->task == Task::kUnmount);
  expect(!arguments->socket || *arguments->socket >= 0);
  // Nothing is open there, so the words of an environment variable are all that counts.
  (void)find_socket({}, words.back().c_str()).ok();
  return 0;
}
