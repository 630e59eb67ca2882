// From a received request to typed arguments. Protocol versions are told apart here and in reply.h,
// and nowhere else in the library.
#pragma once

#include "support/result.h"
#include "wire/args_attributes.h"  // IWYU pragma: export
#include "wire/args_connection.h"  // IWYU pragma: export
#include "wire/args_io.h"          // IWYU pragma: export
#include "wire/args_names.h"       // IWYU pragma: export
#include "wire/message.h"          // IWYU pragma: export
#include "wire/protocol.h"         // IWYU pragma: export

namespace fuse3::wire {

// The arguments of a request. EPROTO when it is shorter than its kind must be or is of another
// kind, EINVAL for a name that cannot be one. Pointers and spans in the result point into the
// request.
template <class Args>
Result<Args> decode(const Message& message, const Negotiated& negotiated);

template <>
Result<Lookup> decode(const Message&, const Negotiated&);
template <>
Result<Readlink> decode(const Message&, const Negotiated&);
template <>
Result<Symlink> decode(const Message&, const Negotiated&);
template <>
Result<Mknod> decode(const Message&, const Negotiated&);
template <>
Result<Mkdir> decode(const Message&, const Negotiated&);
template <>
Result<Unlink> decode(const Message&, const Negotiated&);
template <>
Result<Rmdir> decode(const Message&, const Negotiated&);
template <>
Result<Rename> decode(const Message&, const Negotiated&);
template <>
Result<Link> decode(const Message&, const Negotiated&);
template <>
Result<Create> decode(const Message&, const Negotiated&);
template <>
Result<Tmpfile> decode(const Message&, const Negotiated&);
template <>
Result<Setxattr> decode(const Message&, const Negotiated&);
template <>
Result<Getxattr> decode(const Message&, const Negotiated&);
template <>
Result<Listxattr> decode(const Message&, const Negotiated&);
template <>
Result<Removexattr> decode(const Message&, const Negotiated&);

template <>
Result<Open> decode(const Message&, const Negotiated&);
template <>
Result<Opendir> decode(const Message&, const Negotiated&);
template <>
Result<Read> decode(const Message&, const Negotiated&);
template <>
Result<Readdir> decode(const Message&, const Negotiated&);
template <>
Result<Readdirplus> decode(const Message&, const Negotiated&);
template <>
Result<Write> decode(const Message&, const Negotiated&);
template <>
Result<Flush> decode(const Message&, const Negotiated&);
template <>
Result<Release> decode(const Message&, const Negotiated&);
template <>
Result<Releasedir> decode(const Message&, const Negotiated&);
template <>
Result<Fsync> decode(const Message&, const Negotiated&);
template <>
Result<Fsyncdir> decode(const Message&, const Negotiated&);
template <>
Result<Fallocate> decode(const Message&, const Negotiated&);
template <>
Result<Lseek> decode(const Message&, const Negotiated&);
template <>
Result<CopyFileRange> decode(const Message&, const Negotiated&);
template <>
Result<Ioctl> decode(const Message&, const Negotiated&);
template <>
Result<Poll> decode(const Message&, const Negotiated&);
template <>
Result<SetupMapping> decode(const Message&, const Negotiated&);
template <>
Result<RemoveMapping> decode(const Message&, const Negotiated&);

template <>
Result<Getattr> decode(const Message&, const Negotiated&);
template <>
Result<Statx> decode(const Message&, const Negotiated&);
template <>
Result<Setattr> decode(const Message&, const Negotiated&);
template <>
Result<Access> decode(const Message&, const Negotiated&);
template <>
Result<Getlk> decode(const Message&, const Negotiated&);
template <>
Result<Setlk> decode(const Message&, const Negotiated&);
template <>
Result<Setlkw> decode(const Message&, const Negotiated&);
template <>
Result<Bmap> decode(const Message&, const Negotiated&);

template <>
Result<Init> decode(const Message&, const Negotiated&);
template <>
Result<CuseInit> decode(const Message&, const Negotiated&);
template <>
Result<Destroy> decode(const Message&, const Negotiated&);
template <>
Result<Statfs> decode(const Message&, const Negotiated&);
template <>
Result<Syncfs> decode(const Message&, const Negotiated&);
template <>
Result<Interrupt> decode(const Message&, const Negotiated&);
template <>
Result<Forget> decode(const Message&, const Negotiated&);
template <>
Result<BatchForget> decode(const Message&, const Negotiated&);
template <>
Result<NotifyReply> decode(const Message&, const Negotiated&);

}  // namespace fuse3::wire
