# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Unpacks the code of a release on the builder: a commit's files, tar.gz with its digest behind, on standard input.
# FOLDER TOKEN SEQUENCE HOLDER, then ROOT RELEASE CODE (the code's folder inside a release; . is the release folder itself)
# Prints: one sentence. Exits 1 when the stream was cut or damaged (nothing of it is kept), 78 when the name is not ours to write.
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 release=$2 code=$3
known "$release"
if [ -f "$root/$release/release.json" ]; then
  # The end of a link that was cut may never be told here: nobody is to wait for it.
  exec 9>&-
  cat >/dev/null
  echo "the code of $release is there"
  exit 0
fi
incoming=$root/.orchestrate/incoming
rm -rf "$incoming"
mkdir -p "$incoming/tree/$code"
trap 'rm -rf "$incoming"' EXIT
# Ended from outside, when its stream broke off: a shell that a signal kills runs no other trap.
trap 'exit 1' HUP INT TERM
receive "$incoming/bytes"
tar -xzf "$incoming/bytes" -C "$incoming/tree/$code" --no-same-owner || die 1 "the code of $release can't be unpacked in $root"
clear_release "$root" "$release"
# The code is for this user alone, who runs it; what the world may read is published.
chmod 750 "$incoming/tree"
mv -T "$incoming/tree" "$root/$release"
echo "the code of $release is unpacked"
