"""What is made: its mode, its owner and group, the times it moves, and what it is good for."""

import errno
import os
import socket
import stat

from fusetest import syscalls
from scene import GROUP, OTHER_GROUP, OWNER, USERS, case


@case
def set_group_id_on_folders(scene):
    """What is made there gets the folder's group, and folders the bit as well."""
    for mode in (0o777, 0o2777):
        scene.folder('t', mode, (OWNER, OTHER_GROUP))
        for user in USERS:
            with scene.as_user(user):
                scene.do(os.mkdir, f't/dir.{user}')
                fd = scene.open(f't/file.{user}', os.O_CREAT | os.O_WRONLY, 0o2775)
                os.close(fd)
                scene.do(os.mknod, f't/fifo.{user}', stat.S_IFIFO | 0o2770)
                scene.do(os.symlink, 'x', f't/link.{user}')
                scene.do(os.mkdir, f't/dir.{user}/below')
                nameless = scene.open('t', os.O_TMPFILE | os.O_WRONLY, 0o2770)
                scene.do(os.fstat, nameless)
        scene.tree('t')
        os.system('rm -rf t')


@case
def set_group_id_kept_by_who_may(scene):
    """chmod drops it from a file of a group one is not in."""
    for user in USERS:
        for group in (GROUP, OTHER_GROUP, 0):
            uid, _, _ = USERS[user]
            scene.file('f', b'', 0o644, (uid, group))
            with scene.as_user(user):
                scene.do(os.chmod, 'f', 0o6755, what=f'chmod by {user} of {group}')
            scene.look('f')
            os.unlink('f')


@case
def modes_and_umask(scene):
    """What is asked for less the umask; special bits as asked."""
    for mask in (0, 0o022, 0o077, 0o777):
        os.umask(mask)
        for mode in (0o777, 0o666, 0o1777, 0o2755, 0o4755, 0o7777, 0):
            fd = os.open(f'f{mask:o}.{mode:o}', os.O_CREAT | os.O_WRONLY, mode)
            os.close(fd)
            os.mkdir(f'd{mask:o}.{mode:o}', mode)
            os.mkfifo(f'p{mask:o}.{mode:o}', mode)
            os.mknod(f'n{mask:o}.{mode:o}', stat.S_IFREG | mode)
    os.umask(0o022)
    scene.tree()


@case
def owners_of_what_is_made(scene):
    scene.folder('t', 0o777)
    for user in USERS:
        with scene.as_user(user):
            scene.do(os.mkdir, f't/{user}.dir')
            scene.file(f't/{user}.file')
            scene.do(os.mkfifo, f't/{user}.fifo')
            scene.do(os.symlink, 'x', f't/{user}.link')
            scene.do(os.mknod, f't/{user}.node', stat.S_IFREG | 0o644)
            scene.do(os.mknod, f't/{user}.device', stat.S_IFCHR | 0o644, os.makedev(1, 3))
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(f't/{user}.socket')
    scene.tree('t')


@case
def times_of_makers(scene):
    """A folder's modification and change times follow what is made and removed in it."""
    makers = {'create': lambda: scene.file('t/new'), 'mkdir': lambda: os.mkdir('t/dir'),
              'mkfifo': lambda: os.mkfifo('t/fifo'), 'symlink': lambda: os.symlink('x', 't/link'),
              'link': lambda: os.link('t/old', 't/twice'),
              'rename within': lambda: os.rename('t/new', 't/newer'),
              'rename out': lambda: os.rename('t/newer', 'u/there'),
              'rename in': lambda: os.rename('u/there', 't/here'),
              'rename over': lambda: os.rename('t/here', 't/old'),
              'rename folder': lambda: os.rename('t/dir', 'u/dir'),
              'exchange': lambda: syscalls.renameat2('t/old', 'u/dir', syscalls.RENAME_EXCHANGE),
              'unlink': lambda: os.unlink('t/link'), 'rmdir': lambda: os.rmdir('t/old'),
              'unlink of two': lambda: os.unlink('t/twice')}
    scene.folder('t')
    scene.folder('u')
    scene.file('t/old', b'x')
    for name, make in makers.items():
        known = [path for path in ('t/old', 't/twice', 't/new', 't/newer', 'u/there', 't/here',
                                   't/dir')
                 if os.path.lexists(path)]
        with scene.times(name, 't', 'u', *known):
            make()


@case
def times_of_failed_makers(scene):
    """What fails changes no time."""
    scene.folder('t')
    scene.file('t/old')
    failing = {'mkdir': lambda: os.mkdir('t/old'),
               'create': lambda: os.open('t/old', os.O_CREAT | os.O_EXCL),
               'unlink': lambda: os.unlink('t/none'), 'rmdir': lambda: os.rmdir('t/old'),
               'rename': lambda: os.rename('t/none', 't/x'),
               'link': lambda: os.link('t/old', 't/old'),
               'rename onto itself': lambda: os.rename('t/old', 't/old'),
               'open': lambda: os.close(os.open('t/old', os.O_CREAT | os.O_RDWR))}
    for name, make in failing.items():
        with scene.times(name, 't', 't/old'):
            scene.do(make, what=name)


@case
def sockets_and_fifos_work(scene):
    """They are the kernel's own, wherever their names are."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind('socket')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        scene.do(client.sendto, b'hello', 'socket')
    scene.do(server.recv, 10)
    scene.open('socket', os.O_RDWR)
    os.mkfifo('fifo')
    reader = scene.open('fifo', os.O_RDONLY | os.O_NONBLOCK)
    writer = scene.open('fifo', os.O_WRONLY | os.O_NONBLOCK)
    scene.do(os.write, writer, b'through')
    scene.do(os.read, reader, 20)
    scene.do(os.lseek, reader, 0, os.SEEK_SET)
    os.close(reader)
    scene.open('fifo', os.O_WRONLY | os.O_NONBLOCK, what='without a reader')
    scene.do(os.write, writer, b'x', what='write without a reader')


@case
def bind_to_existing(scene):
    scene.file('there')
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.bind('there')
        except OSError as error:
            scene.saw('bind', errno.errorcode[error.errno])


@case
def executing(scene):
    """Programs and scripts run from there; one that runs is not written to."""
    with open('/bin/sleep', 'rb') as program:
        scene.file('program', program.read(), 0o755)
    scene.file('script', b'#!/bin/sh\nexit 7\n', 0o755)
    scene.do(lambda: os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn('./script', ['s'], {}),
                                                          0)[1]))
    pid = os.posix_spawn('./program', ['sleep', '60'], {})
    scene.open('program', os.O_WRONLY, what='write to a running program')
    scene.do(os.truncate, 'program', 0)
    scene.do(os.rename, 'program', 'moved')
    scene.do(os.unlink, 'moved')
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    fd = scene.open('script', os.O_WRONLY)
    scene.do(lambda: os.posix_spawn('./script', ['s'], {}), what='run a file open for writing')
    os.close(fd)


@case
def sticky_bit_on_files(scene):
    for user in ('root', 'stranger'):
        uid, gid, _ = USERS[user]
        scene.file(f'f.{user}', b'', 0o644, (uid, gid))
        with scene.as_user(user):
            scene.do(os.chmod, f'f.{user}', 0o1644)
    scene.tree()
