#include "highlevel/create.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "highlevel/fuse_fs.h"
#include "highlevel/high_level.h"
#include "highlevel/modules.h"
#include "lowlevel/help.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

struct ModulesOption {
  char* list;
};

constexpr fuse_opt kModulesTable[] = {{"modules=%s", offsetof(ModulesOption, list), 0},
                                      FUSE_OPT_END};

}  // namespace

fuse* new_high_level(const fuse_args* args, const fuse_operations* ops, size_t ops_size,
                     void* user_data, HelpOption help) {
  if (args == nullptr || args->argc == 0) {
    log_error("fuse: an empty argument vector was passed to fuse_new()");
    return nullptr;
  }
  if (ops == nullptr) {
    log_error("fuse: no operations were passed to fuse_new()");
    return nullptr;
  }
  OwnedArgs rest(*args);
  fuse_config config;
  if (parse_config(rest.get(), &config, help) != 0) return nullptr;
  std::unique_ptr<char, decltype(&std::free)> modules(config.modules, std::free);
  if (config.show_help != 0) {
    print_high_level_help(args);
    return nullptr;
  }
  fuse_fs* bottom = new_layer(ops, ops_size, user_data);
  fuse_fs* top = push_modules(rest.get(), bottom, modules.get());
  if (top == nullptr) return nullptr;
  top->debug = config.debug != 0;
  top->modules = modules.release();
  return make_high_level(rest.get(), top, config);
}

void print_high_level_help(const fuse_args* args) {
  print_config_help();
  print_low_level_help();
  ModulesOption option{nullptr};
  if (args != nullptr && args->argc > 0) {
    OwnedArgs rest(*args);
    (void)opt_parse(rest.get(), &option, kModulesTable, nullptr);
  }
  print_module_help(option.list);
  std::free(option.list);
}

}  // namespace fuse3
