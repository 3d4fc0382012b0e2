#!/bin/sh
# Starts one of the tests' hosts inside namespaces that are new already (mount, uts, pid, ipc, time; the network's is around them), and
# becomes its process 1.
#   STATE NAME CGROUP   STATE: the fleet's folder, on a tmpfs of its own: base is what its hosts have of their own, laid over the
#                       machine's root. CGROUP: where what comes in by ssh is put; may be empty
# STATE/hosts/NAME/upper is the host's disk: it survives a power cut.
set -eu
state=$1 name=$2 cgroup=$3
host=$state/hosts/$name root=$state/hosts/$name/root
hostname "$name"
rm -rf "$host/work"
mkdir -p "$host/upper" "$host/work" "$root"
mount -t overlay overlay -o "lowerdir=$state/base:/,upperdir=$host/upper,workdir=$host/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# Each boot has an id of its own, as on a real host; its uptime is the time namespace's.
cat /proc/sys/kernel/random/uuid >"$host/boot_id"
mount --bind "$host/boot_id" "$root/proc/sys/kernel/random/boot_id"
# Open before the root changes: no control group is seen in a host.
if [ -n "$cgroup" ]; then exec 8>"$cgroup/cgroup.procs"; else exec 8>/dev/null; fi
exec chroot "$root" /bin/sh /etc/fleet/start
