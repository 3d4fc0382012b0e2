# shellcheck shell=sh
# with: nginx-processes.sh
# Waits until no worker of an earlier configuration is left: each answers what it had begun, and may still send to a backend that the new
# configuration has out. Changes nothing.
#   SECONDS PID_FILE fail|proceed   how long at the most; of Nginx, or -; what to do when some are left then
# Prints `old workers gone after N s`, or `N old workers still answer ...` (proceed). Exits 1 when some are left at the deadline (fail), 78 when Nginx's processes can't be seen.
master=$(nginx_master "$2")
[ -n "$master" ] || die 78 'no master process of Nginx to be seen'
read -r uptime _ </proc/uptime
begun=${uptime%.*}
while :; do
  left=$(nginx_children "$master" | awk '$3 == "ending"' | wc -l)
  read -r uptime _ </proc/uptime
  took=$((${uptime%.*} - begun))
  if [ "$left" -eq 0 ]; then
    echo "old workers gone after $took s"
    exit 0
  fi
  if [ "$took" -ge "$1" ]; then
    said="$left old workers of Nginx still answer requests after $took s"
    [ "$3" = proceed ] || die 1 "$said"
    echo "$said: websockets, or what takes very long"
    exit 0
  fi
  sleep 0.1
done
