#include "reconnect/seam/inquiry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "options/buf_copy.h"
#include "reconnect/seam/hidden_name.h"

namespace fuse3::reconnect {
namespace {

class Inquiry final : public Seam {
 public:
  Inquiry(fuse_session& session, Lane& lane, wire::Opcode opcode, Call call, Then then)
      : call_(std::move(call)), then_(std::move(then)) {
    request_.session = &session;
    request_.seam = this;
    request_.row = find_row(opcode);
    request_.lane = &lane;
    request_.device = session.device(0);
    // Nobody in particular asks: whoever serves the mount does. The process is one that exists, for
    // filesystems look their caller up (lxcfs, to know how large an answer has to be).
    request_.context = {::geteuid(), ::getegid(), ::getpid(), 0};
  }

  void run() {
    call_(request_);
    if (ends_.exchange(kReturned, std::memory_order_acq_rel) == kAnswered) finish();
  }

  int reply(fuse_req&, const Reply& reply) override {
    answer_.error = -reply.error;
    if (reply.entry != nullptr) {
      answer_.has_entry = true;
      answer_.entry = *reply.entry;
    }
    if (reply.open != nullptr) {
      answer_.has_open = true;
      answer_.open = *reply.open;
    }
    for (int i = 0; i < reply.piece_count; ++i) {
      const auto* bytes = static_cast<const std::byte*>(reply.pieces[i].iov_base);
      answer_.bytes.insert(answer_.bytes.end(), bytes, bytes + reply.pieces[i].iov_len);
    }
    answered();
    return 0;
  }

  int reply_data(fuse_req&, fuse_bufvec& data, fuse_buf_copy_flags flags) override {
    answer_.bytes.resize(buf_size(data));
    fuse_bufvec into = FUSE_BUFVEC_INIT(answer_.bytes.size());
    into.buf[0].mem = answer_.bytes.data();
    const ssize_t got = buf_copy(&into, &data, flags);
    answer_.error = got < 0 ? static_cast<int>(-got) : 0;
    answer_.bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
    answered();
    return 0;
  }

  void no_reply(fuse_req&) override { answered(); }

  // Nothing is received for it and nothing goes to the kernel.
  Result<Place> place(const Place&, size_t) override { return Error{EINVAL}; }
  void give_back(const Place&) override {}
  void drop(const Place&) override {}
  bool insists_on_place() const override { return true; }
  bool raise(fuse_req&, IdRefs&) override { return true; }
  void forget(fuse_req&, std::span<fuse_forget_data>, bool) override {}
  void note_direntplus(std::span<std::byte> room, const fuse_entry_param& entry) override {
    request_.session->seam->note_direntplus(room, entry);
  }
  // In a listing that a successor goes on with. Which directory it is does not matter: names of
  // this form are the library's.
  bool conceals(const fuse_req&, std::string_view name, const fuse_entry_param* entry) override {
    if (!hides_removed(*request_.session) || !has_hidden_form(name)) return false;
    if (entry != nullptr && entry->ino != 0) {
      tell_forget(*request_.session, *request_.lane, entry->ino, 1);
    }
    return true;
  }
  Result<void> device_added(size_t, int) override { return {}; }
  Result<void> serving() override { return {}; }
  bool stopping() override { return true; }
  std::optional<NodeId> node_of(fuse_ino_t ino) override {
    return request_.session->seam->node_of(ino);
  }

 private:
  static constexpr int kAnswered = 1;
  static constexpr int kReturned = 2;

  void answered() {
    if (ends_.exchange(kAnswered, std::memory_order_acq_rel) == kReturned) finish();
  }
  void finish() {
    then_(answer_);
    delete this;
  }

  fuse_req request_;
  Call call_;
  Then then_;
  Answer answer_;
  std::atomic<int> ends_{0};
};

}  // namespace

void ask(fuse_session& session, Lane& lane, wire::Opcode opcode, Call call, Then then) {
  auto* inquiry =
      new (std::nothrow) Inquiry(session, lane, opcode, std::move(call), std::move(then));
  if (inquiry != nullptr) session.own_loop.call([inquiry] { inquiry->run(); });
}

void ask_lookup(fuse_session& session, Lane& lane, uint64_t parent, const std::string& name,
                bool hidden, Then then) {
  if (session.ops.lookup == nullptr) {
    Answer none;
    none.error = ENOSYS;
    return then(none);
  }
  ask(
      session, lane, wire::Opcode::lookup,
      [&session, parent, name, hidden](fuse_req& req) {
        req.of_hidden = hidden;
        session.ops.lookup(&req, parent, name.c_str());
      },
      std::move(then));
}

void ask_open(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, bool directory,
              Then then) {
  const auto operation = directory ? session.ops.opendir : session.ops.open;
  if (operation == nullptr) {
    Answer any;  // without the operation every open succeeds
    any.has_open = true;
    return then(any);
  }
  // The file is there, and what was truncated then must not be again.
  uint32_t kept = flags & ~static_cast<uint32_t>(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY);
  // A file that was made without a name and has one by now.
  if (!directory) kept &= ~static_cast<uint32_t>(O_TMPFILE);
  ask(
      session, lane, directory ? wire::Opcode::opendir : wire::Opcode::open,
      [operation, ino, kept](fuse_req& req) {
        fuse_file_info info{};
        info.flags = static_cast<int32_t>(kept);
        operation(&req, ino, &info);
      },
      std::move(then));
}

void ask_getattr(fuse_session& session, Lane& lane, uint64_t ino, const fuse_file_info* info,
                 Attributes then) {
  const auto operation = session.ops.getattr;
  if (operation == nullptr) return then(ENOSYS, {});
  ask(
      session, lane, wire::Opcode::getattr,
      [operation, ino, open = info != nullptr,
       opened = info != nullptr ? *info : fuse_file_info{}](fuse_req& req) {
        fuse_file_info copy = opened;
        operation(&req, ino, open ? &copy : nullptr);
      },
      [then](const Answer& found) {
        wire::AttrOut out{};
        if (found.error != 0) return then(found.error, {});
        if (found.bytes.size() < sizeof out) return then(EIO, {});
        std::memcpy(&out, found.bytes.data(), sizeof out);
        then(0, out.attr);
      });
}

void tell_release(fuse_session& session, Lane& lane, uint64_t ino, const fuse_file_info& info,
                  bool directory) {
  const auto operation = directory ? session.ops.releasedir : session.ops.release;
  if (operation == nullptr) return;
  ask(
      session, lane, directory ? wire::Opcode::releasedir : wire::Opcode::release,
      [operation, ino, info](fuse_req& req) {
        fuse_file_info copy = info;
        operation(&req, ino, &copy);
      },
      [](const Answer&) {});
}

void tell_forget(fuse_session& session, Lane& lane, uint64_t ino, uint64_t count) {
  if (count == 0) return;
  const fuse_lowlevel_ops& ops = session.ops;
  if (ops.forget == nullptr && ops.forget_multi == nullptr) return;
  ask(
      session, lane, wire::Opcode::forget,
      [&ops, ino, count](fuse_req& req) {
        fuse_forget_data item{ino, count};
        if (ops.forget != nullptr) {
          ops.forget(&req, ino, count);
        } else {
          ops.forget_multi(&req, 1, &item);
        }
      },
      [](const Answer&) {});
}

}  // namespace fuse3::reconnect
