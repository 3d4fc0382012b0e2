# shellcheck shell=sh
# with: clock.sh
# shellcheck disable=SC2154 # `now` is set by `clock`
# Waits until no request is left on this backend: two looks 200 ms apart with no connection to the service's port, whoever the peer,
# loopback included. What waits in the listen backlog counts, for the kernel has it established; no connection is exempt as idle, for
# a request that is being worked on is silent in both directions. Needs no right, changes nothing.
# PORT DEADLINE_MS fail|proceed: what the deadline means
# Prints: `drained after N ms (M connections at first)`; or at the deadline one line per peer, with its connections and how long the
# oldest has been seen here. Exits 1 at the deadline, or 0 with `proceed`.
port=$1 deadline=$2 on_deadline=$3
PATH=$PATH:/usr/sbin:/sbin

# The peers' ends, `address:port` each.
look() {
  connections=$(ss -Htn state established state syn-recv "( sport = :$port )") || die 1 "ss can't tell the connections of port $port"
}

# How long each is seen: lines `PEER SINCE`, carried from look to look.
since() {
  printf '%s\n' "$seen" - "$connections" | awk -v now="$now" '
    !second { if ($1 == "-") second = 1; else if (NF) first[$1] = $2; next }
    NF { print $NF, ($NF in first ? first[$NF] : now) }'
}

clock
began=$now
seen='' quiet='' initially=''
while :; do
  look
  clock
  if [ -z "$initially" ]; then initially=$(printf %s "$connections" | grep -c . || :); fi
  if [ -z "$connections" ]; then
    seen=''
    [ -n "$quiet" ] || quiet=$now
    if [ $((now - quiet)) -ge 20 ]; then
      echo "drained after $(((now - began) * 10)) ms ($initially connections at first)"
      exit 0
    fi
    sleep 0.2
    continue
  fi
  quiet=''
  seen=$(since)
  [ $(((now - began) * 10)) -lt "$deadline" ] || break
  sleep 0.1
done

printf '%s\n' "$seen" | awk -v now="$now" -v port="$port" '
  { peer = $1; sub(/:[0-9]+$/, "", peer); sub(/^\[::ffff:/, "[", peer)
    if (peer ~ /^\[[0-9.]+\]$/) peer = substr(peer, 2, length(peer) - 2)
    if (!(peer in count) || $2 < oldest[peer]) oldest[peer] = $2
    count[peer]++ }
  END { for (peer in count) printf "%s still has %d connection%s to port %s, the oldest seen for %.1f s\n", peer, count[peer],
    (count[peer] == 1 ? "" : "s"), port, (now - oldest[peer]) / 100 }'
[ "$on_deadline" = proceed ] || die 1 "not drained within $deadline ms"
echo "not drained within $deadline ms: the restart goes on all the same (drain.on_deadline: proceed)"
