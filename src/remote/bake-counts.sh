# shellcheck shell=sh
# Adds up what a balancer's access log says of each backend, in slices of 5 s, from where the last look ended. Changes nothing.
#   LOG OFFSET INODE   the file; `at` of the last look, or `- -` to begin at the end
#   HOW                `whole`: only slices that are over (the rest is left for the next look), or `all`
# Prints `slice EPOCH ADDRESS REQUESTS ERRORS`, a line for each backend in each slice that has requests, then `at OFFSET INODE`, `strange N`
# (lines of another format) and, when lines were lost to rotation, `gap yes`. Exits 78 when the log can't be read.
# An attempt counts for the backend that it reached. An error is a status of 500-599 or no answer, unless the client gave up (499);
# a client (its address) errs at most once a slice, over all backends: one bot must not fail a roll.
log=$1 offset=$2 inode=$3 how=$4
[ -r "$log" ] || die 78 "cannot read $log"
now=$(date +%s)
if [ "$how" = all ]; then until=$((now + 86400)); else until=$(((now - 1) / 5 * 5)); fi

# count FILE OFFSET: its slices, then `used BYTES` and `odd LINES`.
count() {
  # The end is marked, so that a line which is just being written is left for the next look.
  { tail -c +$(($2 + 1)) "$1" && printf '\n#'; } | awk -v until="$until" '
    function take(line,   f, slice, attempts, statuses, s, i, status, failed) {
      if (over) return
      split(line, f, "\"")
      if (f[2] != "time" || f[6] != "upstream" || f[14] != "upstream_status") {
        odd++
        used += length(line) + 1
        return
      }
      if (f[4] >= until + 0) {
        over = 1
        return
      }
      used += length(line) + 1
      slice = int(f[4] / 5) * 5
      attempts = split(f[8], addresses, /, | : /)
      split(f[16], statuses, /, | : /)
      for (i = 1; i <= attempts; i++) {
        requests[slice " " addresses[i]]++
        status = statuses[i]
        failed = status ~ /^5[0-9][0-9]$/ || (status !~ /^[0-9]+$/ && !(f[12] == 499 && i == attempts))
        if (failed && !((slice, f[40]) in erred)) {
          erred[slice, f[40]]
          errors[slice " " addresses[i]]++
        }
      }
    }
    NR > 2 { take(before) }
    { before = last; last = $0 }
    END {
      for (key in requests) print "slice", key, requests[key], errors[key] + 0
      print "used", used + 0
      print "odd", odd + 0
    }'
}

found=$(stat -L -c '%i %s' "$log")
size=${found#* } current=${found% *}
if [ "$offset" = - ]; then
  offset=$size inode=$current
fi
{
  if [ "$inode" != "$current" ]; then
    # Rotated: the rest of the old file first, where it still is one.
    old=$(find "${log%/*}/" -maxdepth 1 -inum "$inode" ! -name '*.gz' 2>/dev/null | head -n 1)
    if [ -n "$old" ] && [ -r "$old" ]; then count "$old" "$offset"; else echo 'gap yes'; fi
    echo new
    offset=0
  elif [ "$size" -lt "$offset" ]; then
    echo 'gap yes'
    offset=0
  fi
  printf 'from %s\n' "$offset"
  count "$log" "$offset"
} | awk -v inode="$current" '
  $1 == "slice" { print }
  $1 == "gap" { gap = 1 }
  $1 == "new" { used = 0 }
  $1 == "from" { from = $2 }
  $1 == "used" { used = $2 }
  $1 == "odd" { odd += $2 }
  END {
    print "at", from + used, inode
    print "strange", odd + 0
    if (gap) print "gap yes"
  }'
