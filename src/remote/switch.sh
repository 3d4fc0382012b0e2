# shellcheck shell=sh
# with: staging.sh backend-processes.sh clock.sh slots.sh log-end.sh
# shellcheck disable=SC2154 # `pid` and `start` are set by `named` and `started`
# Takes a slot to which nothing is sent to a release: links, end of what runs there, and the new process seen.
# FOLDER TOKEN SEQUENCE HOLDER, then
# ROOT RELEASE PORT PID_FILE SLOT_FILE RESTART DEADLINE_MS restart|keep host|slot [LOG]...
# SLOT_FILE: holds the wrapper's id, or - where the site keeps its own program (then PID_FILE is its own).
# RESTART: shell text for a manager that restarts by a command; - for one that starts again by itself what was ended by TERM.
# restart: also when the release runs already, but not twice under one TOKEN: where a link is lost in the middle, this script is met again,
# and what it had begun has been done meanwhile. FOLDER/switched-PORT remembers `TOKEN BOOT PID:START` of what it started.
# host: it is the host's only slot, and `current` names what it serves. slot: another one serves meanwhile; this one's link names the
# release itself, and `current` stays (linger.sh).
# LOG: where the end of the application's log may be found, as application-log.sh takes it.
# Prints `RELEASE runs already as process PID`, or `RELEASE runs as process PID: stopped in N ms, started in N ms` with a line for each
# thing that had to be mended. Exits 78 when the release is not complete here or what runs is not ours (nothing was changed), 1 when it
# does not run at the deadline; the end of the application's log is on standard error then.
fenced "$1" "$2" "$3" "$4"
started_by=$1/switched-$7 lingers=$1/linger-$7 token=$2
shift 4
root=$1 release=$2 port=$3 pid_file=$4 slot_file=$5 restart=$6 deadline=$7 force=$8 of=$9
shift 9

# release_of PID: the name of the release that its working folder is in; nothing, if it is in none.
release_of() {
  cwd=$(readlink "/proc/$1/cwd" 2>/dev/null) || return 0
  case $cwd in "$real"/*) cwd=${cwd#"$real/"} && printf '%s\n' "${cwd%%/*}" ;; esac
}

# ours PID: whether it is this user's.
ours() {
  [ "$(stat -c %u "/proc/$1" 2>/dev/null)" = "$(id -u)" ]
}

# wrapper: whether it runs; `pid` is then its own.
wrapper() {
  named "$slot_file" && words "$pid" | grep -q run-slot
}

# listens PID: whether it accepts connections on the port: whoever asks now waits for a worker, and is not refused.
listens() {
  ss -Htlnp "( sport = :$port )" 2>/dev/null | grep -q "pid=$1,"
}

# failed LOG...: tells the end of the log and `reason`.
failed() {
  log_end "$@" >&2
  die 1 "$reason"
}

# orphans: workers that outlived their master and hold the port: a new one could not listen, or they would answer with the old release.
# They are found by the port, this user and the app's folders; whatever else listens there is not ours to end.
orphans() {
  children "$1"
  family=" $1 $kids "
  for left in $(ss -Htlnp "( sport = :$port )" 2>/dev/null | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -un); do
    case $family in *" $left "*) continue ;; esac
    if ours "$left" && [ -n "$(release_of "$left")" ] && started "$left"; then printf '%s:%s\n' "$left" "$start"; fi
  done
}

known "$release"
[ -f "$root/$release/release.json" ] || die 78 "$release is not complete on this host"
key=$(sed -n 's/.*"virtualenv":"\([0-9a-f]*\)".*/\1/p' "$root/$release/release.json")
[ -f "$root/virtualenvs/${key:-none}/complete" ] || die 78 "$release lacks its virtual environment on this host"
real=$(cd -P "$root" && pwd)

old='' family=''
if named "$pid_file"; then
  master=$pid old=$pid:$start
  ours "$master" || die 78 "process $master ($pid_file) is another user's: the service must run as $(id -un)"
  words "$master" | grep -Fq -e gunicorn -e "$root" || [ -n "$(release_of "$master")" ] ||
    die 78 "process $master, which $pid_file names, is not the application: $(words "$master" | tr '\n' ' ' | head -c 200)"
  children "$master"
  for child in $kids; do
    if started "$child"; then family="$family $child:$start"; fi
  done
fi

# The links first: whatever starts from here on, for whatever reason, is the release.
if [ "$of" = host ]; then
  follow "$release"
  serves=../current
else
  rm -f "$lingers"
  serves=../$release
fi
if [ "$slot_file" != - ] && [ "$(readlink "$root/slots/$port" 2>/dev/null)" != "$serves" ]; then
  mkdir -p "$root/slots"
  relink "$serves" "$root/slots/$port"
fi
sync "$root" "$root/slots" 2>/dev/null || sync "$root"

# Started by this very command already?
if [ "$force" = restart ] && [ -n "$old" ] &&
  [ "$(cat "$started_by" 2>/dev/null)" = "$token $(cat /proc/sys/kernel/random/boot_id) $old" ]; then
  force=keep
fi

left=$(orphans "${master:-0}")
if [ "$force" != restart ] && [ -n "$old" ] && [ -z "$left" ] && [ "$(release_of "$master")" = "$release" ] &&
  [ -z "$(through_current "$master" "$root" "$real")" ]; then
  echo "$release runs already as process $master"
  exit 0
fi

clock
began=$now
if [ -n "$left" ]; then
  for one in $left; do kill -s TERM "${one%:*}" 2>/dev/null || :; done
  sleep 0.5
  for one in $left; do
    if still "$one"; then kill -s KILL "${one%:*}" 2>/dev/null || :; fi
    echo "ended process ${one%:*}, which had outlived its master and held port $port"
  done
fi
if [ "$restart" != - ]; then
  # What it starts must not hold the lock, nor the streams of this script, which would hold the ssh channel.
  said=$root/.orchestrate/restart.out
  if ! timeout "$((deadline / 1000 + 1))" sh -c "$restart" </dev/null >"$said" 2>&1 9>&-; then
    tail -n 20 "$said" >&2
    die 1 "\`$restart\` failed"
  fi
elif [ -n "$old" ]; then
  kill -s TERM "$master" || die 1 "process $master can't be ended"
  wake "$master" "$root/virtualenvs/$key/bin/python"
fi
# shellcheck disable=SC2086 # a list
if ! gone $old $family; then
  reason="process $master and its workers have not ended $((deadline / 1000)) s after TERM"
  failed "$@"
fi
clock
stopped=$now
# It may be resting: between two starts of a release that ended at once, or because there was nothing to serve.
woken='' ended=''
while :; do
  if [ "$slot_file" != - ] && [ -z "$woken" ] && wrapper; then
    kill -s USR1 "$pid" && woken=yes
  fi
  if named "$pid_file" && [ "$pid:$start" != "$old" ]; then
    runs=$(release_of "$pid")
    if [ "$runs" = "$release" ] && listens "$pid"; then
      clock
      # Where it can't be written, a restart may come twice: no harm is done.
      printf '%s %s %s\n' "$token" "$(cat /proc/sys/kernel/random/boot_id)" "$pid:$start" 2>/dev/null >"$started_by" || :
      echo "$release runs as process $pid: stopped in $(((stopped - began) * 10)) ms, started in $(((now - stopped) * 10)) ms"
      exit 0
    fi
    # Started just before the link was changed.
    if [ "$slot_file" != - ] && [ -n "$runs" ] && [ "$runs" != "$release" ] && [ "$pid:$start" != "$ended" ]; then
      ended=$pid:$start
      kill -s TERM "$pid" 2>/dev/null || :
    fi
  fi
  clock
  if [ "$slot_file" != - ] && [ -z "$woken" ] && [ $((now - stopped)) -gt 500 ]; then
    die 1 "no wrapper runs for port $port ($slot_file): install the service, or see why its manager does not start it"
  fi
  [ $((now - began)) -lt $((deadline / 10)) ] || break
  sleep 0.02
done
reason="$release does not run on port $port $((deadline / 1000)) s after it was asked to start"
if named "$pid_file" && [ "$pid:$start" != "$old" ]; then
  reason="process $pid runs in $(readlink "/proc/$pid/cwd" || echo 'a folder that may not be read') and does not listen on port $port as $release"
fi
failed "$@"
