// As in the library, but EARLIER_LAYOUT is the newest layout it has heard of.
#include "reconnect/layout.h"
#define kLayoutVersion uint32_t(EARLIER_LAYOUT)
#include "reconnect/seam/reconnect.cc"
