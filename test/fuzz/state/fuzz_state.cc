// A successor opens a state that the input has spoiled, recovers it and does everything with it.
//
// The input is a list of patches to a sound state, 7 bytes each: what kind of place, where, and the
// word that goes there. A list that starts with 0xff gives the first slot a journal from its words.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../../unit/reconnect/damage.h"
#include "reconnect/layout.h"
#include "support/log.h"

namespace {

using namespace fuse3::reconnect;

constexpr size_t kPatch = 7;
constexpr uint8_t kAnywhere = 0xfe;
constexpr uint8_t kJournal = 0xff;

void drop_log(fuse_log_level, const char*, va_list) {}

struct Reader {
  const uint8_t* at;
  size_t left;

  uint64_t next() {
    uint64_t word = 0;
    const size_t n = left < sizeof word ? left : sizeof word;
    std::memcpy(&word, at, n);
    at += n;
    left -= n;
    return word;
  }
};

// Where things are is asked of the sample: a patch may have moved them.
void apply_patches(std::vector<std::byte>& bytes, const std::vector<std::byte>& sample,
                   const uint8_t* data, size_t size) {
  for (; size >= kPatch; data += kPatch, size -= kPatch) {
    uint16_t where;
    uint32_t value;
    std::memcpy(&where, data + 1, sizeof where);
    std::memcpy(&value, data + 3, sizeof value);
    const size_t at = data[0] == kAnywhere
                          ? size_t{where} * 4 % (bytes.size() - sizeof value)
                          : interesting_word(sample, uint64_t{where} * 8 + data[0] % 8);
    std::memcpy(&bytes[at], &value, sizeof value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::byte> sample = [] {
    fuse3::set_log_function(drop_log);
    return sample_state();
  }();
  std::vector<std::byte> bytes = sample;
  if (size > 0 && data[0] == kJournal) {
    Reader reader{data + 1, size - 1};
    add_journal(bytes, [&] { return reader.next(); });
  } else {
    apply_patches(bytes, sample, data, size);
  }
  open_and_use(bytes);
  return 0;
}
