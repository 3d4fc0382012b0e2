# shellcheck shell=sh
# Stands before every script of this folder. Nothing here changes a host until `fenced` is called.
#
# Exit codes beyond 0 and 1 (src/core/outcome.ts has the same list):
#   75 another operator has taken over   76 the lock is busy   77 what was observed is no longer so   78 refused, nothing was changed
set -eu
umask 022
LC_ALL=C
export LC_ALL

# die CODE WORDS...: the reason on standard error, then out.
die() {
  code=$1
  shift
  printf '%s\n' "$*" >&2
  exit "$code"
}

# fenced FOLDER TOKEN SEQUENCE HOLDER
# Takes the host's lock (descriptor 9, for as long as this script lives) and raises the fence. Every script that changes something
# calls it first. A host refuses whoever is not above the highest (token, sequence) that it has seen, and a second holder of one token:
# so an operator who was asleep while another took over can change nothing.
# What a script starts and leaves running must be given 9>&-, or it holds the lock for ever.
# `lock_wait`, where it is set before: seconds to wait for the lock at the most, 50 if nobody says otherwise.
fenced() {
  # When the link is cut, what this script prints goes nowhere. It must not be killed for it: then no trap would take anything back.
  trap '' PIPE
  if [ ! -d "$1" ]; then
    mkdir -p "$1" || die 78 "cannot make $1"
    case $1 in */.orchestrate) chmod 700 "$1" ;; esac
  fi
  # A lock that others may open, to read it even, is one that others may hold.
  umask 077
  exec 9>>"$1/lock" || die 78 "cannot write $1/lock"
  lock_wait=${lock_wait:-50}
  flock -w "$((lock_wait < 5 ? lock_wait : 5))" 9 ||
    { [ "$lock_wait" -gt 5 ] &&
      printf 'another script has %s/lock: waiting for its end, %s s at the most\n' "$1" "$lock_wait" >&2 &&
      flock -w "$((lock_wait - 5))" 9; } ||
    die 76 "another script holds $1/lock for more than $lock_wait s"
  seen_token=0 seen_sequence=0 seen_holder=-
  if [ -s "$1/fence" ]; then read -r seen_token seen_sequence seen_holder <"$1/fence"; fi
  if [ "$2" -lt "$seen_token" ] ||
    { [ "$2" -eq "$seen_token" ] && { [ "$4" != "$seen_holder" ] || [ "$3" -le "$seen_sequence" ]; }; }; then
    die 75 "token $2 step $3 of $4 comes after token $seen_token step $seen_sequence of $seen_holder: another operator has taken over"
  fi
  if ! { printf '%s %s %s\n' "$2" "$3" "$4" >"$1/fence.$$" && mv -T "$1/fence.$$" "$1/fence"; } 2>/dev/null; then
    rm -f "$1/fence.$$"
    die 78 "cannot write $1/fence: $(df -Pk "$1" | awk 'NR == 2 { print $4 }') kB are free there"
  fi
  umask 022
}

# relink TARGET LINK: a symbolic link replaced by one rename, and read back. (Without -T, mv would move into the old target.)
relink() {
  rm -f "$2.$$"
  ln -s "$1" "$2.$$"
  mv -T "$2.$$" "$2"
  [ "$(readlink "$2")" = "$1" ] || die 1 "$2 is not what was just written"
}
