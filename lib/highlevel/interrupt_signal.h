// The signal that makes a blocking system call of an interrupted operation return.
#pragma once

struct fuse;

namespace fuse3 {

// Gives the signal of `intr_signal` a handler that does nothing, unless the program has one.
void install_interrupt_signal(fuse& owner);
// Undoes it.
void remove_interrupt_signal(fuse& owner);

}  // namespace fuse3
