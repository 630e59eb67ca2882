/* turns_ll: a filesystem with a loop of its own that takes turns, as bindings to languages with
 * coroutines do: it waits until the session's descriptor is readable, receives and processes one
 * request, in which it only notes what is asked, and answers afterwards. It has place for one note,
 * so a call that comes anywhere else than in fuse_session_process_buf(), or a second one there, is
 * wrong and a line on standard error that begins with "turns_ll: wrong".
 *
 * What it shows is the folders /1, /1/2, ... down to depth DEPTH, with a file "file" in each.
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { kDepth = 8, kFile = 1000 };

enum Asked { kNothing, kLookup, kGetattr, kOpen, kOpendir, kRead, kReaddir, kDone };

static struct {
  enum Asked asked;
  fuse_req_t req;
  fuse_ino_t ino;
  char name[256];
  size_t size;
  off_t offset;
  struct fuse_file_info info;
} note;
static bool in_turn;

static bool Take(enum Asked asked, fuse_req_t req, fuse_ino_t ino,
                 const struct fuse_file_info* info) {
  if (!in_turn || note.asked != kNothing) {
    fprintf(stderr, "turns_ll: wrong: call %d %s\n", asked,
            in_turn ? "is the second one in a turn" : "out of turn");
    return false;
  }
  note.asked = asked;
  note.req = req;
  note.ino = ino;
  if (info != NULL) note.info = *info;
  return true;
}

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  if (Take(kLookup, req, parent, NULL)) snprintf(note.name, sizeof note.name, "%s", name);
}
static void Getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  Take(kGetattr, req, ino, info);
}
static void Open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  Take(kOpen, req, ino, info);
}
static void Opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  Take(kOpendir, req, ino, info);
}
static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info* info) {
  if (!Take(kRead, req, ino, info)) return;
  note.size = size;
  note.offset = offset;
}
static void Readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  if (!Take(kReaddir, req, ino, info)) return;
  note.size = size;
  note.offset = offset;
}
static void Release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  Take(kDone, req, ino, info);
}
static void Forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  (void)count;
  Take(kNothing, req, ino, NULL);
  fuse_reply_none(req);
}

/* A folder's number is its depth from 1 (the root) on; its file's is that and kFile. */
static struct stat Attributes(fuse_ino_t ino) {
  struct stat attributes = {.st_ino = ino, .st_nlink = 1};
  attributes.st_mode = ino >= kFile ? S_IFREG | 0444 : S_IFDIR | 0555;
  attributes.st_size = ino >= kFile ? 4 : 0;
  return attributes;
}

static void AnswerLookup(void) {
  fuse_ino_t found = 0;
  char next[16];
  snprintf(next, sizeof next, "%d", (int)note.ino);
  if (note.ino < kFile && strcmp(note.name, "file") == 0) found = note.ino + kFile;
  if (note.ino < kDepth && strcmp(note.name, next) == 0) found = note.ino + 1;
  if (found == 0) {
    fuse_reply_err(note.req, ENOENT);
    return;
  }
  struct fuse_entry_param entry = {.ino = found, .attr = Attributes(found)};
  fuse_reply_entry(note.req, &entry);
}

static void AnswerReaddir(void) {
  char bytes[256], next[16];
  snprintf(next, sizeof next, "%d", (int)note.ino);
  const char* names[] = {"file", next};
  const fuse_ino_t inodes[] = {note.ino + kFile, note.ino + 1};
  size_t used = 0;
  const int count = note.ino < kDepth ? 2 : 1;
  for (int i = (int)note.offset; i < count; ++i) {
    const struct stat attributes = Attributes(inodes[i]);
    used += fuse_add_direntry(note.req, bytes + used, sizeof bytes - used, names[i], &attributes,
                              i + 1);
  }
  fuse_reply_buf(note.req, bytes, used < note.size ? used : note.size);
}

static void Answer(void) {
  char content[16];
  struct stat attributes;
  switch (note.asked) {
    case kLookup:
      AnswerLookup();
      break;
    case kGetattr:
      attributes = Attributes(note.ino);
      fuse_reply_attr(note.req, &attributes, 0);
      break;
    case kOpen:
      note.info.fh = note.ino;
      note.info.direct_io = 1;
      fuse_reply_open(note.req, &note.info);
      break;
    case kOpendir:
      fuse_reply_open(note.req, &note.info);
      break;
    case kRead:
      snprintf(content, sizeof content, "%03d\n", (int)(note.ino - kFile));
      fuse_reply_buf(note.req, content, note.offset == 0 ? 4 : 0);
      break;
    case kReaddir:
      AnswerReaddir();
      break;
    case kDone:
      fuse_reply_err(note.req, 0);
      break;
    case kNothing:
      break;
  }
}

static int Loop(struct fuse_session* session) {
  struct fuse_buf buffer = {.mem = NULL};
  int result = 0;
  while (!fuse_session_exited(session)) {
    struct pollfd device = {fuse_session_fd(session), POLLIN, 0};
    if (poll(&device, 1, -1) < 0) continue;
    result = fuse_session_receive_buf(session, &buffer);
    if (result == -EINTR) continue;
    if (result <= 0) break;
    in_turn = true;
    fuse_session_process_buf(session, &buffer);
    in_turn = false;
    Answer();
    note.asked = kNothing;
  }
  free(buffer.mem);
  return result < 0 ? 1 : 0;
}

int main(int argc, char** argv) {
  const struct fuse_lowlevel_ops operations = {.lookup = Lookup,
                                               .getattr = Getattr,
                                               .open = Open,
                                               .read = Read,
                                               .readdir = Readdir,
                                               .opendir = Opendir,
                                               .release = Release,
                                               .releasedir = Release,
                                               .forget = Forget};
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts options;
  if (fuse_parse_cmdline(&args, &options) != 0 || options.mountpoint == NULL) return 1;
  struct fuse_session* session = fuse_session_new(&args, &operations, sizeof operations, NULL);
  if (session == NULL) return 1;
  int result = 1;
  if (fuse_set_signal_handlers(session) == 0) {
    if (fuse_session_mount(session, options.mountpoint) == 0) {
      result = Loop(session);
      fuse_session_unmount(session);
    }
    fuse_remove_signal_handlers(session);
  }
  fuse_session_destroy(session);
  free(options.mountpoint);
  fuse_opt_free_args(&args);
  return result;
}
