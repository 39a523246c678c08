#!/usr/bin/env bash
# A phone in a folder: Debian's adbd with toybox and mksh in a small root with Android's layout,
# listening on 127.0.0.1 only. Needs no root (user namespaces then) and changes nothing outside
# PHONE_LAB_HOME. lab.py drives it; by hand:
#
#   phone-lab.sh build              make the root (once: 10 MB of downloads, 5 seconds)
#   phone-lab.sh start PORT DIR     DIR is the internal storage of a phone on PORT
#   phone-lab.sh stop [PORT]        end that phone, or all of them, without a goodbye
#   phone-lab.sh status             port, pid and folder of those that run
#
# Environment: PHONE_LAB_HOME, PHONE_SERIAL, PHONE_MODEL, PHONE_SD (a folder that is its SD card
# 1A2B-3C4D), PHONE_DEBS (a folder with the packages, instead of downloading them).
# Needs apt-get, dpkg-deb, gcc, unshare, and the keyring of Debian's archive.
set -euo pipefail
HERE="$(cd "$(dirname "$(readlink -f "$0")")" && pwd)"
LAB="${PHONE_LAB_HOME:-$HERE/../../.cache/phone-lab}"
mkdir -p "$LAB"
LAB="$(cd "$LAB" && pwd)"
ROOT="$LAB/phone-root"
RUN="$LAB/run"
PKGS="adbd android-libbase android-libboringssl android-libcutils android-liblog libbrotli1 libc6
 libgcc-s1 liblz4-1 libprotobuf32t64 libstdc++6 libsystemd0 libzstd1 libcap2 zlib1g libxxhash0 libcrypt1 toybox mksh"

die() { echo "phone-lab: $*" >&2; exit 1; }

shim_c() { cat <<'SHIM'
/* LD_PRELOAD shim for running Debian's adbd as a fake phone.
 *  - every TCP listen is moved to the loopback interface, vsock is refused
 *  - __system_property_get answers from the file $PHONE_PROPS (key=value lines)
 * Build: gcc -O2 -shared -fPIC -o phoneshim.so phoneshim.c -ldl
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *a, socklen_t n) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real) real = dlsym(RTLD_NEXT, "bind");
  struct sockaddr_storage s;
  if (n > sizeof s) return real(fd, a, n);
  memcpy(&s, a, n);
  if (a->sa_family == AF_INET)
    ((struct sockaddr_in *)&s)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else if (a->sa_family == AF_INET6) /* ::ffff:127.0.0.1 - reachable as 127.0.0.1 */
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &((struct sockaddr_in6 *)&s)->sin6_addr);
  else if (a->sa_family == 40 /* AF_VSOCK */) { errno = EACCES; return -1; }
  return real(fd, (struct sockaddr *)&s, n);
}

int __system_property_get(const char *name, char *value) {
  value[0] = 0;
  const char *path = getenv("PHONE_PROPS");
  FILE *f = path ? fopen(path, "re") : NULL;
  if (!f) return 0;
  char line[512];
  size_t n = strlen(name);
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, name, n) && line[n] == '=') {
      line[strcspn(line, "\r\n")] = 0;
      strncpy(value, line + n + 1, 91);
      value[91] = 0;
      break;
    }
  fclose(f);
  return (int)strlen(value);
}
SHIM
}

fetch_debs() { # $1 = target folder; a private apt state, so no root and no change to the host
  local d="$1" k=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$d"/{state/lists/partial,cache/archives/partial,debs}
  : >"$d/status"
  local m="${PHONE_LAB_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)}"
  echo "deb [signed-by=$k] $m trixie main" >"$d/sources.list"    # the mirror that this machine's apt already uses
  local o=(-qq -o "Dir::Etc::sourcelist=$d/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State=$d/state" -o "Dir::Cache=$d/cache" -o "Dir::State::status=$d/status"
    -o APT::Sandbox::User= -o Acquire::Languages=none)
  apt-get "${o[@]}" update
  (cd "$d/debs" && apt-get "${o[@]}" download $PKGS)
}

build() {
  exec 9>"$LAB/lock"; flock 9   # two test runs may want it at once
  [ -x "$ROOT/usr/sbin/adbd" ] && { echo "already built: $ROOT"; exec 9>&-; return; }
  local w x; w="$(mktemp -d "$LAB/build.XXXXXX")"; x="$w/x"
  if [ -n "${PHONE_DEBS:-}" ]; then mkdir -p "$w"; ln -s "$PHONE_DEBS" "$w/debs"; else fetch_debs "$w"; fi
  mkdir -p "$x"
  for d in "$w"/debs/*.deb; do dpkg-deb -x "$d" "$x"; done
  local r="$w/root" L=usr/lib/x86_64-linux-gnu
  mkdir -p "$r"/{usr/bin,usr/sbin,usr/lib64,$L/android,usr/lib/android-sdk/platform-tools,etc,proc,dev,tmp,root,system/etc,data/local/tmp,storage/emulated/0,storage/self,mnt}
  ln -s usr/lib "$r/lib"; ln -s usr/lib64 "$r/lib64"; ln -s usr/bin "$r/bin"; ln -s ../usr/bin "$r/system/bin"
  cp -a "$x/$L/android/." "$r/$L/android/"
  # the loader, libc and what adbd, toybox and mksh link to
  for so in ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libresolv.so.2 libnss_files.so.2 libgcc_s.so.1 libdl.so.2 libpthread.so.0; do
    [ -e "$x/$L/$so" ] && cp -aL "$x/$L/$so" "$r/$L/$so"; done
  for so in libbrotlidec.so.1 libbrotlienc.so.1 libbrotlicommon.so.1 liblz4.so.1 libprotobuf.so.32 libsystemd.so.0 libzstd.so.1 libstdc++.so.6 libcap.so.2 libz.so.1 libxxhash.so.0 libcrypt.so.1; do
    cp -aL "$x/$L/$so" "$r/$L/$so"; done
  ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$r/usr/lib64/ld-linux-x86-64.so.2"
  cp -a "$x/usr/lib/android-sdk/platform-tools/adbd" "$r/usr/lib/android-sdk/platform-tools/"
  ln -s ../lib/android-sdk/platform-tools/adbd "$r/usr/sbin/adbd"
  cp -a "$x/usr/bin/toybox" "$x/usr/bin/mksh" "$r/usr/bin/"
  ln -s mksh "$r/usr/bin/sh"                       # Android's sh is mksh
  printf '%s\n' 'root:x:0:0:root:/:/system/bin/sh' 'shell:x:2000:2000:shell:/:/system/bin/sh' >"$r/etc/passwd"
  printf '%s\n' 'root:x:0:' 'shell:x:2000:' >"$r/etc/group"
  for t in $(LD_LIBRARY_PATH="$r/$L" "$r/$L/ld-linux-x86-64.so.2" "$r/usr/bin/toybox"); do
    [ -e "$r/usr/bin/$t" ] || ln -s toybox "$r/usr/bin/$t"; done
  ln -s /storage/emulated/0 "$r/storage/self/primary"; ln -s /storage/self/primary "$r/sdcard"
  cat >"$r/usr/bin/getprop" <<'P'
#!/bin/sh
# Android's getprop, from the lab's property file
F="${PHONE_PROPS:-/system/etc/phone.prop}"
if [ $# = 0 ]; then while IFS== read -r k v; do echo "[$k]: [$v]"; done <$F; exit; fi
while IFS== read -r k v; do [ "$k" = "$1" ] && { echo "$v"; exit; }; done <$F
echo "${2:-}"
P
  chmod 755 "$r/usr/bin/getprop"
  shim_c >"$w/phoneshim.c"; gcc -O2 -shared -fPIC -o "$r/$L/phoneshim.so" "$w/phoneshim.c" -ldl
  rm -rf "$ROOT"; mv "$r" "$ROOT"; rm -rf "$w"
  echo "built $ROOT ($(du -sh "$ROOT" | cut -f1))"
  exec 9>&-
}

inner() { # runs inside the new namespaces: mounts, chroot, adbd
  local port="$1" dir="$2" m="$ROOT"
  mount --make-rprivate /
  mount --bind "$m" "$m"
  mount -t tmpfs -o mode=755 tmpfs "$m/storage"
  mkdir -p "$m/storage/emulated/0" "$m/storage/self"
  ln -s /storage/emulated/0 "$m/storage/self/primary"
  mount --bind "$dir" "$m/storage/emulated/0"
  if [ -n "${PHONE_SD:-}" ]; then
    mkdir "$m/storage/1A2B-3C4D"; mount --bind "$PHONE_SD" "$m/storage/1A2B-3C4D"; fi
  mount -t proc proc "$m/proc"
  mount -t tmpfs -o mode=755 tmpfs "$m/dev"
  for n in null zero full random urandom tty; do : >"$m/dev/$n"; mount --bind "/dev/$n" "$m/dev/$n"; done
  mkdir "$m/dev/pts"; mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$m/dev/pts"
  ln -s pts/ptmx "$m/dev/ptmx"; ln -s /proc/self/fd "$m/dev/fd"
  mount -t tmpfs tmpfs "$m/tmp"
  cp "$RUN/$port.prop" "$m/tmp/phone.prop"; : >>"$m/system/etc/phone.prop"
  mount --bind "$m/tmp/phone.prop" "$m/system/etc/phone.prop"
  cd "$m"
  exec chroot "$m" /usr/bin/env -i PATH=/system/bin:/usr/bin:/usr/sbin HOME=/ LD_PRELOAD=phoneshim.so \
    PHONE_PROPS=/system/etc/phone.prop ADBD_PORT="$port" TMPDIR=/data/local/tmp ANDROID_DATA=/data \
    ANDROID_STORAGE=/storage EXTERNAL_STORAGE=/sdcard SHELL=/system/bin/sh /usr/sbin/adbd
}

start() {
  local port="$1" dir; dir="$(readlink -f "$2")"
  [[ "$port" =~ ^[0-9]+$ ]] || die "PORT must be a number"
  [ -d "$dir" ] || mkdir -p "$dir"
  [ -x "$ROOT/usr/sbin/adbd" ] || build
  mkdir -p "$RUN"
  if alive "$port"; then die "already running on $port"; fi
  cat >"$RUN/$port.prop" <<EOP
ro.product.name=${PHONE_NAME:-phonelab}
ro.product.model=${PHONE_MODEL:-Pixel Lab}
ro.product.device=${PHONE_DEVICE:-lab}
ro.product.manufacturer=Lab
ro.product.brand=lab
ro.serialno=${PHONE_SERIAL:-LAB$port}
ro.boot.serialno=${PHONE_SERIAL:-LAB$port}
ro.build.version.release=14
ro.build.version.sdk=34
sys.boot_completed=1
persist.sys.timezone=UTC
EOP
  local u=(); if [ "$(id -u)" != 0 ] || [ -n "${PHONE_USER:-}" ]; then u=(-r); fi
  setsid unshare "${u[@]}" -m -p -f --kill-child=SIGKILL -- "$HERE/phone-lab.sh" __inner "$port" "$dir" \
    >"$RUN/$port.log" 2>&1 </dev/null &
  local up=$!
  echo "$up $dir" >"$RUN/$port.pid"
  for _ in $(seq 3000); do
    if grep -q "adbd started" "$RUN/$port.log" 2>/dev/null; then echo "phone on 127.0.0.1:$port, /sdcard = $dir, pid $up"; return; fi
    kill -0 "$up" 2>/dev/null || { cat "$RUN/$port.log" >&2; rm -f "$RUN/$port.pid"; die "adbd ended"; }
    sleep 0.02
  done
  die "no start within a minute; see $RUN/$port.log"
}

alive() { # a zombie counts as gone
  local p; [ -e "$RUN/$1.pid" ] || return 1
  p="$(cut -d' ' -f1 "$RUN/$1.pid")"; [ -e "/proc/$p/status" ] && ! grep -q '^State:.*Z' "/proc/$p/status" 2>/dev/null
}

adbd_pid() { local p; p="$(cut -d' ' -f1 "$RUN/$1.pid")"; cat "/proc/$p/task/$p/children" 2>/dev/null | tr -d ' '; }

stop() { # SIGKILL: adbd is pid 1 of its namespace and ignores SIGTERM; its children go with it
  local port="$1" c; alive "$port" || { rm -f "$RUN/$port.pid"; return 0; }
  c="$(adbd_pid "$port")"; [ -n "$c" ] && kill -9 "$c" || kill -9 "$(cut -d' ' -f1 "$RUN/$port.pid")"
  for _ in $(seq 1500); do alive "$port" || break; sleep 0.02; done
  rm -f "$RUN/$port.pid"
}

case "${1:-}" in
  build) build ;;
  start) [ $# = 3 ] || die "start PORT DIR"; start "$2" "$3" ;;
  stop) if [ $# -ge 2 ]; then stop "$2"; else for f in "$RUN"/*.pid; do [ -e "$f" ] && stop "$(basename "$f" .pid)"; done; fi ;;
  status) for f in "$RUN"/*.pid; do [ -e "$f" ] || continue; p="$(basename "$f" .pid)"; alive "$p" && echo "$p $(cat "$f") adbd=$(adbd_pid "$p")"; done ;;
  __inner) inner "$2" "$3" ;;
  *) sed -n '2,15p' "$0"; exit 2 ;;
esac
