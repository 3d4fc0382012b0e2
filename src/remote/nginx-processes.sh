# shellcheck shell=sh
# Put before the scripts that look at the processes of Nginx. Nothing here needs a right beyond reading /proc.

# Debian keeps nginx and ss where a plain user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# nginx_master PID_FILE: its process id; nothing, if there is none, or several and no pid file that says which. PID_FILE: a path,
# or - to look in /run/nginx.pid.
nginx_master() {
  pid_file=$1
  [ "$pid_file" != - ] || pid_file=/run/nginx.pid
  master=
  if { read -r master <"$pid_file"; } 2>/dev/null && grep -qs '^nginx: master process' "/proc/$master/cmdline"; then
    echo "$master"
    return
  fi
  if [ "$1" = - ]; then
    # shellcheck disable=SC2046
    set -- $(grep -ls '^nginx: master process' /proc/[0-9]*/cmdline || :)
    if [ $# -eq 1 ]; then
      master=${1#/proc/}
      echo "${master%/cmdline}"
    fi
  fi
}

# nginx_children MASTER [KEY]: a line for each of its workers, `PID START STATE`, KEY before it; STATE: serving, or ending (it is
# shutting down).
# START, in clock ticks since boot, tells a process from a later one with the same id.
nginx_children() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v master="$1" -v key="${2:-}" '
    { rest = $0; sub(/.*\) /, "", rest); split(rest, f, " ") }
    f[2] == master && f[1] != "Z" {
      file = "/proc/" $1 "/cmdline"; title = ""
      getline title < file; close(file)
      if (title ~ /^nginx: worker process is shutting down/) print key $1, f[20], "ending"
      else if (title ~ /^nginx: worker process/) print key $1, f[20], "serving"
    }'
}

# nginx_upgrading PID_FILE: whether a binary upgrade is under way: the pid file of the old master, or a master below a master.
nginx_upgrading() {
  pid_file=$1
  [ "$pid_file" != - ] || pid_file=/run/nginx.pid
  [ -e "$pid_file.oldbin" ]
}
