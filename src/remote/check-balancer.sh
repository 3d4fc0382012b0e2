# shellcheck shell=sh
# with: nginx-processes.sh
# What this user may do on a balancer, and what of the site can be seen; observe-balancer.sh tells the rest. Changes nothing.
#   FOLDER FILE LOG APP   the routing's folder; the configuration's file; the access log; the app
#   STATIC                the folder of published static files, or -
#   TEST                  the command that tests Nginx's configuration, or - where no right to it is needed; it is run
#   PID_FILE SITES        of Nginx; the folder of its own configuration; - to look for them
# Prints lines `key value`; a key that has nothing to say is absent:
#   user NAME · lacks TOOL · temporary writable|foreign · nginx PATH · worker USER · since EPOCH (when the newest worker started)
#   closed folder|static PATH (the first folder on the way that Nginx's workers may not pass)
#   alien PATH OWNER (in the routing's folder, not this user's) · free KILOBYTES
#   file MODE OWNER (of the configuration, which may hold a secret)
#   beside writable|foreign|missing PATH (the folder of the configuration, where the new text is written before its rename)
#   static writable|makeable|foreign|missing
#   log readable|unreadable|missing|hidden OWNER GROUP MODE · last LINE
#   logline FILE:LINE (the directive that writes this log) · site FILE (it has the routing's root) · plain FILE (it passes to the bare app)
#   sudo LINE (of what `sudo -l` lists) · sudoless WORDS · test ok|failed · said LINE (the end of what the test said)
# Exits 0.
folder=$1 file=$2 log=$3 app=$4 static=$5 test=$6 pid_file=$7 sites=$8

printf 'user %s\n' "$(id -un)"
for tool in flock ss awk tar gzip sed grep base64 sha256sum truncate mktemp stat readlink sync timeout mkfifo tee cmp; do
  command -v "$tool" >/dev/null || printf 'lacks %s\n' "$tool"
done
# Of GNU: a rename that never moves into a folder, and a list with where links lead.
mv --help 2>/dev/null | grep -q -e '-T' || echo 'lacks mv -T'
find / -maxdepth 0 -printf '' 2>/dev/null || echo 'lacks find -printf'
if [ -w "${TMPDIR:-/tmp}" ] && [ -x "${TMPDIR:-/tmp}" ]; then echo 'temporary writable'; else echo 'temporary foreign'; fi
printf 'nginx %s\n' "$(command -v nginx || echo missing)"

worker='' worker_user='' worker_groups=''
master=$(nginx_master "$pid_file")
if [ -n "$master" ]; then
  newest=$(nginx_children "$master" | awk '$3 == "serving"' | sort -k 2 -n | tail -n 1)
  worker=${newest%% *}
fi
if [ -n "$worker" ]; then
  printf 'worker %s\n' "$(stat -c %U "/proc/$worker" 2>/dev/null)"
  newest=${newest#* }
  awk -v ticks="${newest%% *}" -v hertz="$(getconf CLK_TCK)" '$1 == "btime" { printf "since %.2f\n", $2 + ticks / hertz }' /proc/stat
  worker_user=$(awk '$1 == "Uid:" { print $3 }' "/proc/$worker/status")
  worker_groups=$(awk '$1 == "Gid:" { printf " %s ", $3 } $1 == "Groups:" { for (i = 2; i <= NF; i++) printf " %s ", $i }' "/proc/$worker/status")
fi

# closed WORD PATH: tells the first folder on the way to PATH, itself included, that the workers may not pass.
closed() {
  [ -n "$worker_user" ] && [ "$worker_user" != 0 ] || return 0
  word=$1
  rest=$(readlink -f "$2") || return 0
  set -- /
  at='' rest=${rest#/}
  while [ -n "$rest" ]; do
    at=$at/${rest%%/*}
    set -- "$@" "$at"
    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
  done
  { stat -c '%a %u %g %n' "$@" 2>/dev/null || :; } | awk -v uid="$worker_user" -v groups="$worker_groups" -v word="$word" '
    {
      mode = substr("00" $1, length($1))
      digit = substr(mode, $2 == uid ? 1 : index(groups, " " $3 " ") ? 2 : 3, 1)
      if (digit % 2 == 0) {
        print "closed", word, $4
        exit
      }
    }'
}

if [ -d "$folder" ]; then
  closed folder "$folder"
  find "$folder" -maxdepth 3 ! -user "$(id -u)" ! -type l -printf 'alien %p %u\n' 2>/dev/null | head -n 3
  df -Pk "$folder" 2>/dev/null | awk 'NR == 2 { print "free", $4 }'
fi

real=$(readlink -f "$file" 2>/dev/null) || real=$file
stat -c 'file %a %U' "$real" 2>/dev/null || :
beside=${real%/*}
if [ ! -d "$beside" ]; then
  printf 'beside missing %s\n' "$beside"
elif [ -w "$beside" ] && [ -x "$beside" ]; then
  printf 'beside writable %s\n' "$beside"
else
  printf 'beside foreign %s\n' "$beside"
fi

if [ "$static" != - ]; then
  if [ -d "$static" ]; then
    if [ -w "$static" ] && [ -x "$static" ]; then echo 'static writable'; else echo 'static foreign'; fi
    closed static "$static"
  else
    near=${static%/*}
    while [ -n "$near" ] && [ ! -d "$near" ]; do near=${near%/*}; done
    if [ -w "${near:-/}" ]; then echo 'static makeable'; else echo 'static missing'; fi
  fi
fi

if [ -e "$log" ]; then
  owner=$(stat -L -c '%U %G %a' "$log")
  if [ -r "$log" ]; then
    printf 'log readable %s\nlast %s\n' "$owner" "$(tail -n 1 "$log" | cut -c 1-4000)"
  else
    printf 'log unreadable %s\n' "$owner"
  fi
elif [ -d "${log%/*}" ] && [ -x "${log%/*}" ]; then
  echo 'log missing'
else
  printf 'log hidden %s\n' "$(stat -L -c '%U %G %a' "${log%/*}" 2>/dev/null)"
fi

# What of the site an ordinary user may read. sites-available says nothing of what is loaded.
if [ "$sites" = - ]; then
  sites=$(nginx -V 2>&1 | sed -n 's/.*--conf-path=\([^ ]*\)\/[^ /]*.*/\1/p') || sites=''
  [ -n "$sites" ] || sites=/etc/nginx
fi
# found PATTERN: lines of files, comments left out.
found() { grep -RIE --exclude-dir=sites-available "$@" "$sites/" 2>/dev/null || :; }
escaped=$(printf '%s' "$log" | sed 's/[.+]/\\&/g')
found "^[^#]*access_log[[:space:]]+$escaped([[:space:]]|;)" | sed 's/[[:space:]][[:space:]]*/ /g; s/^/logline /' | cut -c 1-400 | head -n 20
found -l "^[^#]*root[[:space:]]+[^;]*/live/[$][{]?${app}_lane" | sed 's/^/site /' | head -n 20
found -l "^[^#]*proxy_pass[[:space:]]+https?://${app}[/;]" | sed 's/^/plain /' | head -n 20

if command -v sudo >/dev/null; then
  if rights=$(timeout 10 sudo -n -l 2>&1 </dev/null); then
    printf '%s\n' "$rights" | sed 's/^/sudo /' | head -n 60
  else
    printf 'sudoless %s\n' "$(printf '%s' "$rights" | tail -n 1)"
  fi
else
  echo 'sudoless there is no sudo'
fi
if [ "$test" != - ]; then
  if said=$(timeout 20 sh -c "$test" 2>&1 </dev/null); then echo 'test ok'; else echo 'test failed'; fi
  printf '%s\n' "$said" | tail -n 3 | sed 's/^/said /'
fi
