# shellcheck shell=sh
# with: nginx-processes.sh
# What is so on a balancer, in one look. Changes nothing.
#   FOLDER FILE    the routing's folder; the configuration's file
#   KNOWN          sha256 of the text that the operator has already, or -: when the file is that text it is not sent
#   PID_FILE       of Nginx, or - to look for it
# Prints lines `key value`; a key that has nothing to say is absent:
#   boot ID · uptime SECONDS · version OF_NGINX · master PID · worker PID START serving|ending (each) · upgrade yes
#   folder writable|foreign|missing
#   live LINK (`none` without one; of ours it is generations/NUMBER) · record JSON (the live one's) · lane LANE GROUP (as its links say)
#   highest NUMBER (of the generations) · generation NUMBER SHA256_OF_RECORD (the live one and the newest 100)
#   flipped NUMBER SHA256_OF_RECORD [FORMER] (what `live` was made to name last: mark in generation.sh)
#   kept NUMBER JSON (the records of the newest six, where the live one is not what it was made)
#   lease JSON · fence TOKEN SEQUENCE HOLDER
#   file readable|unreadable|missing · sha256 HEX · text BASE64_OF_GZIP · former yes (a text put in and neither kept nor taken back)
# Exits 0.
folder=$1 file=$2 known=$3

read -r boot </proc/sys/kernel/random/boot_id
read -r uptime _ </proc/uptime
printf 'boot %s\nuptime %s\n' "$boot" "$uptime"
nginx -v 2>&1 | sed -n 's#^nginx version: nginx/#version #p' || :
master=$(nginx_master "$4")
if [ -n "$master" ]; then
  printf 'master %s\n' "$master"
  nginx_children "$master" 'worker '
fi
if nginx_upgrading "$4"; then echo 'upgrade yes'; fi

if [ ! -d "$folder" ]; then
  echo 'folder missing'
elif [ -w "$folder" ]; then
  echo 'folder writable'
else
  echo 'folder foreign'
fi
live=none
if [ -L "$folder/live" ]; then live=$(readlink "$folder/live"); elif [ -e "$folder/live" ]; then live='(no link)'; fi
printf 'live %s\n' "$live"
number=
case $live in
generations/*[!0-9]*) ;;
generations/?*)
  number=${live#generations/}
  if [ -r "$folder/live/record.json" ]; then printf 'record %s\n' "$(tr -d '\n' <"$folder/live/record.json")"; fi
  find "$folder/live/" -maxdepth 1 -type l ! -lname stable -printf 'lane %f %l\n' 2>/dev/null | sed 's#\.\./\.\./groups/##'
  ;;
esac
# Generations behind the live one are history, by which a balancer that was away is recognized; those above it are a flip that did not
# happen, or not yet.
numbers=$(cd "$folder/generations" 2>/dev/null && printf '%s\n' [0-9]* | awk '/^[0-9]+$/' | sort -n | tail -n 100) || :
live_sum=
if [ -n "$numbers" ]; then
  echo "highest ${numbers##*[!0-9]}"
  records=''
  for each in $numbers $number; do records="$records $each/record.json"; done
  # shellcheck disable=SC2086 # the names are digits
  sums=$(cd "$folder/generations" && sha256sum $records 2>/dev/null) || :
  # The live one may stand there twice, which says no more.
  while read -r sum name; do
    [ -n "$name" ] || continue
    name=${name%/record.json}
    printf 'generation %s %s\n' "$name" "$sum"
    [ "$name" != "$number" ] || live_sum=$sum
  done <<EOF
$sums
EOF
fi
flipped=
if [ -s "$folder/flipped" ]; then
  read -r flipped <"$folder/flipped" || :
  printf 'flipped %s\n' "$flipped"
fi
case "$flipped " in
"$number $live_sum "*) ;;
*)
  for name in $(printf '%s\n' "$numbers" | tail -n 6); do
    if [ -r "$folder/generations/$name/record.json" ]; then
      printf 'kept %s %s\n' "$name" "$(tr -d '\n' <"$folder/generations/$name/record.json")"
    fi
  done
  ;;
esac

if [ -s "$folder/lease.json" ]; then printf 'lease %s\n' "$(tr -d '\n' <"$folder/lease.json")"; fi
if [ -s "$folder/fence" ]; then printf 'fence %s\n' "$(tr -d '\n' <"$folder/fence")"; fi

if [ -r "$file" ]; then
  echo 'file readable'
  sum=$(sha256sum "$file")
  sum=${sum%% *}
  printf 'sha256 %s\n' "$sum"
  [ "$sum" = "$known" ] || printf 'text %s\n' "$(gzip -c "$file" | base64 -w0)"
elif [ -e "$file" ]; then
  echo 'file unreadable'
else
  echo 'file missing'
fi
if [ -e "$file.former" ]; then echo 'former yes'; fi
