/*
 * The public structures as programs know them that were linked with libfuse3.so.3 (up to libfuse
 * 3.14), where they differ from those in include/. headers.py puts them in the place of these when
 * that library is built; nothing else reads this file, and it is not installed.
 *
 * Members are described in include/.
 */

struct fuse_file_info {
  int flags;
  unsigned int writepage : 1;
  unsigned int direct_io : 1;
  unsigned int keep_cache : 1;
  unsigned int flush : 1;
  unsigned int nonseekable : 1;
  unsigned int flock_release : 1;
  unsigned int cache_readdir : 1;
  unsigned int noflush : 1;
  unsigned int padding : 24;
  unsigned int padding2 : 32;
  uint64_t fh;
  uint64_t lock_owner;
  uint32_t poll_events;
};

struct fuse_conn_info {
  unsigned proto_major;
  unsigned proto_minor;
  unsigned max_write;
  unsigned max_read;
  unsigned max_readahead;
  unsigned capable;
  unsigned want;
  unsigned max_background;
  unsigned congestion_threshold;
  unsigned time_gran;
  unsigned reserved[22];
};

struct fuse_buf {
  size_t size;
  enum fuse_buf_flags flags;
  void* mem;
  int fd;
  off_t pos;
};

struct fuse_config {
  int set_gid;
  unsigned int gid;
  int set_uid;
  unsigned int uid;
  int set_mode;
  unsigned int umask;
  double entry_timeout;
  double negative_timeout;
  double attr_timeout;
  int intr;
  int intr_signal;
  int remember;
  int hard_remove;
  int use_ino;
  int readdir_ino;
  int direct_io;
  int kernel_cache;
  int auto_cache;
  int no_rofd_flush;
  int ac_attr_timeout_set;
  double ac_attr_timeout;
  int nullpath_ok;
  int show_help;
  char* modules;
  int debug;
};
