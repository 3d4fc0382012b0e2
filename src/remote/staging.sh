# shellcheck shell=sh
# Put into the scripts that make, send and receive releases (their line "# with: staging.sh").

# known RELEASE [KEY]: nothing is ever made, replaced or removed under a name that is not of ours.
known() {
  case $1 in
  [0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;;
  *) die 78 "$1 is not the name of a release" ;;
  esac
  case ${2:-0} in
  *[!0-9a-f]*) die 78 "$2 is not the key of a virtual environment" ;;
  esac
}

# clear_release ROOT RELEASE: removes a release that was left half-made (it has no release.json), never one that a link names.
clear_release() {
  [ -e "$1/$2" ] || return 0
  [ ! -f "$1/$2/release.json" ] || die 78 "$1/$2 is complete: it is not made again"
  for link in "$1/current" "$1/previous" "$1"/slots/*; do
    [ "$(readlink -f "$link" 2>/dev/null)" != "$(readlink -f "$1/$2")" ] ||
      die 78 "$1/$2 has no release.json, and yet $link names it: look at it by hand"
  done
  rm -rf "${1:?}/$2"
}

# clear_virtualenv ROOT KEY: removes one that was left half-made, never one that a complete release uses.
clear_virtualenv() {
  [ -e "$1/virtualenvs/$2" ] || return 0
  ! grep -qs "\"virtualenv\":\"$2\"" "$1"/*/release.json ||
    die 78 "$1/virtualenvs/$2 is not marked complete, and yet a release uses it: look at it by hand"
  rm -rf "${1:?}/virtualenvs/$2"
}

# receive FILE: standard input into FILE. Behind the bytes come 64 hex digits of their SHA-256 and a newline: a stream that was cut has
# not got them, one that was damaged has others. The end of a link that was cut without a word may never be told here, and this script
# would hold the lock for ever: so it gives up when nothing has come for 90 s. (`patience`: a ninth of that; tests have less.)
receive() {
  : >"$1" || die 1 "what arrives can't be written to $1"
  exec 6<&0
  cat <&6 >"$1" 9>&- &
  cat=$!
  {
    trap 'kill "$!"; exit' TERM
    came='' idle=0
    while [ "$idle" -lt 9 ]; do
      sleep "${patience:-10}" &
      wait "$!"
      had=$came came=$(stat -c %s "$1")
      if [ "$came" = "$had" ]; then idle=$((idle + 1)); else idle=0; fi
    done
    kill "$cat"
  } </dev/null >/dev/null 2>&1 6<&- 9>&- &
  watch=$!
  whole=yes
  wait "$cat" || whole=''
  kill "$watch" 2>/dev/null || :
  exec 6<&-
  [ -n "$whole" ] || die 1 "the stream was cut, or what arrives can't be written to $1"
  digest=$(tail -c 65 "$1" | tr -d '\0')
  case $digest in
  *[!0-9a-f]* | '') die 1 "the stream was cut: it has no digest at its end" ;;
  esac
  [ "${#digest}" -eq 64 ] || die 1 "the stream was cut: it has no digest at its end"
  truncate -s -65 "$1"
  [ "$(sha256sum <"$1")" = "$digest  -" ] || die 1 "what arrived is not what was sent: its digest differs"
}

# deliver TAR-ARGUMENTS...: a tar.gz on standard output as `receive` takes it. The digest is only put behind what is whole.
deliver() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT PIPE TERM
  mkfifo "$work/bytes"
  sha256sum <"$work/bytes" >"$work/digest" &
  # Level 1: a builder's processor is scarcer than the network, and level 6 takes twice as long for a seventh less.
  { tar -cf - "$@" && : >"$work/packed"; } | { gzip -1 && : >"$work/squeezed"; } | tee "$work/bytes"
  wait
  if [ ! -e "$work/packed" ] || [ ! -e "$work/squeezed" ]; then die 1 "packing failed: nothing of it is used"; fi
  cut -c 1-64 "$work/digest"
}

# link_shared ROOT CODE-FOLDER [PATH TARGET]...: links root/shared/TARGET into the code as PATH. What is missing in shared is made, a folder.
link_shared() {
  shared=$1/shared into=$2
  shift 2
  while [ $# -ge 2 ]; do
    if [ ! -e "$shared/$2" ]; then
      if [ -f "$into/$1" ] && [ ! -L "$into/$1" ]; then
        die 1 "$shared/$2 is missing, and $1 is a file in the code: put the file there on this host"
      fi
      mkdir -p "$shared/$2"
    fi
    if [ "$(readlink "$into/$1")" != "$shared/$2" ]; then
      rm -rf "${into:?}/$1"
      mkdir -p "$(dirname "$into/$1")"
      ln -s "$shared/$2" "$into/$1"
    fi
    shift 2
  done
}
