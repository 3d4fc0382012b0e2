# shellcheck shell=sh
# with: clock.sh
# Tells the follower on a balancer (follower.sh) what to do when nobody watches the canary for two minutes: to let `live` name a prepared
# generation, with everybody back; or what to do when an A/B window is over, whoever watches. Any later script under the fence disarms it, so each change of a canary ends with this one.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   EXPECTED NUMBER [SECONDS]      the generation that serves now, and the one that everybody is sent by; SECONDS: until the window is over
# Prints a sentence. Exits 77 when another serves, 78 when NUMBER was not prepared (75, 76: common.sh).
fenced "$1" "$2" "$3" "$4"
[ -d "$1/follow" ] || die 78 'nothing follows the access log'
serves=$(readlink "$1/live")
[ "$serves" = "generations/$5" ] || die 77 "${serves#generations/} serves, not $5"
[ -s "$1/generations/$6/record.json" ] || die 78 "generation $6 was not prepared"
umask 077
clock
# shellcheck disable=SC2154 # `clock` sets it
printf '%s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$((now / 100))" >"$1/follow/watched.$$"
mv -T "$1/follow/watched.$$" "$1/follow/watched"
end=''
# By the uptime: a clock that is set changes nothing. Not a part of a second too early.
if [ -n "${7-}" ]; then end=" $(cat /proc/sys/kernel/random/boot_id) $((now / 100 + $7 + 1))"; fi
printf '%s %s %s %s %s%s\n' "$2" "$3" "$4" "$5" "$6" "$end" >"$1/follow/armed.$$"
mv -T "$1/follow/armed.$$" "$1/follow/armed"
if [ -n "${7-}" ]; then echo "everybody is sent to one side in $7 s"; else echo 'everybody is sent back when nobody watches for 2 minutes'; fi
