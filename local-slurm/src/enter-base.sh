# Makes the root of one instance out of a base system and runs a program in it. Run by root, in namespaces of its own:
# nothing of what is mounted here is seen outside, and all of it goes with the last process.
# usage: enter-base.sh BASE DIRECTORY NODE PACKAGE SCRIPT SHARED…
#   DIRECTORY and each SHARED: the instance's own directory, and others of the machine; all have the same path inside
#   NODE runs SCRIPT, a file in the directory PACKAGE
set -eu
base=$1 directory=$2 node=$3 package=$4 script=$5
shift 5

# What is written outside of DIRECTORY stays in memory: little, as daemons and homes have their places in it.
work=$directory/root
mkdir -p "$work"
mount -t tmpfs -o mode=755 slurmql "$work"
mkdir "$work/base" "$work/upper" "$work/work" "$work/system"
# By a path of its own: an option of overlay can hold neither commas nor colons.
mount --bind "$base" "$work/base"
mount -t overlay slurmql -o "lowerdir=$work/base,upperdir=$work/upper,workdir=$work/work" "$work/system"

cd "$work/system"
mount -t proc proc proc
for name in dev sys; do
  mount --rbind "/$name" "$name"
  mount --make-rslave "$name"
done
for path in "$directory" "$@"; do
  mkdir -p ".$path"
  mount --bind "$path" ".$path"
done
mkdir -p run/slurmql/package
touch run/slurmql/node
mount --bind "$node" run/slurmql/node
mount --bind "$package" run/slurmql/package
cp -L /etc/resolv.conf etc/resolv.conf
hostname localhost

# The first process waits for all that lose their parent, which Node does not.
exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  sh -c 'exec 3<&0; "$@" <&3 3<&- & exec 3<&-; wait $!' sh /run/slurmql/node "/run/slurmql/package/$script"
