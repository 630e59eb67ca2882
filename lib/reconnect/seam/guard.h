// The checks by which a successor finds out what its predecessor did, by name. The crash tests are
// built so that they can take one away, and have to notice (test/crash/replay).
#pragma once

namespace fuse3::reconnect {

enum class Guard {
  none,
  made_exists,         // EEXIST: is it what the first run made?
  made_is_as_asked,    // is what is there what was asked for?
  made_was_not_known,  // the table knew of the name before
  symlink_target,      // a symbolic link that is there has the wanted target
  linked_looks,        // where numbers tell nothing: does it look like what was to be linked?
  removed_is_gone,     // ENOENT of a removal is success
  renamed_is_there,    // ENOENT of a rename: is the target the source?
  exchange_before,     // an exchange: what is under the first name before it is run again
  exchange_looks,      // where numbers tell nothing: what both looked like before the first run
  noreplace_source,    // EEXIST of a rename: is the source gone?
  renames_first,       // what they move is looked for when they are settled
  append_size,         // what of an append is there already
  append_before,       // counted from the size before the first run
  shift_size,          // whether a range was inserted or collapsed
  xattr_before,        // was the attribute there before the first run?
  xattr_exists,        // EEXIST of a new attribute
  xattr_gone,          // ENODATA of a removal
  ioctl_policy,        // an ioctl is not run twice
  one_way_stored,      // what was read and cannot be read again is kept
  one_way_once,        // and not read twice
  stored_reply,        // a stored reply is sent and not made anew
  hide_told_before,    // the state knows of a hidden name before the file has it
  hide_once,           // what has the name after a rename is not hidden
  hidden_removed,      // a hidden file goes with its last handle
  lent_noted,          // a mode that is changed to open a file again is noted before
  hidden_told,         // that a file is hidden is told to the layer above, whoever found it
  lock_stored,         // a lock that was granted is in the table
  lock_taken_again,    // by a successor, before anybody else gets it
  lock_superseded,     // of two that exclude each other the later one is true
  lock_other_names,    // nor by another name of the file, where names are nodes
  lock_lost,           // one that could not be taken again is not believed in
  lock_gone_by_flush,  // FLUSH ends the owner's locks
  lock_gone_by_close,  // RELEASE ends those of the handle
  poller_noted,        // who waits in poll(2) is in the table
  poller_woken,        // and woken by a successor
  interrupt_kept,      // that a request was interrupted holds for its second run
  interrupt_settled,   // also when the server died with the INTERRUPT in hand
  backing_same,        // one backing file for all open files of a node
  backing_kept,        // which is not given back while one of them is open
  backing_swept,       // what dead servers registered and nobody has open is given back
  stream_noted,        // what a directory stream has delivered
  stream_read_on,      // is left out when it is read on
  poison,              // a request that servers crash of is not given to another
  resend_known,        // what is sent again and is in a slot is not taken for new
  resend_unknown,      // what is sent again and is in no slot is run
  resend_order,        // oldest first, whatever order it comes in
  resend_unsent,       // what is not sent again is not run
  resend_held,         // unless the kernel waits for it all the same
  resend_again,        // who follows a server that died of asking asks again
  last,
};

#ifdef FUSE3_MUTANTS
inline Guard removed_guard = Guard::none;
inline bool holds(Guard guard) {
  return guard != removed_guard;
}
#else
constexpr bool holds(Guard) {
  return true;
}
#endif

}  // namespace fuse3::reconnect
