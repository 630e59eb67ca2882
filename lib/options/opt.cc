#include "options/opt.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "support/log.h"

namespace fuse3 {
namespace {

// FUSE_OPT_KEY() writes the offset as -1U, 32 bits whatever the width of `offset`; a table written
// by hand may hold a plain -1.
constexpr bool has_no_variable(const fuse_opt& rule) {
  return rule.offset == -1U || rule.offset == -1UL;
}

struct Match {
  const fuse_opt* rule = nullptr;
  // Where the parameter's separator ('=' or ' ') stands in the template; 0 when it has none.
  size_t separator = 0;

  explicit operator bool() const { return rule != nullptr; }
  bool takes_next_argument(const char* arg) const {
    return separator && rule->templ[separator] == ' ' && arg[separator] == '\0';
  }
  const char* format() const {
    return separator && rule->templ[separator + 1] ? rule->templ + separator + 1 : nullptr;
  }
};

bool template_matches(const char* templ, const char* arg, size_t* separator) {
  const char* mark = strchr(templ, '=');
  if (!mark) mark = strchr(templ, ' ');
  if (mark && (mark[1] == '\0' || mark[1] == '%')) {
    // The '=' is part of what must match, a space is not: "-x " matches "-xparam" and "-x".
    const size_t length = static_cast<size_t>(mark - templ) + (*mark == '=' ? 1 : 0);
    if (strncmp(templ, arg, length) == 0) {
      *separator = static_cast<size_t>(mark - templ);
      return true;
    }
  }
  *separator = 0;
  return strcmp(templ, arg) == 0;
}

Match find_match(const fuse_opt* rule, const char* arg) {
  if (!rule) return {};
  for (; rule->templ; ++rule) {
    size_t separator;
    if (template_matches(rule->templ, arg, &separator)) return {rule, separator};
  }
  return {};
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// Takes one element off an option list: up to a comma, "\," standing for a comma and "\ooo" for
// the character with that octal code. Returns where the next element begins, null after the last.
const char* take_option(const char* list, std::string* option) {
  option->clear();
  for (; *list && *list != ','; ++list) {
    if (*list != '\\' || !list[1]) {
      option->push_back(*list);
    } else if (list[1] <= '3' && is_octal(list[1]) && is_octal(list[2]) && is_octal(list[3])) {
      const int code = (list[1] - '0') * 64 + (list[2] - '0') * 8 + (list[3] - '0');
      option->push_back(static_cast<char>(code));
      list += 3;
    } else {
      option->push_back(*++list);
    }
  }
  return *list ? list + 1 : nullptr;
}

bool store_parameter(void* variable, const char* format, const char* parameter, const char* arg) {
  if (strcmp(format, "%s") == 0) {
    char* copy = strdup(parameter);
    if (!copy) {
      log_error("fuse: out of memory while handling option `%s'\n", arg);
      return false;
    }
    auto* target = static_cast<char**>(variable);
    free(*target);
    *target = copy;
    return true;
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int converted = sscanf(parameter, format, variable);
#pragma GCC diagnostic pop
  if (converted == 1) return true;
  log_error("fuse: invalid parameter in option `%s'\n", arg);
  return false;
}

class Parser {
 public:
  Parser(const fuse_args& in, void* data, const fuse_opt* table, fuse_opt_proc_t proc)
      : in_(in), data_(data), table_(table), proc_(proc) {}
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { free(list_); }

  bool run() {
    if (opt_add_arg(out_.get(), in_.argv[0]) != 0) return false;
    for (next_ = 1; next_ < in_.argc;) {
      if (!handle_argument(in_.argv[next_++])) return false;
    }
    return finish();
  }

  // What run() built, in exchange for the arguments it came from.
  void swap_result(fuse_args* args) { std::swap(*args, *out_.get()); }

 private:
  // Where an option came from decides where it goes when it is kept.
  enum class Origin { argument, list };

  bool handle_argument(const char* arg) {
    if (only_non_options_ || arg[0] != '-') {
      return pass_on(arg, FUSE_OPT_KEY_NONOPT, Origin::argument);
    }
    if (arg[1] == 'o') {
      if (arg[2]) return handle_list(arg + 2);
      const char* list = take_argument(arg);
      return list && handle_list(list);
    }
    if (strcmp(arg, "--") == 0) {
      if (opt_add_arg(out_.get(), arg) != 0) return false;
      only_non_options_ = true;
      end_of_options_ = out_->argc;
      return true;
    }
    return handle_option(arg, Origin::argument);
  }

  bool handle_list(const char* list) {
    std::string option;
    while (list) {
      list = take_option(list, &option);
      if (!handle_option(option.c_str(), Origin::list)) return false;
    }
    return true;
  }

  // Every rule that matches is applied.
  bool handle_option(const char* arg, Origin origin) {
    Match match = find_match(table_, arg);
    if (!match) return pass_on(arg, FUSE_OPT_KEY_OPT, origin);
    for (; match; match = find_match(match.rule + 1, arg)) {
      if (!match.takes_next_argument(arg)) {
        if (!apply(match, arg, origin)) return false;
        continue;
      }
      const char* parameter = take_argument(arg);
      if (!parameter) return false;
      const std::string joined = std::string(arg) + parameter;
      if (!apply(match, joined.c_str(), origin)) return false;
    }
    return true;
  }

  bool apply(const Match& match, const char* arg, Origin origin) {
    if (has_no_variable(*match.rule)) return pass_on(arg, match.rule->value, origin);

    void* variable = static_cast<char*>(data_) + match.rule->offset;
    const char* format = match.format();
    if (!format) {
      *static_cast<int*>(variable) = match.rule->value;
      return true;
    }
    const char* parameter = arg + match.separator;
    if (match.rule->templ[match.separator] == '=') ++parameter;
    return store_parameter(variable, format, parameter, arg);
  }

  bool pass_on(const char* arg, int key, Origin origin) {
    if (key == FUSE_OPT_KEY_DISCARD) return true;
    if (key != FUSE_OPT_KEY_KEEP && proc_) {
      const int verdict = proc_(data_, arg, key, out_.get());
      if (verdict == 0) return true;
      if (verdict == -1) return false;
    }
    if (origin == Origin::list) return opt_add_opt_escaped(&list_, arg) == 0;
    return opt_add_arg(out_.get(), arg) == 0;
  }

  const char* take_argument(const char* option) {
    if (next_ < in_.argc) return in_.argv[next_++];
    log_error("fuse: missing argument after `%s'\n", option);
    return nullptr;
  }

  // What is left of all option lists goes in front as one, so that it cannot end up behind "--".
  bool finish() {
    if (list_) {
      if (opt_insert_arg(out_.get(), 1, "-o") != 0) return false;
      if (opt_insert_arg(out_.get(), 2, list_) != 0) return false;
      return true;
    }
    // A "--" that nothing follows says nothing. Programs know it to stay when a list was put in
    // front, so there it stays.
    if (end_of_options_ && end_of_options_ == out_->argc) {
      free(out_->argv[--out_->argc]);
      out_->argv[out_->argc] = nullptr;
    }
    return true;
  }

  const fuse_args& in_;
  void* data_;
  const fuse_opt* table_;
  fuse_opt_proc_t proc_;
  OwnedArgs out_;
  char* list_ = nullptr;
  int next_ = 1;
  bool only_non_options_ = false;
  // The number of arguments up to and including "--"; 0 as long as there was none.
  int end_of_options_ = 0;
};

}  // namespace

int opt_match(const fuse_opt* table, const char* opt) {
  return find_match(table, opt) ? 1 : 0;
}

int opt_parse(fuse_args* args, void* data, const fuse_opt* table, fuse_opt_proc_t proc) {
  if (!args || !args->argv || args->argc == 0) return 0;
  Parser parser(*args, data, table, proc);
  if (!parser.run()) return -1;
  parser.swap_result(args);
  return 0;
}

}  // namespace fuse3
