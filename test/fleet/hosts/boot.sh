#!/bin/sh
# Starts one of the tests' hosts inside namespaces that are new already (mount, uts, pid, ipc; the network's is around them), and becomes
# its process 1.
#   STATE NAME BASE HIDDEN...   STATE: the fleet's folder (a tmpfs). BASE: what hosts have of their own, laid over the machine's root.
#                               HIDDEN: folders of the machine that a host must not see
# STATE/hosts/NAME/upper is the host's disk: it survives a power cut.
set -eu
state=$1 name=$2 base=$3
shift 3
host=$state/hosts/$name
hostname "$name"
mkdir -p "$host/upper" "$host/work" "$host/root"
mount -t overlay overlay -o "lowerdir=$base:/,upperdir=$host/upper,workdir=$host/work" "$host/root"
root=$host/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
for folder in run tmp "$@"; do
  [ ! -d "$root/$folder" ] || mount -t tmpfs -o mode=755 tmpfs "$root/$folder"
done
chmod 1777 "$root/tmp"
[ ! -d /var/cache/orchestrate-test ] || true
exec chroot "$root" /bin/sh /etc/fleet/start
