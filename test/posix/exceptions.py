"""Where a mount differs from the file system below it by the kernel's doing, and why.

Each is the name of a case, a pattern of what it did, and a pattern of what it saw on the mount.
What is not listed here must be the same in both places."""

import re

LISTED = [
    # fs/fuse/dir.c, fuse_setattr(): the kernel takes a set-group-id bit away before a write or a
    # truncation only together with the group's right to execute.
    ('bits_go_with_writes', r'(2767|6666) after .* by stranger', r'.{6}S.*'),
    # The file system below never hears of what is read from the page cache; and the kernel does not
    # know that a copy has read.
    ('times_of_changes', r'times of f after read (nothing|at end)', r'\[\]'),
    ('times_of_reading', r'times of f after (copy|map)', r'\[\]'),
    # fs/fuse/dir.c, update_mtime(): with O_TRUNC the kernel asks for the size alone, and on tmpfs a
    # size that does not change moves no time.
    ('times_of_changes', r'times of f after open trunc empty', r'\[\]'),
    # fs/fuse/file.c, fuse_file_fallocate(): modes that move data are refused.
    ('shifting', r'(collapse|insert) .*', 'ENOTSUP'),
    ('shifting', r'after (collapse|insert) .*', '20480 bytes .*'),
]
# The same for one way of mounting alone.
LISTED_FOR = {
    **dict.fromkeys(('hl', 'hl-killed', 'hl-apart', 'hl-apart-killed'), [
        # A chown to nobody changes nothing that the high-level API has an operation for.
        ('times_of_changes', r'times of f after chown nothing', r'\[\]'),
        # With reconnect, offsets are made from names, which gives another order.
        ('renamed_working_directory', r'listdir.*', '.*')]),
    # fs/locks.c, locks_remove_posix(): locks of an open file that the filesystem keeps are not given
    # back when that is closed, since the kernel has no note of them.
    'll-locks': [('locks_of_open_files', '_lock', 'EAGAIN')],
}

# Cases that a filesystem of paths, which has the high-level API, cannot pass, and why.
NOT_FOR_PATHS = {
    # It has no operation for a file without a name.
    'in_folder_tmpfile', 'link_of_open_files', 'path_open_tmpfile', 'set_group_id_on_folders',
    # A file that is removed while it is open gets a hidden name, which is a link and can be seen.
    'opening_again', 'relative_to_descriptors', 'removed_while_open', 'rename_keeps',
    # A folder that is removed has no path, and a path has an end.
    'removed_folders_that_are_open', 'path_deep'}


def possible(way, case):
    """Whether this way of mounting can pass the case."""
    return way.example != 'passthrough' or case not in NOT_FOR_PATHS


# Cases with an open file or folder that has no name. When the server dies nobody can find it again,
# which gives ESTALE; how far such a case comes then is a matter of luck.
NAMELESS = {
    'executing', 'in_folder_tmpfile', 'link_of_open_files', 'mapping_survives_removal',
    'opening_again', 'path_open_tmpfile', 'path_open_tmpfile_readonly',
    'removed_folders_that_are_open', 'removed_while_open', 'set_group_id_on_folders'}


def lost_a_file(case, seen):
    """Whether a killed run of this case came upon something that nobody can find again."""
    return case in NAMELESS and any('ESTALE' in str(value) or 'Stale file handle' in str(value)
                                    for value in seen.values())


def excused(way, case, what, seen):
    """Whether the difference is a listed one."""
    return any(case == name and re.fullmatch(done, what) and re.fullmatch(saw, str(seen), re.DOTALL)
               for name, done, saw in LISTED + LISTED_FOR.get(way, []))
