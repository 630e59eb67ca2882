/* A filesystem of paths with one empty directory, built with what is installed. */
#include <errno.h>
#include <fuse.h>
#include <string.h>

static int get_attributes(const char *path, struct stat *attributes, struct fuse_file_info *file) {
  (void)file;
  if (strcmp(path, "/") != 0)
    return -ENOENT;
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_mode = S_IFDIR | 0755;
  attributes->st_nlink = 2;
  return 0;
}

int main(int argc, char **argv) {
  struct fuse_operations operations;
  memset(&operations, 0, sizeof(operations));
  operations.getattr = get_attributes;
  return fuse_main(argc, argv, &operations, NULL);
}
