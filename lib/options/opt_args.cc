// Argument vectors and option lists: the two things that fuse_opt builds up piece by piece.
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

int out_of_memory() {
  log_error("fuse: out of memory while handling options\n");
  return -1;
}

void free_vector(char** vector, int count) {
  for (int i = 0; i < count; ++i) free(vector[i]);
  free(vector);
}

// Replaces a vector that belongs to the caller (main()'s argv) by a copy that can grow.
bool own_vector(fuse_args* args) {
  if (args->allocated || !args->argv) return true;
  auto** copy = static_cast<char**>(calloc(static_cast<size_t>(args->argc) + 1, sizeof(char*)));
  if (!copy) return false;
  for (int i = 0; i < args->argc; ++i) {
    copy[i] = strdup(args->argv[i]);
    if (!copy[i]) {
      free_vector(copy, i);
      return false;
    }
  }
  args->argv = copy;
  args->allocated = 1;
  return true;
}

bool needs_escape(char c) {
  return c == ',' || c == '\\';
}

int append_to_list(char** list, const char* opt, bool escape) {
  const size_t old_length = *list ? strlen(*list) : 0;
  // Each character may need a backslash; then a comma before and the final zero.
  const size_t room = old_length + 2 * strlen(opt) + 2;
  auto* grown = static_cast<char*>(realloc(*list, room));
  if (!grown) return out_of_memory();

  char* end = grown + old_length;
  if (old_length) *end++ = ',';
  for (const char* c = opt; *c; ++c) {
    if (escape && needs_escape(*c)) *end++ = '\\';
    *end++ = *c;
  }
  *end = '\0';
  *list = grown;
  return 0;
}

}  // namespace

int opt_add_opt(char** list, const char* opt) {
  return append_to_list(list, opt, false);
}

int opt_add_opt_escaped(char** list, const char* opt) {
  return append_to_list(list, opt, true);
}

int opt_add_arg(fuse_args* args, const char* arg) {
  return opt_insert_arg(args, args->argc, arg);
}

int opt_insert_arg(fuse_args* args, int position, const char* arg) {
  if (position < 0 || position > args->argc || args->argc > INT_MAX - 2) {
    log_error("fuse: cannot insert `%s' at position %d of %d arguments\n", arg, position,
              args->argc);
    return -1;
  }
  if (!own_vector(args)) return out_of_memory();

  char* copy = strdup(arg);
  if (!copy) return out_of_memory();
  const size_t slots = static_cast<size_t>(args->argc) + 2;
  auto** grown = static_cast<char**>(realloc(args->argv, slots * sizeof(char*)));
  if (!grown) {
    free(copy);
    return out_of_memory();
  }
  memmove(grown + position + 1, grown + position,
          static_cast<size_t>(args->argc - position) * sizeof(char*));
  grown[position] = copy;
  args->argv = grown;
  args->allocated = 1;
  args->argc++;
  args->argv[args->argc] = nullptr;
  return 0;
}

void opt_free_args(fuse_args* args) {
  if (!args) return;
  if (args->allocated && args->argv) free_vector(args->argv, args->argc);
  *args = {0, nullptr, 0};
}

}  // namespace fuse3
