/**
 * Shell functions that list the records of a job. A command that dies half-way, or a shell that reads what it prints,
 * leaves a list that looks whole: so each list ends with a line that says that it is, which is no path. See `readListing`.
 *
 * `found` prints the paths that find gives for its arguments, and `names` those in the directory of records of the job
 * `$1` that further arguments choose. `untold` prints the last line of a list that isn't whole: the path that could not be
 * read, and what was said of it. A job can have made any number of names, and a shell that holds them all may be killed:
 * many login nodes limit the memory of a user.
 */
export const LISTING = `untold() {
  case $2 in
    */run/*'No such file or directory'* | */run/*'Not a directory'*) [ ! -d "\${1%/jobs/*}" ] || { echo gone; return; } ;;
  esac
  printf 'unread %s\\n' "\${2%%
*}"
}
found() {
  # find's first words, or its exit code, which comes behind them. What is gone since its name was read, the job removed.
  said=$({ LC_ALL=C find "$@" -print 2>&1 >&3; echo $?; } |
    LC_ALL=C sed -e '\\|/run/\\./[^/]*: No such file or directory$|d' -e q)
  case $said in
    0 | 1) echo whole ;;
    '' | [0-9]*) echo 'unread find was ended before it had listed everything' ;;
    *) untold "$1" "$said" ;;
  esac
} 3>&1
names() {
  run=$1/run/.
  shift
  found "$run" ! -name . -prune "$@"
}`;
