# shellcheck shell=sh
# with: clock.sh generation.sh adding-up.sh follower.sh
# What the follower on a balancer has added up, from a place on; and leaves word that somebody watches. A follower that has died is started
# again. Changes no routing.
#   FOLDER NAME OFFSET MOST HOW   NAME: the canary; OFFSET: the `at` of the last look, 0 at first; MOST: bytes at once;
#                                 HOW: `watch`, or `read` for who only reads what was added up
# Prints `following yes|no`, `armed yes|no`, `live NUMBER`, then `at OFFSET` and the windows, one JSON object a line (whole lines only).
# Exits 77 when another canary is followed, or none.
dir=$1/follow
umask 077
read -r followed 2>/dev/null <"$dir/what" || followed=
if [ "$5" = watch ]; then
  [ "$followed" = "$2" ] || die 77 'this canary is not followed any more'
  clock
  # shellcheck disable=SC2154 # `clock` sets it
  printf '%s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$((now / 100))" >"$dir/watched.$$"
  mv -T "$dir/watched.$$" "$dir/watched"
  begin_following "$1"
fi
if follows "$dir"; then echo 'following yes'; else echo 'following no'; fi
armed=no
if [ -s "$dir/armed" ] && [ -s "$1/fence" ]; then
  read -r armed_token armed_sequence armed_holder _ <"$dir/armed"
  read -r fence <"$1/fence"
  [ "$fence" != "$armed_token $armed_sequence $armed_holder" ] || armed=yes
fi
printf 'armed %s\nlive %s\n' "$armed" "$(live_generation "$1")"
[ -e "$dir/windows" ] || {
  echo 'at 0'
  exit 0
}
# The end is marked, so that a line which is just being written, or which the bound cuts, is left for the next look.
{ tail -c "+$(($3 + 1))" "$dir/windows" | head -c "$4" && printf '\n#'; } | awk -v from="$3" '
  NR > 2 { used += length(before) + 1; text = text before "\n" }
  { before = last; last = $0 }
  END {
    print "at", from + used
    printf "%s", text
  }'
