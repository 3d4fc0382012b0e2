# shellcheck shell=sh
# with: nginx-processes.sh
# Reloads Nginx, and proves it by its processes: every worker of before is gone or says that it is shutting down, and as many new ones
# serve. (Both answer for about 100 ms, so one answer would prove nothing.) Reloads of all apps on a host take one lock.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   RELOAD                         shell text, as "sudo nginx -s reload"
#   SECONDS                        how long it may take
#   PID_FILE                       of Nginx, or -
#   [FILE]                         the configuration that is to be loaded. Where this very text was loaded by a reload that was proved, and
#                                  those workers serve still, nothing is left to do: FOLDER/reloaded remembers it
# Prints `reloaded MILLISECONDS` or `loaded already`, then `ending N` (workers that still end). Exits 1 when it was not proved, 76 when
# another reload takes long, 78 when the processes can't be seen, or a binary upgrade is under way: nothing was done.
fenced "$1" "$2" "$3" "$4"
folder=$1
shift 4
reload=$1 seconds=$2 pid_file=$3 file=${4:-}
nginx_upgrading "$pid_file" && die 78 'a binary upgrade of Nginx is under way (nginx.pid.oldbin)'
master=$(nginx_master "$pid_file")
[ -n "$master" ] || die 78 "no master process of Nginx to be seen"

# Whoever reloads on this host, of whatever app. A read-only descriptor: /run/lock refuses to open another user's file for writing.
lock=/run/lock/orchestrate-reload.lock
if [ ! -e "$lock" ]; then { : >"$lock"; } 2>/dev/null || lock=$folder/reload.lock; fi
[ -e "$lock" ] || : >"$lock"
exec 7<"$lock"
flock -w 30 7 || die 76 'another reload of Nginx takes more than 30 s'

ticks() {
  read -r uptime _ </proc/uptime
  echo "${uptime%.*}${uptime#*.}"
}

# proof: the text, and who serves now.
proof() {
  printf '%s %s\n' "$text" "$(cat /proc/sys/kernel/random/boot_id)"
  nginx_children "$master" | awk '$3 == "serving" { print $1, $2 }' | sort
}
text=''
if [ -n "$file" ] && [ -r "$file" ]; then text=$(sha256sum <"$file"); fi
if [ -n "$text" ] && [ -s "$folder/reloaded" ] && [ "$(proof)" = "$(cat "$folder/reloaded")" ]; then
  printf 'loaded already\nending %s\n' "$(nginx_children "$master" | awk '$3 == "ending"' | wc -l)"
  exit 0
fi

before=$(nginx_children "$master" | awk '$3 == "serving" { printf "%s,%s ", $1, $2 }')
[ -n "$before" ] || die 78 'no worker process of Nginx to be seen'
begun=$(ticks)
sh -c "$reload" </dev/null 7<&- 9>&- >&2 || die 1 "\`$reload\` failed"
while :; do
  found=$(nginx_children "$master" | awk -v before="$before" '
    BEGIN { wanted = split(before, list, " "); for (i in list) old[list[i]] }
    $3 == "ending" { ending++; next }
    ($1 "," $2) in old { still++; next }
    { fresh++ }
    END { print still + 0, fresh + 0, wanted, ending + 0 }')
  # shellcheck disable=SC2086
  set -- $found
  took=$((($(ticks) - begun) * 10))
  # Fewer, once they stand for 2 s: somebody lowered worker_processes meanwhile.
  if [ "$1" -eq 0 ] && { [ "$2" -ge "$3" ] || { [ "$2" -gt 0 ] && [ "$took" -ge 2000 ]; }; }; then
    # Where it can't be written, a reload may come twice.
    if [ -n "$text" ]; then proof 2>/dev/null >"$folder/reloaded" || rm -f "$folder/reloaded"; fi
    printf 'reloaded %s\nending %s\n' "$took" "$4"
    exit 0
  fi
  if [ "$took" -ge $((seconds * 1000)) ]; then
    die 1 "after $seconds s, $1 workers of before still serve, and $2 new ones of $3: the reload failed; Nginx's error log says why"
  fi
  sleep 0.02
done
