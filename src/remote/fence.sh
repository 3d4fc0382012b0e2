# shellcheck shell=sh
# Raises the fence and does nothing else: on every host when a lease is taken, and after a lost link. When it answers, what an earlier
# operator, or an earlier call, had in hand on this host has ended, and none of it comes any more.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
# Prints `fence TOKEN SEQUENCE HOLDER`, what was seen before (0 0 - the first time). Exits 75, 76, 78 as common.sh.
fenced "$1" "$2" "$3" "$4"
# shellcheck disable=SC2154 # `fenced` sets them
printf 'fence %s %s %s\n' "$seen_token" "$seen_sequence" "$seen_holder"
