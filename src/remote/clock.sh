# shellcheck shell=sh
# shellcheck disable=SC2034 # whoever calls it reads `now`
# Put before the scripts that wait for something (their line "# with: clock.sh").

# clock: `now` is then the hundredths of a second since boot. (A 1 in front of 08 keeps it from being octal.)
clock() {
  read -r uptime _ </proc/uptime
  now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
}
