// A file that is removed while it is open gets a hidden name, by which it is removed when it is
// closed for the last time.
#pragma once

#include "highlevel/call.h"

namespace fuse3 {

// Gives victim(i) of the path, which is open, another name. 0 or a negative errno.
int hide(Call& call, PathHold& path, size_t i, std::string_view name, std::string* hidden_path);
// What the victim was hidden for did not happen: it gets its name back.
void unhide(Call& call, PathHold& path, size_t i, std::string_view name,
            const std::string& hidden_path);
// The last one that had it open has closed it. The node has a hold, which goes.
void remove_hidden(fuse& owner, Node& node);

}  // namespace fuse3
