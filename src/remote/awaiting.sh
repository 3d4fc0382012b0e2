# shellcheck shell=sh
# with: clock.sh
# shellcheck disable=SC2154 # `now` is set by `clock`
# Waits, on a balancer, until every request of before this moment has the backend that it will have. After a flip a worker may still be
# connecting for one that it took just before; and one that waits for a dead neighbour is passed on when its time is over: to a backend
# that has left rotation meanwhile, and may be restarting. So every connection is waited for that is being made now, to whichever
# backend, then once more (the next neighbour may be dead too; Nginx tries three). What begins later goes by the new routing, and is
# not waited for. Changes nothing. Once it is done, what is still to be answered shows on the backends: count there (drained.sh).
#   MILLISECONDS fail|proceed ADDRESS:PORT...   the deadline and what it means; all backends of the app, IPv6 addresses in brackets
# Prints `awaited N` (connections), and at the deadline for each that is left `connection LOCAL PEER`. Exits 1 at the deadline, or 0
# with `proceed`.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
deadline=$1 on_deadline=$2
shift 2
filter=
for backend in "$@"; do filter="${filter:+$filter or }dst $backend"; done

# Both ends of each connection that waits for its first answer.
connecting() {
  ss -Htn state syn-sent "( $filter )" | awk '{ print $(NF - 1), $NF }'
}

clock
began=$now count=0
sleep 0.1
for _ in 1 2; do
  left=$(connecting)
  [ -n "$left" ] || break
  count=$((count + $(printf '%s\n' "$left" | grep -c .)))
  while [ -n "$left" ]; do
    clock
    [ $(((now - began) * 10)) -lt "$deadline" ] || break 2
    sleep 0.1
    left=$({
      printf '%s\n' "$left"
      echo
      connecting
    } | awk '!NF { now = 1; next } !now { before[$0]; next } $0 in before')
  done
done
printf '%s\n' "$left" | awk 'NF { print "connection", $0 }'
echo "awaited $count"
[ -z "$left" ] || [ "$on_deadline" = proceed ] || die 1 "after $deadline ms Nginx still tries to reach a backend for requests of before the flip"
