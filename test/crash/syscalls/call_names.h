// Names of system calls that servers make, for messages.
#pragma once

#include <sys/syscall.h>

namespace killer {

struct CallName {
  long number;
  const char* text;
};

// clang-format off
inline constexpr CallName kCallNames[] = {
    {SYS_accept4, "accept4"}, {SYS_bind, "bind"}, {SYS_brk, "brk"}, {SYS_chdir, "chdir"},
    {SYS_clock_gettime, "clock_gettime"}, {SYS_clone, "clone"}, {SYS_clone3, "clone3"},
    {SYS_close, "close"}, {SYS_close_range, "close_range"}, {SYS_connect, "connect"},
    {SYS_copy_file_range, "copy_file_range"}, {SYS_dup, "dup"}, {SYS_dup3, "dup3"},
    {SYS_eventfd2, "eventfd2"}, {SYS_execve, "execve"}, {SYS_exit, "exit"},
    {SYS_exit_group, "exit_group"}, {SYS_faccessat, "faccessat"}, {SYS_faccessat2, "faccessat2"},
    {SYS_fallocate, "fallocate"}, {SYS_fchdir, "fchdir"}, {SYS_fchmod, "fchmod"},
    {SYS_fchmodat, "fchmodat"}, {SYS_fchownat, "fchownat"}, {SYS_fcntl, "fcntl"},
    {SYS_fdatasync, "fdatasync"}, {SYS_flock, "flock"}, {SYS_fstat, "fstat"},
    {SYS_fstatfs, "fstatfs"}, {SYS_fsync, "fsync"}, {SYS_ftruncate, "ftruncate"},
    {SYS_futex, "futex"}, {SYS_getcwd, "getcwd"}, {SYS_getdents64, "getdents64"},
    {SYS_getegid, "getegid"}, {SYS_geteuid, "geteuid"}, {SYS_getgid, "getgid"},
    {SYS_getpeername, "getpeername"}, {SYS_getpid, "getpid"}, {SYS_getrandom, "getrandom"},
    {SYS_getsockname, "getsockname"}, {SYS_getsockopt, "getsockopt"}, {SYS_gettid, "gettid"},
    {SYS_getuid, "getuid"}, {SYS_getxattr, "getxattr"}, {SYS_ioctl, "ioctl"},
    {SYS_lgetxattr, "lgetxattr"}, {SYS_linkat, "linkat"}, {SYS_listen, "listen"},
    {SYS_listxattr, "listxattr"}, {SYS_lseek, "lseek"}, {SYS_madvise, "madvise"},
    {SYS_memfd_create, "memfd_create"}, {SYS_mkdirat, "mkdirat"}, {SYS_mknodat, "mknodat"},
    {SYS_mlock, "mlock"}, {SYS_mmap, "mmap"}, {SYS_mount, "mount"}, {SYS_mprotect, "mprotect"},
    {SYS_munmap, "munmap"}, {SYS_newfstatat, "newfstatat"}, {SYS_openat, "openat"},
    {SYS_openat2, "openat2"}, {SYS_pidfd_open, "pidfd_open"},
    {SYS_pidfd_send_signal, "pidfd_send_signal"}, {SYS_pipe2, "pipe2"}, {SYS_ppoll, "ppoll"},
    {SYS_prctl, "prctl"}, {SYS_pread64, "pread64"}, {SYS_prlimit64, "prlimit64"},
    {SYS_pwrite64, "pwrite64"}, {SYS_pwritev, "pwritev"}, {SYS_read, "read"},
    {SYS_readlinkat, "readlinkat"}, {SYS_readv, "readv"}, {SYS_recvfrom, "recvfrom"},
    {SYS_recvmsg, "recvmsg"}, {SYS_removexattr, "removexattr"}, {SYS_renameat2, "renameat2"},
    {SYS_restart_syscall, "restart_syscall"}, {SYS_rseq, "rseq"},
    {SYS_rt_sigaction, "rt_sigaction"}, {SYS_rt_sigprocmask, "rt_sigprocmask"},
    {SYS_rt_sigreturn, "rt_sigreturn"}, {SYS_sched_getaffinity, "sched_getaffinity"},
    {SYS_sched_yield, "sched_yield"}, {SYS_sendmsg, "sendmsg"}, {SYS_sendto, "sendto"},
    {SYS_set_robust_list, "set_robust_list"}, {SYS_set_tid_address, "set_tid_address"},
    {SYS_setfsgid, "setfsgid"}, {SYS_setfsuid, "setfsuid"}, {SYS_setsockopt, "setsockopt"},
    {SYS_setxattr, "setxattr"}, {SYS_shutdown, "shutdown"}, {SYS_sigaltstack, "sigaltstack"},
    {SYS_socket, "socket"}, {SYS_socketpair, "socketpair"}, {SYS_splice, "splice"},
    {SYS_statfs, "statfs"}, {SYS_statx, "statx"}, {SYS_symlinkat, "symlinkat"},
    {SYS_tgkill, "tgkill"}, {SYS_truncate, "truncate"}, {SYS_umask, "umask"},
    {SYS_umount2, "umount2"}, {SYS_unlinkat, "unlinkat"}, {SYS_utimensat, "utimensat"},
    {SYS_vmsplice, "vmsplice"}, {SYS_wait4, "wait4"}, {SYS_write, "write"},
    {SYS_writev, "writev"},
#ifdef __x86_64__  // newer machines lack them
    {SYS_access, "access"}, {SYS_epoll_wait, "epoll_wait"}, {SYS_mkdir, "mkdir"},
    {SYS_open, "open"}, {SYS_poll, "poll"}, {SYS_readlink, "readlink"}, {SYS_rename, "rename"},
    {SYS_renameat, "renameat"}, {SYS_rmdir, "rmdir"}, {SYS_stat, "stat"}, {SYS_unlink, "unlink"},
#endif
};
// clang-format on

}  // namespace killer
