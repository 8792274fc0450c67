# Installs the Debian packages that are its arguments after the first, which is the deadline in seconds. Run by root.
set -u
deadline=$1
shift

# One at a time. The lock is the directory itself, so that no file is left behind.
exec 9</var/lib/dpkg
flock -w "$deadline" 9 || { echo 'another installation goes on for too long' >&2; exit 1; }

# While this runs, a policy-rc.d keeps packages from starting their daemons (invoke-rc.d(8)). A machine's own one is
# left alone; what an earlier, killed run left bears the mark.
policy=/usr/sbin/policy-rc.d
mark='# slurmql: in place only while packages are installed'
if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy" && chmod 755 "$policy"
fi

apt() {
  timeout --kill-after=10 "$deadline" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout="$deadline" -o Acquire::Retries=3 "$@" 9<&- </dev/null
}

# --no-remove: nothing that is on the machine makes way for these packages.
install() {
  apt install --no-install-recommends --no-remove "$@"
}

# Package lists are fetched only when it turns out that they are missing or stale.
install "$@" >/dev/null 2>&1 && exit 0
for attempt in 1 2 3 4 5; do
  apt update >/dev/null && break
  # Another apt holds the lists; for this lock apt-get doesn't wait.
  sleep 5
done
install "$@" >/dev/null
