# shellcheck shell=sh
# Raises the fence and does nothing else: on every host when a lease is taken, and after a lost link. When it answers, what an earlier
# operator, or an earlier call, had in hand on this host has ended, and none of it comes any more.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   [SECONDS]                      how long to wait for the lock: a script whose link was cut may run on for minutes. Default: common.sh's
# Prints `fence TOKEN SEQUENCE HOLDER`, what was seen before (0 0 - the first time). That it waits is said on standard error.
# Exits 75, 76, 78 as common.sh.
# shellcheck disable=SC2034 # `fenced` reads it
[ $# -lt 5 ] || lock_wait=$5
fenced "$1" "$2" "$3" "$4"
# shellcheck disable=SC2154 # `fenced` sets them
printf 'fence %s %s %s\n' "$seen_token" "$seen_sequence" "$seen_holder"
