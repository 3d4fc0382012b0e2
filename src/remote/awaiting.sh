# shellcheck shell=sh
# Waits, on a balancer, until no worker is still connecting to backends that have left rotation: a POST that waited for a dead neighbour
# may reach one seconds after the flip. None in two looks 200 ms apart. Changes nothing.
#   SECONDS ADDRESS:PORT...   how long at the most; the backends, IPv6 addresses in brackets
# Prints `awaiting N`, and for each that is left `connection LOCAL PEER`. Exits 0 when none is left, 1 when some are at the deadline.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
deadline=$1
shift
filter=
for backend in "$@"; do filter="${filter:+$filter or }dst $backend"; done
clear=0
read -r uptime _ </proc/uptime
end=$((${uptime%.*} + deadline))
while :; do
  left=$(ss -Htn state syn-sent "( $filter )")
  if [ -z "$left" ]; then clear=$((clear + 1)); else clear=0; fi
  if [ "$clear" -eq 2 ]; then
    echo 'awaiting 0'
    exit 0
  fi
  read -r uptime _ </proc/uptime
  if [ "${uptime%.*}" -ge "$end" ] && [ -n "$left" ]; then break; fi
  sleep 0.2
done
printf '%s\n' "$left" | awk '{ print "connection", $3, $4 } END { print "awaiting", NR }'
exit 1
