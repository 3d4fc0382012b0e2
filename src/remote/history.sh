# shellcheck shell=sh
# What commands have left behind on a balancer (journal.sh). Changes nothing.
#   list FOLDER LIMIT    the newest so many
#   show FOLDER NUMBER   one of them, whole
# Prints `boot ID`, `uptime SECONDS` and `lease JSON` first (who is at work now). Then, with list, for each command from the newest on:
# `command NUMBER`, `lines N`, `first JSON`, `finished JSON` (none where it died or is at work), `last JSON`; a line longer than 256 kB is
# cut. With show: `journal`, then the file as it is; nothing where there is none. Exits 78 when the folder can't be read.
action=$1 folder=$2
printf 'boot %s\n' "$(cat /proc/sys/kernel/random/boot_id)"
read -r uptime _ </proc/uptime
printf 'uptime %s\n' "$uptime"
if [ -s "$folder/lease.json" ]; then printf 'lease %s\n' "$(tr -d '\n' <"$folder/lease.json")"; fi
[ -d "$folder/journal" ] || exit 0
cd "$folder/journal" || die 78 "cannot go to $folder/journal"
case $action in
list)
  limit=$3
  case $limit in
  *[!0-9]* | '' | ?????*) die 78 "\"$limit\" is no limit" ;;
  esac
  # shellcheck disable=SC2046 # the names are digits
  set -- $(find . -maxdepth 1 -type f -size +0 -name '[0-9]*.ndjson' -printf '%f\n' | grep -x '[0-9]*\.ndjson' | sort -rn | head -n "$limit")
  [ $# -gt 0 ] || exit 0
  awk -v most=262144 '
    function told() {
      if (lines == 0) return
      printf "command %s\nlines %d\nfirst %s\n", name, lines, first
      if (finished != "") printf "finished %s\n", finished
      printf "last %s\n", last
    }
    FNR == 1 { told(); name = FILENAME; sub(/\.ndjson$/, "", name); lines = 0; first = substr($0, 1, most); finished = "" }
    { lines++; last = substr($0, 1, most) }
    /^[{]"at":"[^"]*","type":"finished",/ { finished = last }
    END { told() }' "$@"
  ;;
show)
  case $3 in
  *[!0-9]* | '') die 78 "\"$3\" is no command's number" ;;
  esac
  [ -s "$3.ndjson" ] || exit 0
  echo journal
  cat "$3.ndjson"
  ;;
*) die 78 "\"$action\" is no action" ;;
esac
