# shellcheck shell=sh
# with: staging.sh backend-processes.sh clock.sh slots.sh
# shellcheck disable=SC2154 # `pid`, `start` and `now` are set by `named`, `started` and `clock`
# The end of a change on a backend with two slots: `current` names what serves, and what the other slot runs goes on for a while, or ends.
# When its time is over it ends by itself, though nobody is there: what waits for that here acts under this host's lock, only while the
# fence is still exactly the one of this script (whatever was done to the host since has its own end), and only when two looks find no
# connection; else it looks again.
# FOLDER TOKEN SEQUENCE HOLDER, then
# ROOT RELEASE PORT PID_FILE SECONDS|- DEADLINE_MS
# RELEASE: what the host serves. PORT, PID_FILE: of its other slot. SECONDS: for which that runs on; 0: it is stopped now, and nothing may be
# sent to it any more; -: there is nothing.
# FOLDER/linger-PORT remembers `BOOT UNTIL` (seconds since boot), for those who look and for the next who holds the fence.
# Prints one sentence. Exits 78 when what runs is not ours (nothing was changed), 1 when it has not ended at the deadline.
fenced "$1" "$2" "$3" "$4"
folder=$1 fence="$2 $3 $4"
shift 4
root=$1 release=$2 port=$3 pid_file=$4 seconds=$5 deadline=$6
known "$release"
[ -d "$root/$release" ] || die 78 "$release is not on this host"
link=$root/slots/$port

# stop: the link first, so that the wrapper starts nothing; then TERM to what the pid file names. Where it names nothing though there was a
# link, the release ends and is started again and again, or is just being started: then TERM to what the wrapper has started.
stop() {
  clock
  began=$now
  ended=
  if named "$pid_file"; then [ "$(stat -c %u "/proc/$pid" 2>/dev/null)" = "$(id -u)" ] || return 2; fi
  linked=
  if [ -L "$link" ]; then linked=yes; fi
  rm -f "$link"
  if named "$pid_file"; then
    ended=$pid:$start
    python=$(readlink "/proc/$pid/exe")
    kill -s TERM "$pid" 2>/dev/null || :
    wake "$pid" "$python"
  elif [ -n "$linked" ] && named "${pid_file%.pid}.slot" && words "$pid" | grep -q run-slot; then
    real=$(cd -P "$root" && pwd)
    children "$pid"
    for child in $kids; do
      case $(readlink "/proc/$child/cwd" 2>/dev/null) in
      "$real"/*)
        if started "$child" && kill -s TERM "$child" 2>/dev/null; then ended="$ended $child:$start"; fi
        ;;
      esac
    done
  fi
  # shellcheck disable=SC2086 # a list
  gone $ended || return 1
  rm -f "$folder/linger-$port"
}

# quiet: whether no connection is left to the slot, in two looks.
quiet() {
  for _ in 1 2; do
    [ -z "$(ss -Htn state established state syn-recv "( sport = :$port )")" ] || return 1
    sleep 0.2
  done
}

# outlast: waits for the end of the time; a later fence ends it.
outlast() {
  while [ "$(cat "$folder/fence")" = "$fence" ]; do
    clock
    left=$((until - now / 100))
    if [ "$left" -gt 0 ]; then
      sleep "$((left < 20 ? left : 20))"
      continue
    fi
    exec 9>>"$folder/lock"
    if flock -w 5 9 && [ "$(cat "$folder/fence")" = "$fence" ] && quiet; then
      stop || :
      return
    fi
    exec 9>&-
    sleep 1
  done
}

# A slot that was the host's only one is still linked to `current`, which is about to name another release.
if [ "$(readlink "$link" 2>/dev/null)" = ../current ]; then
  relink "../$(readlink "$root/current")" "$link"
fi
follow "$release"
sync "$root"
for other in "$folder"/linger-*; do
  [ "$other" = "$folder/linger-$port" ] || rm -f "$other"
done

case $seconds in
-)
  rm -f "$folder/linger-$port"
  echo "$release is what current names"
  ;;
0)
  stop || {
    [ $? -eq 2 ] && die 78 "process $pid ($pid_file) is another user's: it can't be ended"
    die 1 "process ${ended%:*} has not ended $((deadline / 1000)) s after TERM"
  }
  echo "nothing runs on port $port any more"
  ;;
*)
  clock
  until=$((now / 100 + seconds))
  printf '%s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$until" >"$folder/linger-$port.$$"
  mv -T "$folder/linger-$port.$$" "$folder/linger-$port"
  (
    trap '' HUP
    outlast
  ) </dev/null >/dev/null 2>&1 9>&- &
  echo "what runs on port $port ends in $seconds s, or when somebody asks for it"
  ;;
esac
