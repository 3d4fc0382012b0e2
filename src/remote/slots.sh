# shellcheck shell=sh
# shellcheck disable=SC2154 # what stands before sets them
# Put before the scripts that change what a slot runs (their line "# with: backend-processes.sh clock.sh slots.sh"). `root`, `port`, `deadline`
# (milliseconds) and `began` (of `clock`) are theirs.

# follow RELEASE: `current` names it, and `previous` what it named.
follow() {
  current=$(readlink "$root/current" 2>/dev/null) || current=''
  [ "$current" != "$1" ] || return 0
  if [ -n "$current" ] && [ -d "$root/$current" ]; then relink "$current" "$root/previous"; fi
  relink "$1" "$root/current"
}

# gone PID:START...: waits until all of them are; fails when they are not in time.
gone() {
  for one in "$@"; do
    while still "$one"; do
      clock
      [ $((now - began)) -lt $((deadline / 10)) ] || return 1
      sleep 0.02
    done
  done
}

# wake MASTER PYTHON: threaded workers of Gunicorn see TERM only when their select ends, after a second or with the next connection. So
# connections are made, and closed unused, until the master has ended; where there is no Python for that, the second is waited for.
wake() {
  [ -x "$2" ] || return 0
  at=$(ss -Htln "( sport = :$port )" | awk 'NR == 1 { sub(/:[0-9]+$/, "", $4); gsub(/[][]/, "", $4); print $4 }')
  case $at in '0.0.0.0' | '*' | '') at=127.0.0.1 ;; '::') at=::1 ;; esac
  "$2" -I -S -c '
import os, socket, sys, time
master, address, port = sys.argv[1:]
for look in range(40):
    time.sleep(0.04)
    if not os.path.exists("/proc/" + master):
        break
    try:
        socket.create_connection((address, int(port)), 1).close()
    except OSError:
        break
' "$1" "$at" "$port" </dev/null >/dev/null 2>&1 9>&- &
}
