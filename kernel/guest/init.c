// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a user-mode Linux whose root is the host's, read-only. It lays a tmpfs over
 * that, so that the guest sees every file of the host and changes none, runs one script and says how
 * it ended: "TOKEN STATUS" on a line of its own, with the token that only kernel/boot knows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ROOT "/run/root"

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	dprintf(open("/dev/kmsg", O_WRONLY), "<0>guest init: %s: %s\n", what, strerror(errno));
	reboot(RB_POWER_OFF);
}

static void mount_at(const char *type, const char *point, const char *options)
{
	if (mkdir(point, 0755) < 0 && errno != EEXIST)
		need(-1, point);
	need(mount(type, point, type, 0, options), point);
}

static void make_root(void)
{
	need(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), "/run");
	need(mkdir("/run/upper", 0755), "/run/upper");
	need(mkdir("/run/work", 0755), "/run/work");
	need(mkdir(ROOT, 0755), ROOT);
	need(mount("overlay", ROOT, "overlay", 0, "lowerdir=/,upperdir=/run/upper,workdir=/run/work"),
	     "overlay");
	mount_at("proc", ROOT "/proc", NULL);
	mount_at("sysfs", ROOT "/sys", NULL);
	mount_at("devtmpfs", ROOT "/dev", "mode=755");
	mount_at("devpts", ROOT "/dev/pts", "ptmxmode=666");
	mount_at("tmpfs", ROOT "/dev/shm", "mode=1777");
	mount_at("tmpfs", ROOT "/run", "mode=755");
	mount_at("fusectl", ROOT "/sys/fs/fuse/connections", NULL);
	need(mkdir(ROOT "/run/tmp", 0755), "/run/tmp");
	need(chmod(ROOT "/run/tmp", 01777), "/run/tmp");
	need(chmod(ROOT "/dev/fuse", 0666), "/dev/fuse");
	if (symlink("/proc/self/fd", ROOT "/dev/fd") < 0)
		need(-1, "/dev/fd");
	need(chdir(ROOT), ROOT);
	need(mount(".", "/", NULL, MS_MOVE, NULL), "moving the root");
	need(chroot("."), "chroot");
	need(chdir("/"), "/");
}

/*
 * Output as it is written: the console is a terminal, which would put a CR before each LF. The kernel's
 * own messages go elsewhere.
 */
static void use_console(void)
{
	int console = open("/dev/tty0", O_RDWR | O_NOCTTY);
	struct termios settings;

	if (console < 0)
		return;
	if (tcgetattr(console, &settings) == 0) {
		cfmakeraw(&settings);
		tcsetattr(console, TCSANOW, &settings);
	}
	dup2(console, 1);
	dup2(console, 2);
	if (console > 2)
		close(console);
}

/* Nothing random happens in here by itself, and older kernels wait for it for minutes. */
static void seed_random(void)
{
	int bits = 256, device = open("/dev/urandom", O_WRONLY);

	if (device >= 0 && ioctl(device, RNDADDTOENTCNT, &bits) == 0)
		close(device);
}

static pid_t start(const char *script)
{
	char *argv[] = { "sh", (char *)script, NULL };
	char *environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"HOME=/root", "LANG=C.UTF-8", "TMPDIR=/run/tmp", NULL };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid();
	dup2(open("/dev/null", O_RDONLY), 0);
	execve("/bin/sh", argv, environment);
	_exit(127);
}

static int wait_for(pid_t script)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = wait(&status);
		if (pid == script)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (pid < 0 && errno != EINTR)
			return 127;
	}
}

int main(void)
{
	const char *script = getenv("BOOT_SCRIPT"), *token = getenv("BOOT_TOKEN");
	int status;

	if (getpid() != 1)
		return 2;
	make_root();
	use_console();
	seed_random();
	status = script ? wait_for(start(script)) : 127;
	kill(-1, SIGKILL);
	printf("\n%s %d\n", token ? token : "", status);
	fflush(stdout);
	tcdrain(1);
	reboot(RB_POWER_OFF);
	return 0;
}
