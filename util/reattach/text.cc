// Tables and texts for people.
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "reconnect/state.h"
#include "show.h"
#include "wire/opcode.h"

namespace fuse3::reattach {

using namespace reconnect;

namespace {

constexpr size_t kLabelWidth = 16;

void line(std::ostringstream& out, const std::string& label, const std::string& value) {
  out << label << std::string(label.size() < kLabelWidth ? kLabelWidth - label.size() : 1, ' ')
      << value << '\n';
}
void line(std::ostringstream& out, const std::string& label, uint64_t value) {
  line(out, label, std::to_string(value));
}

// When a process was started; empty if it is not there.
std::string start_of(pid_t pid) {
  const uint64_t ticks = process_start_time(pid);
  timespec now{}, since_boot{};
  if (ticks == 0 || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
      clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) {
    return {};
  }
  const time_t start = now.tv_sec - since_boot.tv_sec +
                       static_cast<time_t>(ticks / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
  tm parts{};
  localtime_r(&start, &parts);
  char text[40];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string server_in_words(pid_t pid) {
  if (pid == 0) return "none";
  const std::string start = start_of(pid);
  return "process " + std::to_string(pid) + (start.empty() ? "" : ", since " + start);
}

std::string server_in_words(const StatusReplyMessage& said) {
  if (said.state == HolderState::kDetached) return "none";
  if (said.starting_pid != 0)
    return "process " + std::to_string(said.starting_pid) + " is starting";
  return server_in_words(said.server_pid);
}

void outage_lines(std::ostringstream& out, const StatusReplyMessage& said) {
  if (said.ended_pid != 0) {
    line(out, "last death",
         "process " + std::to_string(said.ended_pid) + ", " + end_in_words(said.ended_status));
  }
  if (said.outage_ms == StatusReplyMessage::kNever) return;
  line(out, "not served for", duration_in_words(said.outage_ms));
  line(out, "failed starts",
       std::to_string(said.failed_starts) + " of " + std::to_string(said.most_failed_starts));
  if (said.next_start_ms != StatusReplyMessage::kNever) {
    line(out, "next start", "in " + duration_in_words(said.next_start_ms));
  } else if (said.state == HolderState::kDetached) {
    line(out, "next start", "none: waiting for a server that somebody else starts");
  }
  line(out, "given up",
       said.give_up_ms == StatusReplyMessage::kNever ? std::string("never (no reattach_timeout)")
                                                     : "in " + duration_in_words(said.give_up_ms));
}

std::string milliseconds_of(uint64_t nanoseconds) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(nanoseconds) / 1e6);
  return text;
}

void figure_lines(std::ostringstream& out, const StateView& view) {
  const Header& header = view.header();
  line(out, "incarnations", view.generation());
  if (header.figures.last_recovery_ns != 0) {
    line(out, "last recovery", milliseconds_of(header.figures.last_recovery_ns));
  }
  line(out, "nodes", header.heads.known_nodes);
  line(out, "open files", header.heads.handle_count);
  line(out, "locks", view.lock_count());
  line(out, "replayed", header.figures.replayed);
  line(out, "resent", header.figures.resent);
  if (header.kernel_resent != 0 || header.resend_missing != 0) {
    line(out, "resent by kernel", header.kernel_resent);
    line(out, "not in the state", header.resend_unknown);
    line(out, "not sent again", header.resend_missing);
  }
  line(out, "poisoned", header.figures.poisoned);
  line(out, "stale", header.figures.stale);
}

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::free:
      return "received";
    case Stage::running:
      return "running";
    case Stage::replied:
      return "replied";
  }
  return "?";
}

std::string range_in_words(const StateView::LockView& lock) {
  const bool to_end = lock.end >= static_cast<uint64_t>(INT64_MAX);
  return std::to_string(lock.start) + "-" + (to_end ? "end" : std::to_string(lock.end));
}

const char* type_letter(uint32_t type) {
  switch (type & S_IFMT) {
    case S_IFDIR:
      return "d";
    case S_IFREG:
      return "-";
    case S_IFLNK:
      return "l";
    default:
      return "o";
  }
}

}  // namespace

std::string as_text(const Report& report) {
  std::ostringstream out;
  line(out, "mountpoint", report.mountpoint);
  line(out, "state", name_of(report.state));
  line(out, "connection", report.mount.minor);
  if (!report.mount.fstype.empty()) {
    line(out, "filesystem", report.mount.fstype + " (" + report.mount.source + ")");
  }
  const HeldBy holder = held_by(report);
  if (holder == HeldBy::kSystemd || holder == HeldBy::kKernel) {
    line(out, "program", std::string(report.view->header().fixed.executable));
    line(out, "server", server_in_words(report.server));
    line(out, "keeper",
         holder == HeldBy::kKernel ? "none; the kernel keeps the connection"
                                   : "none; systemd's descriptor store has the connection");
    figure_lines(out, *report.view);
    return out.str();
  }
  if (!report.keeper) {
    line(out, "", "nobody serves it any more, and every call on it fails: it was given up or");
    line(out, "", "aborted, or server and keeper were killed together. The log says why.");
    line(out, "", "\"fuse-reattach stop\" takes the mount away.");
    return out.str();
  }
  const StatusReplyMessage& said = report.keeper->said;
  line(out, "program", report.keeper->program);
  line(out, "server", server_in_words(said));
  line(out, "keeper", "process " + std::to_string(said.keeper_pid));
  line(out, "restarts", said.restarts);
  outage_lines(out, said);
  if (report.view) figure_lines(out, *report.view);
  if (!report.problem.empty()) line(out, "state file", "cannot be read: " + report.problem);
  return out.str();
}

std::string as_table(const std::vector<Report>& reports) {
  std::ostringstream out;
  char row[160];
  std::snprintf(row, sizeof row, "%6s %-10s %8s %8s %8s  %s\n", "NUMBER", "STATE", "SERVER",
                "KEEPER", "RESTARTS", "MOUNTPOINT");
  out << row;
  for (const Report& report : reports) {
    const bool known = report.keeper.has_value();
    const bool served = known && report.state != MountState::kDetached;
    const pid_t server = served ? report.keeper->said.server_pid : report.server;
    const bool restarts = held_by(report) != HeldBy::kNobody;
    const auto number = [](bool there, int64_t value) {
      return there ? std::to_string(value) : std::string("-");
    };
    std::snprintf(row, sizeof row, "%6u %-10s %8s %8s %8s  ", report.mount.minor,
                  known || report.problem.empty() ? name_of(report.state) : "UNKNOWN",
                  number(server != 0, server).c_str(),
                  number(known, known ? report.keeper->said.keeper_pid : 0).c_str(),
                  number(restarts, known      ? static_cast<int64_t>(report.keeper->said.restarts)
                                   : restarts ? static_cast<int64_t>(report.view->generation()) - 1
                                              : 0)
                      .c_str());
    out << row << report.mountpoint;
    if (!known && !report.problem.empty()) out << " (" << report.problem << ')';
    out << '\n';
  }
  return out.str();
}

std::string inspection(const Report& report, size_t limit) {
  std::ostringstream out;
  const StateView& view = *report.view;
  const Header& header = view.header();
  const Sections& sections = header.fixed.sections;
  out << as_text(report);
  line(out, "layout", header.fixed.layout_version);
  line(out, "devices", header.device_count);
  line(out, "slots",
       std::to_string(header.slots_ready) + " of " + std::to_string(sections.max_slots) +
           ", each of " + std::to_string(sections.slot_buffer_size) + " bytes");
  out << "\nrequests in hand\n";
  view.for_each_slot([&](const StateView::SlotView& slot) {
    out << "  slot " << slot.index << ": " << name_of(slot.stage) << ", "
        << wire::opcode_name(static_cast<wire::Opcode>(slot.request.opcode)) << " of process "
        << slot.request.pid << ", unique " << slot.request.unique << ", "
        << view.path_of(static_cast<uint32_t>(slot.request.nodeid)) << ", device " << slot.device;
    if (slot.deaths != 0) out << ", a server died of it (weight " << slot.deaths << ')';
    out << '\n';
  });
  out << "\nopen files\n";
  view.for_each_handle(limit, [&](const StateView::HandleView& handle) {
    char flags[24];
    std::snprintf(flags, sizeof flags, "0%o", handle.open_flags);
    out << "  " << handle.id << ": " << (handle.directory ? "directory " : "file ") << handle.path
        << ", flags " << flags << (handle.stale ? ", not opened again yet" : "") << '\n';
  });
  out << "\nlocks\n";
  view.for_each_lock(limit, [&](const StateView::LockView& lock) {
    out << "  " << lock.path << ": " << (lock.kind == LockKind::posix ? "range " : "whole file")
        << (lock.kind == LockKind::posix ? range_in_words(lock) : "") << ", "
        << (lock.writing ? "exclusive" : "shared") << ", owner " << lock.owner << " (process "
        << lock.pid << ')' << (lock.lost ? ", lost" : "") << '\n';
  });
  out << "\nnodes (id, lookups, type, path)\n";
  view.for_each_node(limit, [&](const StateView::NodeView& node) {
    out << "  " << node.id << ' ' << node.lookups << ' ' << type_letter(node.type) << ' '
        << node.path << '\n';
  });
  return out.str();
}

}  // namespace fuse3::reattach
