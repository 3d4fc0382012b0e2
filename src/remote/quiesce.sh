# shellcheck shell=sh
# Waits until the client connections that a balancer has at this moment are gone: after a flip to the closing twins each ends with its
# next answer, or when its keep-alive is over. Then a reload has nobody to cut off. Changes nothing.
#   SECONDS PORT...   how long at the most (the site's keepalive_timeout and 1); the ports that clients come to
# Prints `connections N` (at the start), `left N`, and for each that is left `connection LOCAL PEER`: it is in a request, or HTTP/2,
# or Nginx keeps it longer than was said. Exits 0.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
deadline=$1
shift
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
