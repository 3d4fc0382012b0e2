#!/bin/sh
# Process 1 of a host: starts what the host is for, then reaps what is left to it.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mkdir -p /run/sshd /run/lock
chmod 1777 /run/lock
. /etc/fleet/settings
ip link set lo up
# As tmpfiles.d would.
[ "$backend" != yes ] || install -d -o deploy -g deploy "/run/$app"
umask "$umask"
if [ -n "$cgroup" ]; then
  sh -c 'echo $$ >"$1/cgroup.procs" && exec /usr/sbin/sshd -D -f /etc/ssh/sshd_config' sh "$cgroup" </dev/null &
else
  /usr/sbin/sshd -D -f /etc/ssh/sshd_config </dev/null &
fi
umask 022
[ "$balancer" != yes ] || /usr/sbin/nginx </dev/null
[ "$backend" != yes ] || /usr/bin/supervisord -n -c /etc/supervisor/fleet.conf </dev/null >/dev/null 2>&1 &
# Also what is no child of this shell is reaped by its wait.
while :; do
  wait
  sleep 1
done
