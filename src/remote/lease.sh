# shellcheck shell=sh
# The lease of an app's balancer: who may change the fleet, and until when. Its end is told in this boot's uptime, so that no clock that
# jumps matters; after a reboot it runs one term from boot. It has a lock of its own, so that renewing never waits for a long script.
#   acquire FOLDER HOLDER TOKEN TERM DETAILS   takes it when it is free, lapsed, or this holder's already
#   break   FOLDER HOLDER TOKEN TERM DETAILS   takes it from whoever holds it
#   renew   FOLDER HOLDER TOKEN TERM           a term from now, if it is still this holder's with this token
#   release FOLDER HOLDER TOKEN                gives it up, if it is this holder's; what it was stays readable
#   show    FOLDER
# TERM: whole seconds. DETAILS: one JSON object on one line, made by the operator (host, command, since), kept as it is.
# Prints `boot ID`, `uptime SECONDS`, `fence TOKEN SEQUENCE HOLDER`, and `lease JSON` (none before the first) as they are when it ends.
# Exits 76 when another's lease lives, 75 when it is no longer this holder's or the token is not above all that this host has seen,
# 78 when it can't be written.

tell() {
  printf 'boot %s\nuptime %s\n' "$boot" "$uptime"
  if [ -s "$folder/fence" ]; then printf 'fence %s\n' "$(cat "$folder/fence")"; fi
  if [ -s "$folder/lease.json" ]; then printf 'lease %s\n' "$(cat "$folder/lease.json")"; fi
}

# answer CODE WORDS...: what is so, then out.
answer() {
  answer_code=$1
  shift
  tell
  die "$answer_code" "$@"
}

# write TOKEN HOLDER TERM UNTIL DETAILS
write() {
  (umask 027 && printf '{"token":%s,"holder":"%s","term":%s,"boot":"%s","until":%s,"details":%s}\n' \
    "$1" "$2" "$3" "$boot" "$4" "$5" >"$folder/lease.json.new") || die 78 "cannot write $folder/lease.json"
  sync "$folder/lease.json.new"
  mv -T "$folder/lease.json.new" "$folder/lease.json"
}

# plain NUMBER: digits, few enough for the shell to count with.
plain() {
  case $1 in
  *[!0-9]* | '' | ????????????????*) die 78 "\"$1\" is no number" ;;
  esac
}

action=$1 folder=$2
if [ "$action" != show ]; then
  holder=$3 token=$4
  plain "$token"
  case $holder in
  *[!A-Za-z0-9._-]* | '') die 78 "\"$holder\" is no holder" ;;
  esac
  [ -d "$folder" ] || mkdir -p "$folder" || die 78 "cannot make $folder"
  # A lock that others may open is one that others may hold.
  umask 077
  { exec 8>>"$folder/lease.lock"; } 2>/dev/null || die 78 "cannot write $folder/lease.lock"
  umask 022
  flock -w 10 8 || die 76 "another lease.sh holds $folder/lease.lock for more than 10 s"
fi
read -r boot </proc/sys/kernel/random/boot_id
read -r uptime _ </proc/uptime
now=${uptime%.*}
had_token='' had_holder='' had_term=0 had_boot='' had_until=0
if [ -s "$folder/lease.json" ]; then
  # Its keys stand in a fixed order, and the details come last: nothing in them can be taken for one.
  had=$(sed -n 's/^{"token":\([0-9]\{1,15\}\),"holder":"\([A-Za-z0-9._-]\{1,\}\)","term":\([0-9]\{1,15\}\),"boot":"\([0-9a-f-]\{1,\}\)","until":\([0-9]\{1,15\}\),"details":{.*}}$/\1 \2 \3 \4 \5/p' "$folder/lease.json")
  [ -n "$had" ] || [ "$action" = show ] || answer 78 "$folder/lease.json is not one that orchestrate wrote"
  read -r had_token had_holder had_term had_boot had_until <<EOF
$had
EOF
fi

case $action in
acquire | break)
  term=$5 details=$6
  plain "$term"
  case $details in
  '{'*'}') ;;
  *) die 78 'the details are no JSON object' ;;
  esac
  # A lease whose boot is gone runs one term from this boot on; one that was given up (until 0) is over.
  if [ -z "$had_token" ] || [ "$had_until" -eq 0 ]; then
    ends=0
  elif [ "$had_boot" = "$boot" ]; then
    ends=$had_until
  else
    ends=$had_term
  fi
  if [ "$action" = acquire ] && [ "$had_holder" != "$holder" ] && [ "$now" -lt "$ends" ]; then answer 76 "another holds the lease for $((ends - now)) s more"; fi
  seen=${had_token:-0}
  if [ "$had_holder" = "$holder" ]; then seen=$((seen - 1)); fi
  if [ -s "$folder/fence" ]; then
    read -r fence_token _ fence_holder <"$folder/fence"
    if [ "$fence_holder" = "$holder" ]; then fence_token=$((fence_token - 1)); fi
    if [ "$fence_token" -gt "$seen" ]; then seen=$fence_token; fi
  fi
  [ "$token" -gt "$seen" ] || answer 75 "token $token is not above $seen, which this host has seen"
  write "$token" "$holder" "$term" $((now + term + 1)) "$details"
  sync "$folder"
  ;;
renew | release)
  if [ "$had_holder" != "$holder" ] || [ "$had_token" != "$token" ]; then
    [ "$action" = renew ] || { tell && exit 0; }
    answer 75 'the lease is another operator'\''s now'
  fi
  details=$(sed 's/^{.*"until":[0-9]*,"details":\({.*}\)}$/\1/' "$folder/lease.json")
  if [ "$action" = release ]; then
    write "$token" "$holder" "$had_term" 0 "$details"
  else
    [ "$had_until" -ne 0 ] || answer 75 'the lease was given up'
    plain "$5"
    write "$token" "$holder" "$5" $((now + $5 + 1)) "$details"
  fi
  ;;
show) ;;
*) die 78 "\"$action\" is no action" ;;
esac
tell
