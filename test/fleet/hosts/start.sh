#!/bin/sh
# Process 1 of a host: starts what the host is for, then reaps what is left to it. Descriptor 8 is the control group of ssh.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mkdir -p /run/sshd /run/lock
chmod 1777 /run/lock
balancer='' backend='' umask=''
# shellcheck source=/dev/null
. /etc/fleet/settings
# As systemd-tmpfiles does at each boot.
cat /etc/tmpfiles.d/*.conf 2>/dev/null | while read -r kind path mode owner _; do
  [ "$kind" != d ] || install -d -m "$mode" -o "$owner" "$path"
done
# In this order: whoever finds sshd listening finds Nginx there too.
[ "$balancer" != yes ] || /usr/sbin/nginx 8>&- </dev/null >/var/log/nginx/start.log 2>&1
[ "$backend" != yes ] || /usr/bin/supervisord -n -c /etc/supervisor/supervisord.conf 8>&- </dev/null >/dev/null 2>&1 &
umask "$umask"
sh -c 'echo 0 >&8; exec /usr/sbin/sshd -D -E /var/log/sshd.log 8>&-' </dev/null &
umask 022
exec 8>&-
# Also what is no child of this shell is reaped by its wait.
while :; do
  wait
  sleep 1
done
