#include "play.h"

#include <algorithm>
#include <cstring>

#include "wire/reply.h"

namespace fuse3::reconnect {
namespace {

using test::body;
using test::Bytes;
using wire::Opcode;

constexpr uint64_t kNotOffered = wire::init_flag::bit(31) | wire::init_flag::setxattr_ext |
                                 wire::init_flag::posix_locks | wire::init_flag::flock_locks;
constexpr uint64_t kOffered = (wire::init_flag::bit(43) - 1) & ~kNotOffered;

// Where the library gives out inode numbers, they need not be those of another run.
std::string show_attr(const wire::Attr& attr, bool numbers) {
  return " ino " + std::to_string(numbers ? attr.ino : 0) + " mode " + std::to_string(attr.mode) +
         " size " + std::to_string(attr.size) + " links " + std::to_string(attr.nlink) + " owner " +
         std::to_string(attr.uid);
}

std::string show_text(std::span<const std::byte> bytes) {
  std::string text = " '";
  for (const std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    text += c >= ' ' && c <= '~' ? c : '.';
  }
  return text + "'";
}

std::string show_names(Opcode opcode, const Bytes& payload) {
  std::string text;
  const size_t head = opcode == Opcode::readdirplus ? sizeof(wire::EntryOut) : 0;
  for (size_t at = 0; at + head + sizeof(wire::Dirent) <= payload.size();) {
    wire::Dirent entry;
    std::memcpy(&entry, payload.data() + at + head, sizeof entry);
    const auto* name = reinterpret_cast<const char*>(payload.data() + at + head + sizeof entry);
    const std::string_view full(name, entry.namelen);
    // Those the library makes have other numbers each time.
    text += " " + std::string(full.substr(0, full.starts_with(".fuse_hidden") ? 12 : full.size()));
    at += (head + sizeof entry + entry.namelen + 7) / 8 * 8;
  }
  return text;
}

// Without the kernel's numbers of nodes and open files, which need not be those of another run.
std::string show(Opcode opcode, const test::Answer& answer, bool numbers) {
  std::string text = wire::opcode_name(opcode);
  if (answer.error != 0) return text + " " + strerrorname_np(-answer.error);
  switch (opcode) {
    case Opcode::lookup:
    case Opcode::mknod:
    case Opcode::mkdir:
    case Opcode::symlink:
    case Opcode::link:
    case Opcode::create:
    case Opcode::tmpfile:
      return text + show_attr(answer.as<wire::EntryOut>().attr, numbers);
    case Opcode::getattr:
    case Opcode::setattr:
      return text + show_attr(answer.as<wire::AttrOut>().attr, numbers);
    case Opcode::open:
    case Opcode::opendir:
      return text + " opened";
    case Opcode::readdir:
    case Opcode::readdirplus:
      return text + show_names(opcode, answer.payload);
    default:
      return text + show_text(answer.payload);
  }
}

}  // namespace

void Play::connect(uint64_t not_offered) {
  const uint64_t flags = kOffered & ~not_offered;
  wire::InitIn in{};
  in.major = wire::kMajor;
  in.minor = wire::kMinor;
  in.flags = static_cast<uint32_t>(flags);
  in.flags2 = static_cast<uint32_t>(flags >> 32);
  call(Opcode::init, 0, body(in));
}

void Play::begin(Deaths deaths) {
  begun_ = true;
  world_.arm(deaths);
}

test::Answer Play::call(Opcode opcode, uint64_t at, const Bytes& arguments) {
  return answer(opcode, send(opcode, at, arguments));
}

uint64_t Play::send(Opcode opcode, uint64_t at, const Bytes& arguments) {
  return world_.submit(opcode, at, arguments);
}

test::Answer Play::answer(Opcode opcode, uint64_t unique) {
  const test::Answer answer = world_.wait(unique);
  if (begun_) {
    sent_.insert(opcode);
    notes_.push_back(show(opcode, answer, world_.numbers()));
  }
  return answer;
}

test::Answer Play::ask(Opcode opcode, uint64_t at, const Bytes& arguments) {
  sent_.insert(opcode);
  return world_.wait(world_.submit(opcode, at, arguments));
}

void Play::note_names(uint64_t at, uint64_t handle, uint32_t size) {
  constexpr int kMostReplies = 20;
  std::vector<std::string> names;
  wire::ReadIn in{};
  in.fh = handle, in.size = size;
  for (int replies = 0; replies < kMostReplies; ++replies) {
    const test::Answer answer = ask(Opcode::readdir, at, body(in));
    if (answer.error != 0) return notes_.push_back(show(Opcode::readdir, answer, false));
    if (answer.payload.empty()) break;
    for (size_t place = 0; place + sizeof(wire::Dirent) <= answer.payload.size();) {
      wire::Dirent entry;
      std::memcpy(&entry, answer.payload.data() + place, sizeof entry);
      names.push_back(answer.text().substr(place + sizeof entry, entry.namelen));
      place += (sizeof entry + entry.namelen + 7) / 8 * 8;
      in.offset = entry.off;
    }
  }
  std::sort(names.begin(), names.end());
  std::string text = "names";
  for (const std::string& name : names) text += " " + name;
  notes_.push_back(text);
}

void Play::tell(Opcode opcode, uint64_t at, const Bytes& arguments) {
  if (begun_) sent_.insert(opcode);
  world_.submit(opcode, at, arguments);
  world_.serve();
}

uint64_t Play::node(const std::string& path) {
  uint64_t at = FUSE_ROOT_ID;
  std::string known;
  for (size_t start = 1; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string name = path.substr(start, end - start);
    known += "/" + name;
    uint64_t& id = nodes_[known];
    if (id == 0) id = call(Opcode::lookup, at, body(name.c_str())).as<wire::EntryOut>().nodeid;
    at = id;
    start = end + 1;
  }
  return at;
}

uint64_t Play::open(const std::string& path, uint32_t flags, bool directory) {
  const uint64_t at = node(path);
  return call(directory ? Opcode::opendir : Opcode::open, at, body(wire::OpenIn{flags, 0}))
      .as<wire::OpenOut>()
      .fh;
}

void Play::end() {
  world_.disarm();
  begun_ = false;
  // Whose handle it is does not matter to a table; it is told when a directory is.
  for (const uint64_t handle : world_.kernel().handles()) {
    wire::ReleaseIn in{};
    in.fh = handle;
    HandleTable& handles = world_.state().handles();
    const auto found = handles.find(HandleId{handle});
    const uint64_t at = found ? handles.node(found->index).value : FUSE_ROOT_ID;
    const bool directory = found && handles.kind(found->index) == HandleKind::directory;
    call(directory ? Opcode::releasedir : Opcode::release, at, body(in));
  }
  for (const auto& [id, count] : world_.kernel().lookups()) {
    tell(Opcode::forget, id, body(wire::ForgetIn{count}));
  }
}

}  // namespace fuse3::reconnect
