# shellcheck shell=sh
# with: adding-up.sh
# What users met in the last hour, by the end of the access log: for the forecast of a canary, and for t99. Changes nothing.
#   LOG HEALTH LINES ADDRESS...   HEALTH: the path of health probes; LINES: at the most; ADDRESS: of the backends' slots
# Prints `first EPOCH` and `now EPOCH`, then one window as in adding-up.sh, with all addresses in the arm `baseline`. Exits 78 when the log
# can't be read.
[ -r "$1" ] || die 78 "cannot read $1"
log=$1 health=$2 lines=$3
shift 3
now=$(date +%s)
arms=
for address in "$@"; do arms="$arms$address=baseline "; done
first=$(tail -n "$lines" "$log" | awk -F '"' -v since="$((now - 3600))" '
  $2 == "time" && $4 >= since {
    print int($4)
    exit
  }')
printf 'first %s\nnow %s\n' "${first:-$now}" "$now"
{
  printf '@ since %s\n' "${first:-$now}"
  tail -n "$lines" "$log"
  printf '\n@ end\n'
} | adding_up "$arms" "$health" 10000000000 ''
