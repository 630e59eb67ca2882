// Texts for programs: JSON and Prometheus's format.
#include <cstdio>
#include <functional>
#include <sstream>

#include "reconnect/state.h"
#include "show.h"

namespace fuse3::reattach {

using namespace reconnect;

namespace {

// Valid UTF-8 or not, a JSON text must be; so what is not ASCII and not part of a whole sequence
// becomes U+FFFD.
size_t sequence_length(const std::string& text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xc2 ? 0
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf5 ? 4
                                      : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0) {
      out += "\\ufffd";
    } else if (byte == '"' || byte == '\\') {
      out += {'\\', text[at]};
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return out + '"';
}

class Object {
 public:
  void text(const char* name, const std::string& value) { raw(name, quoted(value)); }
  void number(const char* name, uint64_t value) { raw(name, std::to_string(value)); }
  // null where there is none.
  void number_if(bool there, const char* name, uint64_t value) {
    raw(name, there ? std::to_string(value) : "null");
  }
  std::string end() { return text_ + "\n}\n"; }

 private:
  void raw(const char* name, const std::string& value) {
    text_ += (text_.size() > 1 ? ",\n  \"" : "\n  \"") + std::string(name) + "\": " + value;
  }
  std::string text_ = "{";
};

void add_keeper(const Report& report, Object* json) {
  static const StatusReplyMessage kNone{};
  const bool known = report.keeper.has_value();
  const StatusReplyMessage& said = known ? report.keeper->said : kNone;
  const bool served = known && report.state != MountState::kDetached && said.starting_pid == 0;
  const bool outage = known && said.outage_ms != StatusReplyMessage::kNever;
  const bool end_known = said.ended_pid != 0 && said.ended_status != AttachedMessage::kEndUnknown;
  const pid_t server = served ? said.server_pid : report.server;
  json->number_if(server != 0, "server_pid", static_cast<uint64_t>(server));
  json->number_if(server != 0, "server_start_ticks", server != 0 ? process_start_time(server) : 0);
  json->number_if(said.starting_pid != 0, "starting_pid", static_cast<uint64_t>(said.starting_pid));
  json->number_if(known, "keeper_pid", static_cast<uint64_t>(said.keeper_pid));
  json->number_if(known, "restarts", said.restarts);
  json->number_if(known, "devices", said.devices);
  json->number_if(said.ended_pid != 0, "last_death_pid", static_cast<uint64_t>(said.ended_pid));
  json->number_if(end_known, "last_death_status", static_cast<uint64_t>(said.ended_status));
  json->number_if(known, "failed_starts", said.failed_starts);
  json->number_if(known, "most_failed_starts", said.most_failed_starts);
  json->number_if(known, "reattach_timeout_s", said.timeout_seconds);
  json->number_if(outage, "outage_ms", said.outage_ms);
  json->number_if(outage && said.next_start_ms != StatusReplyMessage::kNever, "next_start_ms",
                  said.next_start_ms);
  json->number_if(outage && said.give_up_ms != StatusReplyMessage::kNever, "give_up_ms",
                  said.give_up_ms);
}

void add_figures(const Report& report, Object* json) {
  if (!report.view) return;
  const Header& header = report.view->header();
  json->number("generation", report.view->generation());
  json->number("last_recovery_ns", header.figures.last_recovery_ns);
  json->number("nodes", header.heads.known_nodes);
  json->number("handles", header.heads.handle_count);
  json->number("locks", report.view->lock_count());
  json->number("replayed", header.figures.replayed);
  json->number("resent", header.figures.resent);
  json->number("kernel_resent", header.kernel_resent);
  json->number("resend_unknown", header.resend_unknown);
  json->number("resend_missing", header.resend_missing);
  json->number("poisoned", header.figures.poisoned);
  json->number("stale", header.figures.stale);
}

std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

using Value = std::function<double(const Report&)>;

void metric(std::ostringstream& out, const std::vector<Report>& reports, const std::string& name,
            const char* type, const char* help, const Value& value) {
  const std::string full = "fuse_reattach_" + name;
  out << "# HELP " << full << ' ' << help << "\n# TYPE " << full << ' ' << type << '\n';
  for (const Report& report : reports) {
    if (!report.view || report.state == MountState::kGivenUp) continue;
    char number[40];
    std::snprintf(number, sizeof number, "%.15g", value(report));
    out << full << "{mountpoint=\"" << label(report.mountpoint) << "\"} " << number << '\n';
  }
}

void state_metric(std::ostringstream& out, const std::vector<Report>& reports) {
  out << "# HELP fuse_reattach_state Whether the mount is in this state.\n"
         "# TYPE fuse_reattach_state gauge\n";
  for (const Report& report : reports) {
    for (const MountState state : {MountState::kLive, MountState::kRecovering,
                                   MountState::kDetached, MountState::kGivenUp}) {
      out << "fuse_reattach_state{mountpoint=\"" << label(report.mountpoint) << "\",state=\""
          << name_of(state) << "\"} " << (report.state == state ? 1 : 0) << '\n';
    }
  }
}

}  // namespace

std::string as_json(const Report& report) {
  Object json;
  json.text("mountpoint", report.mountpoint);
  json.text("state", name_of(report.state));
  json.number("connection", report.mount.minor);
  json.text("filesystem", report.mount.fstype);
  json.text("source", report.mount.source);
  const HeldBy holder = held_by(report);
  json.text("program", report.keeper                ? report.keeper->program
                       : holder != HeldBy::kNobody ? report.view->header().fixed.executable
                                                   : "");
  json.text("holder", name_of(holder));
  add_keeper(report, &json);
  add_figures(report, &json);
  return json.end();
}

std::string as_metrics(const std::vector<Report>& reports) {
  std::ostringstream out;
  state_metric(out, reports);
  const auto figures = [](const Report& r) -> const Figures& { return r.view->header().figures; };
  const auto heads = [](const Report& r) -> const Heads& { return r.view->header().heads; };
  const auto number = [](auto n) { return static_cast<double>(n); };
  metric(out, reports, "incarnations_total", "counter", "Server processes that served the mount.",
         [&](const Report& r) { return number(r.view->generation()); });
  metric(out, reports, "restarts_total", "counter", "Servers that took the mount over.",
         [&](const Report& r) {
           return r.keeper ? number(r.keeper->said.restarts) : number(r.view->generation()) - 1;
         });
  metric(out, reports, "failed_starts", "gauge", "Failed starts of the present outage.",
         [&](const Report& r) { return r.keeper ? number(r.keeper->said.failed_starts) : 0; });
  metric(out, reports, "outage_seconds", "gauge", "How long it has not been served.",
         [&](const Report& r) {
           const uint32_t ms = r.keeper ? r.keeper->said.outage_ms : StatusReplyMessage::kNever;
           return ms == StatusReplyMessage::kNever ? 0.0 : ms / 1e3;
         });
  metric(out, reports, "last_recovery_seconds", "gauge",
         "From the start of the last take-over to its first new request.",
         [&](const Report& r) { return number(figures(r).last_recovery_ns) / 1e9; });
  metric(out, reports, "nodes", "gauge", "Nodes that the kernel knows.",
         [&](const Report& r) { return number(heads(r).known_nodes); });
  metric(out, reports, "handles", "gauge", "Open files and directories.",
         [&](const Report& r) { return number(heads(r).handle_count); });
  metric(out, reports, "locks", "gauge", "Locks that the filesystem granted.",
         [&](const Report& r) { return number(r.view->lock_count()); });
  metric(out, reports, "replayed_total", "counter", "Requests found unfinished and run again.",
         [&](const Report& r) { return number(figures(r).replayed); });
  metric(out, reports, "resent_total", "counter", "Replies sent again.",
         [&](const Report& r) { return number(figures(r).resent); });
  const auto header = [](const Report& r) -> const Header& { return r.view->header(); };
  metric(out, reports, "kernel_resent_total", "counter", "Requests that the kernel sent again.",
         [&](const Report& r) { return number(header(r).kernel_resent); });
  metric(out, reports, "resend_unknown_total", "counter",
         "Requests that the kernel sent again and the state did not have.",
         [&](const Report& r) { return number(header(r).resend_unknown); });
  metric(out, reports, "resend_missing_total", "counter",
         "Unanswered requests of the state that the kernel did not send again.",
         [&](const Report& r) { return number(header(r).resend_missing); });
  metric(out, reports, "poisoned_total", "counter", "Requests answered with EIO after crashes.",
         [&](const Report& r) { return number(figures(r).poisoned); });
  metric(out, reports, "stale_total", "counter", "Nodes and handles answered with ESTALE.",
         [&](const Report& r) { return number(figures(r).stale); });
  return out.str();
}

}  // namespace fuse3::reattach
