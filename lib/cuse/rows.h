// The one operation that only devices have.
#pragma once

#include "session/row.h"

namespace fuse3::cuse {

const Row* init_row();

}  // namespace fuse3::cuse
