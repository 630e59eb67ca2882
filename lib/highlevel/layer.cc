#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "highlevel/layer_call.h"
#include "highlevel/modules.h"

namespace fuse3 {

fuse_fs* new_layer(const fuse_operations* ops, size_t ops_size, void* user_data) {
  auto fs = std::make_unique<fuse_fs>();
  if (ops_size > sizeof fs->ops) {
    log_error(
        "fuse: the program was built for a newer library: it has %zu bytes of operations, of which "
        "%zu are known here; the rest is ignored",
        ops_size, sizeof fs->ops);
  }
  if (ops != nullptr) std::memcpy(&fs->ops, ops, std::min(ops_size, sizeof fs->ops));
  fs->user_data = user_data;
  return fs.release();
}

namespace layer {

ShownHandle::ShownHandle(const fuse_file_info* info) {
  if (info == nullptr) {
    std::strcpy(text_, "NULL");
  } else {
    std::snprintf(text_, sizeof text_, "%llu", handle_number(info));
  }
}

void init(fuse_fs& fs, fuse_conn_info& connection, fuse_config& config) {
  fs.started = true;
  if (fs.ops.init == nullptr) return;
  void* data = call(fs, fs.ops.init, &connection, &config);
  fs.user_data = data;
}

void destroy(fuse_fs* fs) {
  if (fs->ops.destroy != nullptr && (fs->started || fs->module != nullptr)) {
    call(*fs, fs->ops.destroy, fs->user_data);
  }
  if (fs->module != nullptr) release_module(fs->module);
  std::free(fs->modules);
  delete fs;
}

}  // namespace layer
}  // namespace fuse3
