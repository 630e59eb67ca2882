# Sourced by ./demo and ./check: what they need from Debian, installed when it is missing.

PACKAGES_BUILD="g++ meson ninja-build pkg-config libgtest-dev libgmock-dev libcli11-dev python3 fuse3"
PACKAGES_DEMO="fio git sqlite3 tar diffutils util-linux libc6-dev linux-libc-dev"
PACKAGES_CHECK="clang libclang-rt-14-dev strace python3-pytest abigail-tools binutils gcc libfuse3-dev
dpkg-dev debhelper groff-base rsync systemd"
# For the long campaigns.
PACKAGES_LONG="postgresql"
# A kernel of our own (kernel/build installs them).
PACKAGES_KERNEL="gcc make flex bison bc xz-utils patch libc6-dev"
# Programs that run on the library unmodified, and what those need that are only unpacked.
PACKAGES_PROGRAMS="sshfs openssh-client openssh-sftp-server libwrap0 fuse-overlayfs squashfuse
  squashfs-tools python3-pyfuse3 debian-archive-keyring"

# Installs the packages that are not there; says nothing when all are.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" != 0 ]; then
    echo "missing packages (run as root to install them): ${missing[*]}" >&2
    return 1
  fi
  echo "installing: ${missing[*]}"
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } \
      > "$log" 2>&1 < /dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
