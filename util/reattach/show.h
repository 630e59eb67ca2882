// What fuse-reattach prints.
#pragma once

#include <string>
#include <vector>

#include "mounts.h"

namespace fuse3::reattach {

std::string as_table(const std::vector<Report>& reports);
std::string as_text(const Report& report);
std::string as_json(const Report& report);
// Prometheus's text format.
std::string as_metrics(const std::vector<Report>& reports);
// Requests in hand, open files, locks and nodes, `limit` of each of the latter three.
std::string inspection(const Report& report, size_t limit);

// How a process ended, from its wait status: "killed by signal 9".
std::string end_in_words(int wait_status);
std::string duration_in_words(uint64_t milliseconds);

}  // namespace fuse3::reattach
