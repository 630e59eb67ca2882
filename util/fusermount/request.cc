#include "request.h"

#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "mount/mountinfo.h"
#include "support/log.h"

namespace fuse3::fusermount {
namespace {

// mount(2) cuts longer ones off without a word.
constexpr size_t kLongestString = PATH_MAX - 1;

Error refuse(const char* what, std::string_view option) {
  log_error("fusermount3: option \"%.*s\" %s\n", static_cast<int>(option.size()), option.data(),
            what);
  return Error{EINVAL};
}

// The kernel shows the name in /proc/mounts, and people look at that on their terminals.
std::string without_control_characters(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      result += c;
      continue;
    }
    char octal[8];
    snprintf(octal, sizeof octal, "\\%03o", byte);
    result += octal;
  }
  return result;
}

// The kernel parts its data at commas, except between the quotes it knows for security contexts.
std::string quoted(const std::string& option) {
  if (option.find(',') == std::string::npos) return option;
  const size_t value = option.find('=') + 1;
  if (option.compare(value, 1, "\"") == 0) return option;
  return option.substr(0, value) + '"' + option.substr(value) + '"';
}

const FlagName* find_flag(std::string_view name) {
  for (const FlagName& row : kFlagNames) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

// One list of options on its way into a request.
class Reader {
 public:
  Reader(bool root, const Configuration& configuration)
      : root_(root), configuration_(configuration) {}

  Result<void> take(const std::string& option) {
    const size_t equals = option.find('=');
    if (equals != std::string::npos) {
      return take_value(option, option.substr(0, equals), option.substr(equals + 1));
    }
    if (const FlagName* flag = find_flag(option)) return take_flag(*flag);
    return take_word(option);
  }

  Request request;

 private:
  Result<void> take_flag(const FlagName& row) {
    const bool dangerous = !row.sets && (row.flag & kDefaultFlags) != 0;
    if (dangerous && !root_) {
      log_error("fusermount3: option \"%s\" is for root alone, and ignored\n", row.name);
      return {};
    }
    request.flags = row.sets ? request.flags | row.flag : request.flags & ~row.flag;
    return {};
  }

  Result<void> take_word(const std::string& option) {
    if (option == "allow_other" || option == "allow_root") {
      if (!root_ && !configuration_.user_allow_other) {
        return refuse("is for root alone, unless /etc/fuse.conf has a line \"user_allow_other\"",
                      option);
      }
      if (option == "allow_root") {
        return refuse("is for the library, which asks for allow_other here", option);
      }
      request.allow_other = true;
    } else if (option == "default_permissions") {
      request.default_permissions = true;
    } else if (option == "auto_unmount") {
      request.auto_unmount = true;
    } else if (option == "blkdev") {
      if (!root_) return refuse("is for root alone", option);
      request.blkdev = true;
    } else if (option != "nonempty" && option != "large_read") {
      // Those two are history, and were always accepted.
      return refuse("is unknown", option);
    }
    return {};
  }

  Result<void> take_value(const std::string& option, const std::string& name,
                          const std::string& value) {
    if (name == "fd" || name == "rootmode" || name == "user_id" || name == "group_id") {
      // Found out here, whatever is said about them.
      return {};
    }
    if (name == "max_read") return take_number(option, value, &request.max_read);
    if (name == "blksize") return take_number(option, value, &request.block_size);
    if (name == "fsname") return take_name(option, value, &request.fsname);
    if (name == "subtype") return take_name(option, value, &request.subtype);
    if (name == "context" || name == "fscontext" || name == "defcontext" || name == "rootcontext") {
      return take_context(option, value);
    }
    return refuse("is unknown", option);
  }

  Result<void> take_number(const std::string& option, const std::string& value,
                           std::optional<unsigned>* number) {
    *number = to_number(value);
    if (!*number) return refuse("needs a number", option);
    return {};
  }

  Result<void> take_name(const std::string& option, const std::string& value, std::string* name) {
    if (value.empty()) return refuse("needs a name", option);
    *name = without_control_characters(value);
    if (name->size() > kLongestString - sizeof "fuseblk.")
      return refuse("is too long", name->substr(0, 40));
    return {};
  }

  Result<void> take_context(const std::string& option, const std::string& value) {
    if (!root_) return refuse("is for root alone", option);
    const size_t inner = value.find('"', 1);
    const bool well_quoted = value[0] == '"' && inner == value.size() - 1;
    if (value.empty() || (value.find('"') != std::string::npos && !well_quoted)) {
      return refuse("needs a label, without quotes in the middle", option);
    }
    request.security.push_back(quoted(option));
    return {};
  }

  const bool root_;
  const Configuration& configuration_;
};

}  // namespace

std::vector<std::string> split_options(std::string_view list) {
  std::vector<std::string> options(1);
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      options.emplace_back();
    } else {
      if (list[i] == '\\' && i + 1 < list.size()) ++i;
      options.back() += list[i];
    }
  }
  return options;
}

Result<Request> parse_request(std::string_view list, bool root,
                              const Configuration& configuration) {
  Reader reader(root, configuration);
  for (const std::string& option : split_options(list)) {
    if (option.empty()) continue;
    const Result<void> taken = reader.take(option);
    if (!taken) return taken.as_error();
  }
  const Request& request = reader.request;
  if (request.block_size && !request.blkdev) return refuse("needs blkdev", "blksize");
  if (request.blkdev && request.fsname.empty()) {
    return refuse("needs the device's name as fsname", "blkdev");
  }
  // Longer than any numbers will be.
  const unsigned widest = UINT_MAX;
  if (request.data(INT_MAX, widest, widest, widest).size() > kLongestString) {
    log_error("fusermount3: the options are too long\n");
    return Error{EINVAL};
  }
  return request;
}

std::string Request::source() const {
  if (!fsname.empty()) return fsname;
  return subtype.empty() ? "/dev/fuse" : subtype;
}

std::string Request::filesystem_type() const {
  std::string type = blkdev ? "fuseblk" : "fuse";
  if (!subtype.empty()) type += '.' + subtype;
  return type;
}

std::string Request::data(int device, unsigned root_mode, unsigned user, unsigned group) const {
  char text[128];
  snprintf(text, sizeof text, "fd=%d,rootmode=%o,user_id=%u,group_id=%u", device, root_mode, user,
           group);
  std::string result = text;
  if (allow_other) result += ",allow_other";
  if (default_permissions) result += ",default_permissions";
  if (max_read) result += ",max_read=" + std::to_string(*max_read);
  if (block_size) result += ",blksize=" + std::to_string(*block_size);
  for (const std::string& option : security) result += ',' + option;
  return result;
}

}  // namespace fuse3::fusermount
