#include "wire/notify.h"

#include <gtest/gtest.h>

#include <cstring>

#include "golden.h"

namespace fuse3::wire::test {
namespace {

template <class Out>
void expect_golden(const char* name, const Out& out) {
  std::vector<std::byte> expected = golden_reply(name);
  ASSERT_EQ(sizeof(out), expected.size()) << name;
  EXPECT_EQ(std::memcmp(&out, expected.data(), expected.size()), 0) << name;
}

TEST(WireNotify, All) {
  expect_golden("notify_poll", notify_poll(7));
  expect_golden("notify_inval_inode", notify_inval_inode(kNode, -1, 5));
  expect_golden("notify_inval_entry", notify_inval_entry(kNode, 3, inval_entry_flag::expire_only));
  expect_golden("notify_store", notify_store(kNode, 512, 100));
  expect_golden("notify_retrieve", notify_retrieve(kUnique, kNode, 512, 100));
  expect_golden("notify_delete", notify_delete(kNode, kNode2, 3));
  expect_golden("notify_resend", notify_resend());
  expect_golden("notify_inc_epoch", notify_inc_epoch());
  expect_golden("notify_prune", notify_prune(2));
}

}  // namespace
}  // namespace fuse3::wire::test
