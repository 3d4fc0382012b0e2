# shellcheck shell=sh
# Put before the scripts that look at the processes of a backend (their line "# with: backend-processes.sh").

# Some systems keep ss where a plain user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin

# started PID: whether that process runs; `start` is then its start in clock ticks since boot, which tells it from a later process with
# the same id.
started() {
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name, in parentheses, may hold anything.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  case $1 in Z | X | x) return 1 ;; esac
  start=${20}
}

# still PID:START: whether that very process still runs.
still() {
  started "${1%:*}" && [ "$start" = "${1#*:}" ]
}

# named PID_FILE: whether the process that it names runs; `pid` and `start` are then its own.
named() {
  pid=
  { read -r pid <"$1" || [ -n "$pid" ]; } 2>/dev/null || return 1
  case $pid in '' | 0* | *[!0-9]* | ???????????*) return 1 ;; esac
  started "$pid"
}

# children PID: `kids` are then the ids of its child processes.
children() {
  kids=
  { read -r kids <"/proc/$1/task/$1/children"; } 2>/dev/null || :
}

# words PID: its command line, one argument a line.
words() {
  { tr '\n\0' ' \n' <"/proc/$1/cmdline"; } 2>/dev/null || :
}

# through_current PID ROOT REAL_ROOT [KEY]: what of its command line or environment makes it import code by way of the link `current`. A
# worker that is born later imports what the link names by then, so that its working folder tells nothing. Prints one per line, KEY
# before it. The interpreter's and the program's own paths are no such thing. (Gunicorn takes a PWD that names its folder for the
# folder's name.)
through_current() {
  # Mostly neither has the word, which one process tells.
  grep -qs current "/proc/$1/cmdline" "/proc/$1/environ" || return 0
  words "$1" | awk -v key="${4:-}" 'NR > 2 && /(^|[\/=:])current(\/|$)/ { print key $0 }'
  { tr '\n\0' ' \n' <"/proc/$1/environ"; } 2>/dev/null |
    awk -v root="$2/current" -v real="$3/current" -v key="${4:-}" '
      /^(PWD|PYTHONPATH|PYTHONHOME|GUNICORN_CMD_ARGS)=/ && (index($0, root) || index($0, real)) { print key substr($0, 1, 300) }'
}
