// What the keeper holds for the next server.
#pragma once

#include <sys/types.h>

#include <vector>

#include "support/unique_fd.h"

namespace fuse3::keeper {

class Holdings {
 public:
  unsigned connection = 0;
  UniqueFd directory;
  UniqueFd state;
  UniqueFd auto_unmount;

  // Closing a device ends what was read through it, so one is only ever replaced by a duplicate.
  void put_device(size_t index, UniqueFd device);
  std::vector<int> devices() const;  // by index; -1 is a hole
  unsigned device_count() const;
  // Any one, for polling; -1 if there is none.
  int some_device() const;
  // Asks a device; it is not waited on.
  bool mount_is_gone() const;

  // Remembers which file N.sock is now, for remove_files().
  void note_socket();
  // Removes N.sock and N.state, but not those of a later mount that got the same number.
  void remove_files() const;
  // Ends the connection: everybody who waits for it gets an error. Then lets go of all but the
  // state, which remove_files() needs.
  void abort_connection();

 private:
  std::vector<UniqueFd> devices_;
  dev_t socket_dev_ = 0;
  ino_t socket_ino_ = 0;
};

}  // namespace fuse3::keeper
