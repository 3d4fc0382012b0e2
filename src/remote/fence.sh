# shellcheck shell=sh
# Raises the fence: on every host when a lease is taken, and after a lost link. When it answers, what an earlier operator, or an earlier
# call, had in hand on this host has ended, and none of it comes any more. So the temporary names that are left there belong to nobody (a
# script was killed, a host lost its power), and are removed; nothing else is.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   [SECONDS]                      how long to wait for the lock: a script whose link was cut may run on for minutes. Default: common.sh's
# Prints `fence TOKEN SEQUENCE HOLDER`, what was seen before (0 0 - the first time). That it waits is said on standard error.
# Exits 75, 76, 78 as common.sh.
# shellcheck disable=SC2034 # `fenced` reads it
[ $# -lt 5 ] || lock_wait=$5
fenced "$1" "$2" "$3" "$4"
rm -rf "$1/incoming" "$1/lanes.new" "$1"/generations/new-* "$1"/generations/old-* "$1"/live.[0-9]* "$1"/fence.[0-9]* "$1"/linger-*.[0-9]*
# Of a backend, where FOLDER is ROOT/.orchestrate.
case $1 in
*/.orchestrate) rm -f "${1%/*}"/current.[0-9]* "${1%/*}"/previous.[0-9]* "${1%/*}"/slots/*.[0-9]* ;;
esac
# shellcheck disable=SC2154 # `fenced` sets them
printf 'fence %s %s %s\n' "$seen_token" "$seen_sequence" "$seen_holder"
