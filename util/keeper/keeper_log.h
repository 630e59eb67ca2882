// The keeper's messages: to standard error while it is the user's, later to syslog.
#pragma once

#include <syslog.h>

namespace fuse3::keeper {

// Until this is called, messages go to standard error.
void use_syslog();

// Put before each message once known.
void set_log_connection(unsigned connection);

// `priority` as for syslog(3). No newline at the end. Never blocks on standard error: what a
// stopped terminal or a full pipe does not take goes to syslog.
[[gnu::format(printf, 2, 3)]] void say(int priority, const char* format, ...);

}  // namespace fuse3::keeper
