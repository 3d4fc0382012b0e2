# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Sends a complete release from the builder, and its virtual environment to hosts that lack it, as one compressed stream. Only reads.
# ROOT RELEASE [KEY]: with KEY the virtual environment goes along.
# Prints: a tar.gz with its digest behind, for unpack.sh. Exits 78 when release or virtual environment is not complete.
root=$1 release=$2 key=${3:-}
known "$release" "$key"
[ -f "$root/$release/release.json" ] || die 78 "$release is not complete on this host"
if [ -z "$key" ]; then
  deliver -C "$root" "$release"
else
  [ -f "$root/virtualenvs/$key/complete" ] || die 78 "virtual environment $key is not complete on this host"
  deliver -C "$root" "$release" "virtualenvs/$key"
fi
