# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Receives what pack.sh sends, on standard input. Length and digest are looked at before any rename; a release appears whole or not at all.
# FOLDER TOKEN SEQUENCE HOLDER, then ROOT RELEASE CODE KEY [PATH TARGET]...
# PATH TARGET: what the release links from ROOT/shared; missing targets are made.
# Prints: one sentence. Exits 1 when the stream was cut or damaged (nothing of it is kept), or the virtual environment is neither here
# nor in it.
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 release=$2 code=$3 key=$4
shift 4
known "$release" "$key"
if [ -f "$root/$release/release.json" ] && [ -f "$root/virtualenvs/$key/complete" ]; then
  # The end of a link that was cut may never be told here: nobody is to wait for it.
  exec 9>&-
  cat >/dev/null
  echo "$release is there"
  exit 0
fi
incoming=$root/.orchestrate/incoming
rm -rf "$incoming"
mkdir -p "$incoming/tree"
trap 'rm -rf "$incoming"' EXIT
# Ended from outside, when its stream broke off: a shell that a signal kills runs no other trap.
trap 'exit 1' HUP INT TERM
receive "$incoming/bytes"
size=$(wc -c <"$incoming/bytes")
tar -xzf "$incoming/bytes" -C "$incoming/tree" --no-same-owner || die 1 "$release can't be unpacked in $root"
rm -f "$incoming/bytes"
[ -f "$incoming/tree/$release/release.json" ] || die 1 "what arrived is not $release"
sync -f "$incoming/tree"
with=
if [ ! -f "$root/virtualenvs/$key/complete" ]; then
  [ -f "$incoming/tree/virtualenvs/$key/complete" ] || die 1 "this host lacks virtual environment $key, and it did not come along"
  clear_virtualenv "$root" "$key"
  mkdir -p "$root/virtualenvs"
  mv -T "$incoming/tree/virtualenvs/$key" "$root/virtualenvs/$key"
  with=' with its virtual environment'
fi
link_shared "$root" "$incoming/tree/$release/$code" "$@"
if [ ! -f "$root/$release/release.json" ]; then
  clear_release "$root" "$release"
  # As on the builder (receive-source.sh).
  chmod 750 "$incoming/tree/$release"
  mv -T "$incoming/tree/$release" "$root/$release"
fi
echo "$release is here$with: $((size / 1024)) kB received"
