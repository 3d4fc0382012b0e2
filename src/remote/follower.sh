# shellcheck shell=sh
# shellcheck disable=SC2154,SC3013 # `now` is set by `clock`; dash, bash and busybox know -ef
# Put before follow.sh and watch.sh, with adding-up.sh, clock.sh and generation.sh. The follower is a detached process on a balancer, for as long as a canary lives: it reads the access
# log, adds up each window (adding-up.sh), and sends everybody back when nobody watches any more. All that it needs and tells is in
# FOLDER/follow, which only the operator's user may read: client addresses never leave the balancer.
#   what      NAME, LOG, HEALTH, WIDTH, GOALS (`-`: a canary) and ARMS, a line each: written by follow.sh; without it the follower ends
#   windows   what was added up, one JSON object a line
#   erred     the clients that have erred
#   reached   the clients that came, and came to a goal, in an A/B window
#   watched   BOOT UPTIME: when a watcher last looked
#   armed     FENCE EXPECTED NUMBER: what to do when nobody does; behind it BOOT UPTIME: what to do then, whoever watches (arm.sh)
#   running   is locked by the one that runs

# follows DIR: whether a follower runs.
follows() {
  [ -e "$1/running" ] && ! (flock -n 8) 8>>"$1/running"
}

# begin_following FOLDER: starts one, which reads what is logged from now on. Nothing, where one runs.
begin_following() {
  exec 8>>"$1/follow/running"
  flock -n 8 || return 0
  {
    read -r name
    read -r log
    read -r health
    read -r width
    read -r goals
    read -r arms
  } <"$1/follow/what"
  exec 3<"$log"
  # It reads from where the end is now. (With `-c 0` tail would not even look.)
  tail -c 1 <&3 >/dev/null
  (
    trap '' HUP
    trap - PIPE
    following "$1" "$1/follow"
  ) </dev/null >/dev/null 2>&1 9>&- &
  exec 3<&- 8>&-
}

# following FOLDER DIR: the follower itself.
following() {
  reached=$2/reached
  if [ "$goals" = - ]; then goals='' reached=''; fi
  read_log "$1" "$2" | adding_up "$arms" "$health" "$width" "$2/erred" "$goals" "$reached" >>"$2/windows"
}

# read_log FOLDER DIR: what is written to the log (descriptor 3) from now on, and the @ lines of adding-up.sh. Ends with the canary.
# The file is held open: what is renamed is read to its end, and as long as it grows; what is truncated is read anew.
read_log() {
  live=none old_quiet=10 position=0
  # One that comes after another has not seen what was logged in between.
  [ ! -s "$2/windows" ] || printf '@ gap %s\n' "$(date +%s)"
  while read -r still <"$2/what" && [ "$still" = "$name" ]; do
    if ! [ "$1/live" -ef "$1/generations/$live" ]; then
      live=$(readlink "$1/live") live=${live#generations/}
      buckets=$(find "$1/generations/$live/" -maxdepth 1 -name '[0-9][0-9]' \
        \( -lname '*/groups/canary-*' -o -lname '*/groups/closing-canary-*' \) -printf .)
      printf '@ live %s %s %s\n' "$live" "${#buckets}" "$(date +%s)"
    fi
    if [ "$old_quiet" -lt 10 ]; then
      read -r _ before </proc/self/fdinfo/4
      cat <&4 || return 0
      read -r _ position </proc/self/fdinfo/4
      if [ "$position" = "$before" ]; then old_quiet=$((old_quiet + 1)); else old_quiet=0; fi
    fi
    read -r _ before </proc/self/fdinfo/3
    cat <&3 || return 0
    read -r _ position </proc/self/fdinfo/3
    printf '\n@ tick %s\n' "$(date +%s)" || return 0
    if [ -e "$log" ] && ! [ "$log" -ef /proc/self/fd/3 ]; then
      # Renamed: Nginx writes to the old one until it is told.
      exec 4<&3 3<"$log"
      old_quiet=0
    elif [ "$position" = "$before" ] && [ "$(stat -L -c %s "$log" 2>/dev/null || echo "$position")" -lt "$position" ]; then
      exec 3<"$log"
      printf '@ gap %s\n' "$(date +%s)"
    fi
    if [ -e "$2/armed" ]; then unwatched "$1" "$2"; fi
    sleep 1
  done
}

# unwatched FOLDER DIR: sends everybody to one side when no watcher has looked for two minutes, or when an A/B window is over. Only while the fence is exactly the one that armed
# it and what serves is what served then: whoever took the lease since knows better.
unwatched() {
  clock
  read -r boot </proc/sys/kernel/random/boot_id
  read -r armed_token armed_sequence armed_holder expected number end_boot end_at <"$2/armed"
  if [ -n "$end_boot" ]; then
    if [ "$end_boot" != "$boot" ] || [ $((now / 100)) -lt "$end_at" ]; then return; fi
  else
    watched_boot='' watched_at=0
    if [ -s "$2/watched" ]; then read -r watched_boot watched_at <"$2/watched"; fi
    if [ "$watched_boot" = "$boot" ] && [ $((now / 100 - watched_at)) -lt 120 ]; then return; fi
  fi
  read -r fence <"$1/fence"
  [ "$fence" = "$armed_token $armed_sequence $armed_holder" ] || return 0
  (
    exec 9>>"$1/lock"
    flock -w 5 9 || exit 0
    read -r fence <"$1/fence"
    [ "$fence" = "$armed_token $armed_sequence $armed_holder" ] || exit 0
    flip_generation "$1" "$expected" "$number"
    rm -f "$2/armed"
  ) || :
}
