#!/bin/sh
# sh after-build.sh [turbo's options] -- COMMAND…: builds what has changed, then becomes the command. What npm was told
# by a signal so reaches the command itself, as npm passes it on to the one process that it started.
case $(node --version) in
v2[4-9].* | v[3-9]?.*) ;;
*)
  echo "SlurmQL needs Node 24 or later, and this is $(node --version): \"npm ci\" brings one for Linux and macOS" >&2
  exit 1
  ;;
esac
build=
trap '[ -z "$build" ] || { kill "$build"; wait "$build"; }; exit 143' TERM INT HUP
options=
while [ "$1" != -- ]; do
  options="$options $1"
  shift
done
shift
# In the background: a shell obeys no signal while it waits for a command in the foreground.
TURBO_TELEMETRY_DISABLED=1 turbo run build --output-logs=errors-only $options &
build=$!
wait "$build" || exit
trap - TERM INT HUP
exec "$@"
