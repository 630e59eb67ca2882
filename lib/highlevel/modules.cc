#include "highlevel/modules.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "highlevel/fuse_fs.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {

class Module {
 public:
  explicit Module(fuse_module_factory_t factory, void* object = nullptr)
      : factory_(factory), object_(object) {}
  ~Module() {
    if (object_ != nullptr) ::dlclose(object_);
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  fuse_fs* make(fuse_args* args, fuse_fs* next[]) const { return factory_(args, next); }

 private:
  fuse_module_factory_t factory_;
  void* object_;  // of dlopen(); null for the library's own
};

namespace {

struct BuiltIn {
  const char* name;
  fuse_module_factory_t factory;
};

constexpr BuiltIn kBuiltIn[] = {{"subdir", make_subdir}, {"iconv", make_iconv}};

// It becomes part of a file's name, which must not lead elsewhere: whoever gives a set-user-id
// program its options does not choose what code that runs.
bool valid_name(const std::string& name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  if (!name.empty() && name.find_first_not_of(kLetters) == std::string::npos) return true;
  log_error("fuse: a module's name has letters, digits and underscores, unlike `%s'", name.c_str());
  return false;
}

std::unique_ptr<Module> load_module(const std::string& name) {
  const std::string file = "libfusemod_" + name + ".so";
  void* object = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    log_error("fuse: module `%s' is neither built in nor to be loaded: %s", name.c_str(),
              ::dlerror());
    return nullptr;
  }
  const std::string symbol = "fuse_module_" + name + "_factory";
  const auto* factory = static_cast<fuse_module_factory_t*>(::dlsym(object, symbol.c_str()));
  if (factory == nullptr || *factory == nullptr) {
    log_error("fuse: %s is not module `%s': it has no %s", file.c_str(), name.c_str(),
              symbol.c_str());
    ::dlclose(object);
    return nullptr;
  }
  return std::make_unique<Module>(*factory, object);
}

std::unique_ptr<Module> find_module(const std::string& name) {
  for (const BuiltIn& module : kBuiltIn) {
    if (name == module.name) return std::make_unique<Module>(module.factory);
  }
  if (!valid_name(name)) return nullptr;
  return load_module(name);
}

fuse_fs* push_module(fuse_args* args, fuse_fs* below, const std::string& name) {
  std::unique_ptr<Module> module = find_module(name);
  if (!module) return nullptr;
  fuse_fs* next[] = {below, nullptr};
  fuse_fs* layer = module->make(args, next);
  if (layer == nullptr) {
    log_error("fuse: module `%s' cannot be put on the filesystem", name.c_str());
    return nullptr;
  }
  layer->module = module.release();
  return layer;
}

// Calls `visit` with each name in "M1:M2"; empty ones are nothing. It returns false to stop.
template <class Visitor>
bool for_each_name(const char* list, Visitor visit) {
  while (list != nullptr) {
    const char* end = std::strchr(list, ':');
    const std::string name = end != nullptr ? std::string(list, end) : std::string(list);
    if (!name.empty() && !visit(name)) return false;
    list = end != nullptr ? end + 1 : nullptr;
  }
  return true;
}

void print_help_of(const std::string& name, const Module& module) {
  OwnedArgs args;
  if (opt_add_arg(args.get(), "") != 0 || opt_add_arg(args.get(), "-h") != 0) return;
  std::printf("\nOptions for %s module:\n", name.c_str());
  // It has said what it can do; there is nothing to be put on.
  fuse_fs* next[] = {nullptr};
  if (fuse_fs* unwanted = module.make(args.get(), next)) layer::destroy(unwanted);
}

bool is_built_in(const std::string& name) {
  for (const BuiltIn& module : kBuiltIn) {
    if (name == module.name) return true;
  }
  return false;
}

}  // namespace

fuse_fs* push_modules(fuse_args* args, fuse_fs* bottom, const char* list) {
  fuse_fs* top = bottom;
  const bool pushed = for_each_name(list, [&](const std::string& name) {
    fuse_fs* layer = push_module(args, top, name);
    if (layer != nullptr) top = layer;
    return layer != nullptr;
  });
  if (pushed) return top;
  layer::destroy(top);
  return nullptr;
}

void release_module(Module* module) {
  delete module;
}

void print_module_help(const char* list) {
  for (const BuiltIn& module : kBuiltIn) print_help_of(module.name, Module(module.factory));
  (void)for_each_name(list, [](const std::string& name) {
    if (is_built_in(name)) return true;
    if (const auto module = find_module(name)) print_help_of(name, *module);
    return true;
  });
}

}  // namespace fuse3
