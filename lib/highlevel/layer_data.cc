// Wrappers of the operations that carry a file's data. A filesystem has them in one form or
// another, copying or by descriptors; each wrapper makes do with either.
#include <cstdlib>
#include <memory>

#include "highlevel/layer_call.h"
#include "options/buf_copy.h"

namespace fuse3::layer {
namespace {

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};

// What read_buf() gave: the vector, and its memory, come from malloc().
struct VectorFreed {
  void operator()(fuse_bufvec* vector) const {
    for (size_t i = 0; i < vector->count; ++i) {
      if ((vector->buf[i].flags & FUSE_BUF_IS_FD) == 0) std::free(vector->buf[i].mem);
    }
    std::free(vector);
  }
};

void trace_read(const fuse_fs& fs, const fuse_file_info* info, size_t size, off_t offset) {
  FUSE3_TRACE(fs, "read[%llu] %zu bytes from %lld flags: 0x%x", handle_number(info), size,
              static_cast<long long>(offset), info->flags);
}

// More than was asked for would not fit where it goes.
int checked_read(const fuse_fs& fs, const fuse_file_info* info, size_t asked, size_t got,
                 off_t offset) {
  FUSE3_TRACE(fs, "   read[%llu] %zu bytes from %lld", handle_number(info), got,
              static_cast<long long>(offset));
  if (got <= asked) return 0;
  log_error("fuse: a filesystem's read operation gave %zu bytes, asked for %zu", got, asked);
  return -EIO;
}

int read_by_buffers(const fuse_fs& fs, const char* path, fuse_bufvec** data, size_t size,
                    off_t offset, fuse_file_info* info) {
  *data = nullptr;
  int result = call(fs, fs.ops.read_buf, path, data, size, offset, info);
  if (result < 0) return result;
  if (*data == nullptr) {
    log_error("fuse: a filesystem's read_buf operation succeeded without a vector");
    return -EIO;
  }
  result = checked_read(fs, info, size, buf_size(**data), offset);
  if (result == 0) return 0;
  VectorFreed()(*data);
  *data = nullptr;
  return result;
}

int read_by_copy(const fuse_fs& fs, const char* path, char* memory, size_t size, off_t offset,
                 fuse_file_info* info) {
  const int result = call(fs, fs.ops.read, path, memory, size, offset, info);
  if (result < 0) return result;
  const int checked = checked_read(fs, info, size, static_cast<size_t>(result), offset);
  return checked == 0 ? result : checked;
}

void trace_write(const fuse_fs& fs, const fuse_file_info* info, size_t size, off_t offset) {
  FUSE3_TRACE(fs, "write%s[%llu] %zu bytes to %lld flags: 0x%x", info->writepage ? "page" : "",
              handle_number(info), size, static_cast<long long>(offset), info->flags);
}

int checked_write(const fuse_fs& fs, const fuse_file_info* info, size_t asked, int result,
                  off_t offset) {
  if (result < 0) return result;
  FUSE3_TRACE(fs, "   write%s[%llu] %d bytes to %lld", info->writepage ? "page" : "",
              handle_number(info), result, static_cast<long long>(offset));
  if (static_cast<size_t>(result) <= asked) return result;
  log_error("fuse: a filesystem's write operation took %d bytes of %zu", result, asked);
  return -EIO;
}

// Where a vector's data is as a whole; null when it has to be collected first.
const char* whole_data(const fuse_bufvec& data) {
  if (data.count != 1 || data.idx != 0 || (data.buf[0].flags & FUSE_BUF_IS_FD) != 0) return nullptr;
  return static_cast<const char*>(data.buf[0].mem) + data.off;
}

int write_by_copy(const fuse_fs& fs, const char* path, fuse_bufvec& data, size_t size, off_t offset,
                  fuse_file_info* info) {
  if (const char* memory = whole_data(data)) {
    return call(fs, fs.ops.write, path, memory, size, offset, info);
  }
  const std::unique_ptr<char, Freed> memory(static_cast<char*>(std::malloc(size)));
  if (!memory) return -ENOMEM;
  fuse_bufvec collected = FUSE_BUFVEC_INIT(size);
  collected.buf[0].mem = memory.get();
  const ssize_t copied = buf_copy(&collected, &data, 0);
  if (copied < 0) return static_cast<int>(copied);
  return call(fs, fs.ops.write, path, memory.get(), static_cast<size_t>(copied), offset, info);
}

// What is left of a vector's data.
size_t unused_size(const fuse_bufvec& data) {
  size_t size = 0;
  for (size_t i = data.idx; i < data.count; ++i) size += data.buf[i].size;
  return size - data.off;
}

}  // namespace

int read(fuse_fs& fs, const char* path, char* memory, size_t size, off_t offset,
         fuse_file_info* info) {
  if (fs.ops.read_buf == nullptr && fs.ops.read == nullptr) return -ENOSYS;
  trace_read(fs, info, size, offset);
  if (fs.ops.read_buf == nullptr) return read_by_copy(fs, path, memory, size, offset, info);

  fuse_bufvec* given = nullptr;
  const int result = read_by_buffers(fs, path, &given, size, offset, info);
  if (result < 0) return result;
  const std::unique_ptr<fuse_bufvec, VectorFreed> source(given);
  fuse_bufvec target = FUSE_BUFVEC_INIT(size);
  target.buf[0].mem = memory;
  return static_cast<int>(buf_copy(&target, source.get(), 0));
}

int read_buf(fuse_fs& fs, const char* path, fuse_bufvec** data, size_t size, off_t offset,
             fuse_file_info* info) {
  if (fs.ops.read_buf == nullptr && fs.ops.read == nullptr) return -ENOSYS;
  trace_read(fs, info, size, offset);
  if (fs.ops.read_buf != nullptr) return read_by_buffers(fs, path, data, size, offset, info);

  std::unique_ptr<char, Freed> memory(static_cast<char*>(std::malloc(size > 0 ? size : 1)));
  std::unique_ptr<fuse_bufvec, Freed> vector(
      static_cast<fuse_bufvec*>(std::malloc(sizeof(fuse_bufvec))));
  if (!memory || !vector) return -ENOMEM;
  const int result = read_by_copy(fs, path, memory.get(), size, offset, info);
  if (result < 0) return result;
  *vector = FUSE_BUFVEC_INIT(static_cast<size_t>(result));
  vector->buf[0].mem = memory.release();
  *data = vector.release();
  return 0;
}

int write(fuse_fs& fs, const char* path, const char* memory, size_t size, off_t offset,
          fuse_file_info* info) {
  fuse_bufvec data = FUSE_BUFVEC_INIT(size);
  data.buf[0].mem = const_cast<char*>(memory);  // read from only
  return write_buf(fs, path, data, offset, info);
}

int write_buf(fuse_fs& fs, const char* path, fuse_bufvec& data, off_t offset,
              fuse_file_info* info) {
  if (fs.ops.write_buf == nullptr && fs.ops.write == nullptr) return -ENOSYS;
  const size_t size = unused_size(data);
  trace_write(fs, info, size, offset);
  const int result = fs.ops.write_buf != nullptr
                         ? call(fs, fs.ops.write_buf, path, &data, offset, info)
                         : write_by_copy(fs, path, data, size, offset, info);
  return checked_write(fs, info, size, result, offset);
}

}  // namespace fuse3::layer
