#!/bin/sh
# Runs what one slot of a backend serves. Supervisor or systemd keeps this script alive, as the service's user, once per slot; an
# administrator installs it as /usr/local/lib/orchestrate/run-slot.sh. It is made by hand to be read: nothing in it is a template.
#
#   run-slot.sh ROOT CODE VIRTUALENV ENV_FILE RUN PORT COMMAND
#
#   ROOT         the app's folder: while the link ROOT/slots/PORT is there, the release that it names serves on PORT
#   CODE         the code's folder inside a release, `.` for the release itself; COMMAND runs there
#   VIRTUALENV   the virtual environment inside a release; first on PATH
#   ENV_FILE     lines KEY=value; it may be missing
#   RUN          the folder of the pid files: PORT.pid is Gunicorn's own, PORT.slot holds the id of this script
#   COMMAND      one simple command; $PORT and $PID_FILE in it are filled in, quotes and blanks are read as sh does. It stays in the foreground
#
# Whoever owns the link and these processes needs no further right:
#   to start     make the link, then USR1 to the id in PORT.slot
#   to restart   TERM to the id in PORT.pid: the next start enters what the link names by then
#   to stop      remove the link, then TERM to the id in PORT.pid
# TERM to this script is passed on and ends it too.
set -u
[ $# -eq 7 ] || { echo "usage: $0 ROOT CODE VIRTUALENV ENV_FILE RUN PORT COMMAND" >&2 && exit 2; }
root=$1 code=$2 virtualenv=$3 env_file=$4 run=$5 PORT=$6 command=$7
PID_FILE=$run/$PORT.pid
real=$(cd -P "$root" && pwd) || exit 1
child='' ending='' woken=''
trap 'ending=yes; [ -z "$child" ] || kill -s TERM "$child" 2>/dev/null' TERM INT
trap 'woken=yes' USR1
trap '[ "$(cat "$run/$PORT.slot")" != $$ ] || rm -f "$run/$PORT.slot"' EXIT
echo $$ >"$run/$PORT.slot.$$" && mv -f "$run/$PORT.slot.$$" "$run/$PORT.slot" || exit 1

# A second, or less if a signal comes.
nap() {
  sleep 1 &
  rest=$!
  if [ -n "$woken$ending" ] || ! wait "$rest"; then kill "$rest" 2>/dev/null; fi
  woken=''
}

# Becomes the service: with real paths, for what the links name may change while it runs, and a worker born later would import that.
serve() {
  cd -P "$root/slots/$PORT" && release=$PWD && cd -P "$virtualenv" && set -- "$@" "$PWD" && cd -P "$release/$code" || exit 1
  if [ -e "$env_file" ]; then
    # Read, never run: a value is what stands behind the first `=`, less one pair of quotes around it.
    while IFS= read -r line || [ -n "$line" ]; do
      line=${line%"$(printf '\r')"}
      case $line in '' | '#'*) continue ;; esac
      key=${line%%=*} value=${line#*=}
      case $key in
      "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*) echo "$0: $env_file: a line is not KEY=value" >&2 && exit 1 ;;
      esac
      case $value in
      \"*\") value=${value#\"} value=${value%\"} ;;
      \'*\') value=${value#\'} value=${value%\'} ;;
      esac
      export "$key=$value"
    done <"$env_file" || exit 1
  fi
  export PORT="$1" PID_FILE="$2" VIRTUAL_ENV="$4" PATH="$4/bin:$PATH" PYTHONUNBUFFERED=1
  eval "exec $3"
}

while [ -z "$ending" ]; do
  # A Gunicorn that outlived an earlier run of this script (killed by KILL) serves on: another beside it would only say "Already
  # running". A pid file whose process is none of this app's is stale.
  if [ -s "$PID_FILE" ]; then
    read -r child <"$PID_FILE"
    case $(readlink "/proc/$child/cwd") in
    "$real"/*)
      nap
      continue
      ;;
    esac
    rm -f "$PID_FILE"
  fi
  child=''
  if [ ! -e "$root/slots/$PORT" ]; then
    nap
    continue
  fi
  read -r began _ </proc/uptime
  woken=''
  (serve "$PORT" "$PID_FILE" "$command") &
  child=$!
  [ -z "$ending" ] || kill -s TERM "$child" 2>/dev/null
  # A signal to this script ends `wait` too: 128 and more with the child still there.
  while wait "$child" || [ $? -gt 128 ]; do kill -0 "$child" 2>/dev/null || break; done
  child=''
  read -r now _ </proc/uptime
  # What crashes at its start must not burn a core.
  [ $((${now%.*} - ${began%.*})) -ge 2 ] || nap
done
