/* A module from a shared object, for test_modules.py: files whose names begin with a prefix are not
 * there. -o modules=hide,hide=PREFIX */
#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Hide {
  char* prefix;
  int show_help;
  struct fuse_fs* next;
};

static const struct fuse_opt kOptions[] = {{"hide=%s", offsetof(struct Hide, prefix), 0},
                                           {"-h", offsetof(struct Hide, show_help), 1},
                                           FUSE_OPT_END};

static struct Hide* Self(void) {
  return fuse_get_context()->private_data;
}

static int Hidden(const struct Hide* hide, const char* name) {
  return strncmp(name, hide->prefix, strlen(hide->prefix)) == 0;
}

static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  struct Hide* hide = Self();
  fuse_fs_init(hide->next, connection, config);
  return hide;
}

static void Destroy(void* data) {
  struct Hide* hide = data;
  fuse_fs_destroy(hide->next);
  free(hide->prefix);
  free(hide);
}

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
  if (Hidden(Self(), path + 1)) {
    return -ENOENT;
  }
  return fuse_fs_getattr(Self()->next, path, attributes, file);
}

/* While the filesystem below reads its directory, the context is that filesystem's. */
struct Listing {
  const struct Hide* hide;
  void* buffer;
  fuse_fill_dir_t fill;
};

static int Fill(void* buffer, const char* name, const struct stat* attributes, off_t offset,
                enum fuse_fill_dir_flags flags) {
  struct Listing* listing = buffer;
  return Hidden(listing->hide, name)
             ? 0
             : listing->fill(listing->buffer, name, attributes, offset, flags);
}

static int ReadDir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* file, enum fuse_readdir_flags flags) {
  struct Listing listing = {Self(), buffer, fill};
  return fuse_fs_readdir(Self()->next, path, &listing, Fill, offset, file, flags);
}

static int Open(const char* path, struct fuse_file_info* file) {
  return fuse_fs_open(Self()->next, path, file);
}

static int Read(const char* path, char* buffer, size_t size, off_t offset,
                struct fuse_file_info* file) {
  return fuse_fs_read(Self()->next, path, buffer, size, offset, file);
}

static int Release(const char* path, struct fuse_file_info* file) {
  return fuse_fs_release(Self()->next, path, file);
}

static const struct fuse_operations kOperations = {
    .init = Init,
    .destroy = Destroy,
    .getattr = GetAttr,
    .readdir = ReadDir,
    .open = Open,
    .read = Read,
    .release = Release,
};

static struct fuse_fs* New(struct fuse_args* args, struct fuse_fs* next[]) {
  struct Hide* hide = calloc(1, sizeof(*hide));
  struct fuse_fs* layer = NULL;
  if (hide == NULL || fuse_opt_parse(args, hide, kOptions, NULL) != 0) {
    free(hide);
    return NULL;
  }
  if (hide->show_help) {
    printf("    -o hide=PREFIX         files whose names begin so are not there\n");
  } else if (hide->prefix == NULL) {
    fprintf(stderr, "hide: which files? -o hide=PREFIX\n");
  } else {
    hide->next = next[0];
    layer = fuse_fs_new(&kOperations, sizeof(kOperations), hide);
  }
  if (layer == NULL) {
    free(hide->prefix);
    free(hide);
  }
  return layer;
}

FUSE_REGISTER_MODULE(hide, New);
