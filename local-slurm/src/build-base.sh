# Unpacks a Debian system with Slurm in it, to be used by many instances and changed by none. Run by root, in namespaces of
# its own, by one process at a time: whatever of it is unfinished is then nobody's.
# usage: build-base.sh BASE RELEASE SUITE MIRROR PACKAGE…     MIRROR: an address, or "" for debootstrap's own
set -eu
base=$1 release=$2 suite=$3 mirror=$4
shift 4

# Another process was quicker.
[ ! -d "$base" ] || exit 0
root=$base.unfinished
rm -rf --one-file-system "$root"

# debootstrap fetches by wget, which knows nothing of apt's configuration.
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
for name in http_proxy https_proxy; do
  eval "value=\${$name:-}"
  case $value in '' | DIRECT) ;; *) export "$name" ;; esac
done
include=
case $mirror in https:*) include=--include=ca-certificates ;; esac
# The script of sid builds every suite, those too that this debootstrap has not heard of yet.
debootstrap --variant=minbase $include "$suite" "$root" $mirror ${mirror:+/usr/share/debootstrap/scripts/sid}

apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/00machine"
cp -a /etc/apt/auth.conf /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null || :
[ -z "$include" ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
# No package starts its daemons.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# An interrupted installation is thrown away, so nothing has to reach the disk in order; and nobody reads manuals here.
printf '%s\n' force-unsafe-io path-exclude=/usr/share/doc/* path-exclude=/usr/share/man/* \
  path-exclude=/usr/share/locale/* >"$root/etc/dpkg/dpkg.cfg.d/slurmql"

mount -t proc proc "$root/proc"
apt() {
  chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y -o Acquire::Retries=3 \
    -o Acquire::Check-Valid-Until=false "$@" </dev/null
}
apt update
apt install --no-install-recommends "$@"
apt clean
umount "$root/proc"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*

found=$(chroot "$root" dpkg-query -W -f '${Version}' slurmctld)
# "20.11.7+really20.11.4-2" is 20.11.4.
case ${found##*really} in
  "$release".*) ;;
  *) echo "Debian $suite has Slurm $found by now, not $release." >&2; exit 1 ;;
esac
# Of earlier recipes goes what nobody has used for a month, unless an instance still stands on it and so holds its lock.
find "$(dirname "$base")" -mindepth 1 -maxdepth 1 -name "$release-????????" -mtime +30 \
  -exec flock --nonblock {} mv {} {}.unused \;
rm -rf --one-file-system "${base%-*}"-*.unused

sync --file-system "$root"
mv "$root" "$base"
