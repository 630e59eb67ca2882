// Lookups given back, alone and in batches.
#include <gtest/gtest.h>

#include "show.h"
#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

using Told = std::vector<std::pair<uint64_t, uint64_t>>;

Bytes batch(const Told& items) {
  Bytes bytes = body(wire::BatchForgetIn{static_cast<uint32_t>(items.size()), 0});
  for (const auto& [node, count] : items) append_part(bytes, wire::ForgetOne{node, count});
  return bytes;
}

TEST(SessionForget, OneByOne) {
  Told told;
  World world({.forget = [&](fuse_req_t req, fuse_ino_t ino, uint64_t count) {
    told.emplace_back(ino, count);
    fuse_reply_none(req);
  }});
  world.init();
  world.tell(Opcode::forget, 5, body(wire::ForgetIn{3}));
  world.tell(Opcode::batch_forget, 0, batch({{6, 1}, {7, 2}, {6, 4}}));
  EXPECT_EQ((Told{{5, 3}, {6, 1}, {7, 2}, {6, 4}}), told);
}

TEST(SessionForget, InBatches) {
  std::vector<Told> calls;
  int singles = 0;
  World world({.forget =
                   [&](fuse_req_t req, auto...) {
                     ++singles;
                     fuse_reply_none(req);
                   },
               .forget_multi =
                   [&](fuse_req_t req, size_t count, fuse_forget_data* items) {
                     Told told;
                     for (size_t i = 0; i < count; ++i) {
                       told.emplace_back(items[i].ino, items[i].nlookup);
                     }
                     calls.push_back(told);
                     fuse_reply_none(req);
                   }});
  world.init();
  const Told some{{6, 1}, {7, 2}, {~uint64_t{0}, ~uint64_t{0}}};
  world.tell(Opcode::batch_forget, 0, batch(some));
  world.tell(Opcode::batch_forget, 0, batch({}));
  Told many;
  for (uint64_t i = 0; i < 5000; ++i) many.emplace_back(i, i + 1);
  world.tell(Opcode::batch_forget, 0, batch(many));
  world.tell(Opcode::forget, 5, body(wire::ForgetIn{3}));
  EXPECT_EQ((std::vector<Told>{some, many}), calls);
  EXPECT_EQ(1, singles);
}

TEST(SessionForget, ACountThatDoesNotFitIsNotBelieved) {
  int calls = 0;
  World world({.forget_multi = [&](fuse_req_t req, auto...) {
    ++calls;
    fuse_reply_none(req);
  }});
  world.init();
  world.tell(Opcode::batch_forget, 0, body(wire::BatchForgetIn{2, 0}, wire::ForgetOne{1, 1}));
  world.tell(Opcode::batch_forget, 0, body(wire::BatchForgetIn{UINT32_MAX, 0}));
  world.tell(Opcode::batch_forget, 0, body(uint32_t{1}));
  world.tell(Opcode::forget, 1, body(uint32_t{1}));
  EXPECT_EQ(0, calls);
}

TEST(SessionForget, CanBeAnsweredLater) {
  std::vector<fuse_req_t> held;
  World world({.forget = [&](fuse_req_t req, auto...) { held.push_back(req); },
               .readlink = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); }});
  world.init();
  world.tell(Opcode::batch_forget, 0, batch({{6, 1}, {7, 2}, {8, 4}}));
  world.tell(Opcode::forget, 5, body(wire::ForgetIn{3}));
  EXPECT_EQ(0, world.call(Opcode::readlink, 1).error);
  ASSERT_EQ(4u, held.size());
  EXPECT_EQ(4u, std::set<fuse_req_t>(held.begin(), held.end()).size());
  for (fuse_req_t req : held) fuse_reply_none(req);
  EXPECT_EQ(0, world.call(Opcode::readlink, 1).error);
}

}  // namespace
}  // namespace fuse3::test
