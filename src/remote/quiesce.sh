# shellcheck shell=sh
# Waits until the client connections that a balancer has at this moment are gone: after a flip to the closing twins each ends with its
# next answer, or when its keep-alive is over. Then a reload has nobody to cut off. Changes nothing.
#   SECONDS             how long at the most (the site's keepalive_timeout and 1)
#   PORT... | - STATUS  the ports that clients come to; - : those that Nginx's configuration listens on, but for the status server's
# Prints `connections N` (at the start), `left N`, and for each that is left `connection LOCAL PEER`: it is in a request, or HTTP/2,
# or Nginx keeps it longer than was said. Exits 0.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
deadline=$1
shift
if [ "$1" = - ]; then
  status=${2##*:}
  # What stands behind `listen` in any file of the configuration and really listens: a port, or address:port.
  # shellcheck disable=SC2046 # words
  set -- $(sed -n 's/^[[:space:]]*listen[[:space:]]\{1,\}\([^;[:space:]]*\).*/\1/p' $(find /etc/nginx -type f 2>/dev/null) /dev/null 2>/dev/null |
    sed 's/.*://' | grep -x '[0-9]\{1,5\}' | grep -vx "$status" | sort -u | while read -r port; do
    [ -z "$(ss -Hltn "sport = :$port")" ] || echo "$port"
  done)
  [ $# -gt 0 ] || set -- 80 443
fi
filter=
for port in "$@"; do filter="${filter:+$filter or }sport = :$port"; done
# What a worker has not accepted yet is established too.
clients() {
  ss -Htn state established state close-wait "( $filter )" | awk '{ print $(NF - 1), $NF }' | sort
}
left=$(clients)
printf '%s\n' "$left" | awk 'NF { n++ } END { print "connections", n + 0 }'
read -r uptime _ </proc/uptime
end=$((${uptime%.*} + deadline))
while [ -n "$left" ]; do
  read -r uptime _ </proc/uptime
  [ "${uptime%.*}" -lt "$end" ] || break
  sleep 0.2
  # A client that opened another one since is not waited for: the new one is closing too, with its first answer.
  left=$({
    printf '%s\n' "$left"
    echo
    clients
  } | awk '!NF { now = 1; next } !now { before[$0]; next } $0 in before')
done
printf '%s\n' "$left" | awk 'NF { n++; print "connection", $0 } END { print "left", n + 0 }'
