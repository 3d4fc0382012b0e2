# shellcheck shell=sh
# with: nginx-processes.sh
# What the end of a balancer's access log says of who was sent where. Changes nothing.
#   LOG LINES SINCE   the file; how many lines; requests that began before SINCE (seconds of the epoch) are left aside;
#                     - : those before the youngest worker of Nginx started, which an earlier configuration may have answered
# The log's format is that of templates/upstream.conf.hbs: its first fields stand in a fixed order and hold no quotes.
# Prints for each backend, the upstream by whose name it was reached and the root of the location that did it (without the lane)
# `pair COUNT ADDRESS GROUP ROOT HOST URI` (the last two of one such request; - for what is empty), then `lines N`, `strange N` (lines of another format). Exits 78 when the log can't be read.
[ -r "$1" ] || die 78 "cannot read $1"
since=$3
if [ "$since" = - ]; then
  master=$(nginx_master -)
  since=$({
    cat /proc/stat
    if [ -n "$master" ]; then nginx_children "$master"; fi
  } | awk '
    $1 == "btime" { boot = $2 }
    $3 == "serving" && $2 > latest { latest = $2 }
    END { printf "%d", boot + latest / 100 + 1 }')
fi
tail -n "$2" "$1" | awk -F '"' -v since="$since" '
  $2 != "time" || $6 != "upstream" || $26 != "group" { strange++; next }
  $4 - $24 < since { next }
  {
    lines++
    count = split($8, addresses, /, | : /)
    group = $28 == "" ? "-" : $28
    root = $32 == "" ? "-" : $32
    sub(/\/live\/(stable|canary|[0-9][0-9])$/, "/live", root)
    gsub(/ /, "?", root)
    host = $60 == "" ? "-" : $60
    for (i = 1; i <= count; i++) {
      key = addresses[i] " " group " " root
      pairs[key]++
      example[key] = host " " substr($64, 1, 200)
    }
  }
  END {
    for (key in pairs) print "pair", pairs[key], key, example[key]
    print "lines", lines + 0
    print "strange", strange + 0
  }'
