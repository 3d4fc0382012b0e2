# shellcheck shell=sh
# with: backend-processes.sh memory.sh
# shellcheck disable=SC2154 # `pid` is set by `named`
# What this user may do on a backend, and who keeps the application alive; observe-backend.sh tells the rest. Changes nothing.
#   ROOT RUN PID_FILE   release.root; the folder of the pid files; the pid file of the site's own program, or - for the wrapper
#   PYTHON              what makes virtual environments on this host, or - where none are made
#   ENV_FILE STATIC     the environment file; the folder of published static files, or -
#   NAME FILES          the service's name; the folder of supervisor's programs, or - to look for it
#   WRAPPER UNIT        where run-slot.sh should be; the systemd unit to ask about, or -
#   PORT...
# Prints lines `key value`; a key that has nothing to say is absent:
#   user NAME · lacks TOOL · temporary writable|foreign
#   alien PATH OWNER (in ROOT, not this user's) · size KILOBYTES (of the present release with its virtual environment)
#   memory KILOBYTES (available) · module venv|ensurepip|pip yes|no
#   env readable|unreadable|missing MODE OWNER · envline NUMBER (it is not KEY=value)
#   tmpfiles yes|no (whether RUN is made anew at boot) · runner SHA256|missing (of WRAPPER)
#   owner PORT slot|master USER (of that process) · stale PORT FILE (it names no process)
#   uses PORT KILOBYTES (memory, workers included) · listens PORT ADDRESS OURS|OTHERS
#   static writable|makeable|foreign|missing
#   program FILE · supervisor KEY=VALUE · unit KEY=VALUE (of the service, as far as they can be read)
# Exits 0.
root=$1 run=$2 own=$3 python=$4 env_file=$5 static=$6 name=$7 files=$8 wrapper=$9
shift 9
unit=$1
shift

printf 'user %s\n' "$(id -un)"
for tool in flock ss awk tar gzip sed grep base64 sha256sum truncate mktemp stat readlink sync timeout mkfifo tee; do
  command -v "$tool" >/dev/null || printf 'lacks %s\n' "$tool"
done
# Of GNU: a rename that never moves into a folder, and a list with where links lead.
mv --help 2>/dev/null | grep -q -e '-T' || echo 'lacks mv -T'
find / -maxdepth 0 -printf '' 2>/dev/null || echo 'lacks find -printf'
if [ -w "${TMPDIR:-/tmp}" ] && [ -x "${TMPDIR:-/tmp}" ]; then echo 'temporary writable'; else echo 'temporary foreign'; fi

if [ -d "$root" ]; then
  find "$root" -maxdepth 2 ! -user "$(id -u)" ! -type l ! -path "$root/shared/*" -printf 'alien %p %u\n' 2>/dev/null | head -n 3
  key=$(sed -n 's/.*"virtualenv":"\([0-9a-f]*\)".*/\1/p' "$root/current/release.json" 2>/dev/null) || key=''
  if [ -n "$key" ] && [ -d "$root/virtualenvs/$key" ]; then
    { du -skc "$root/current/" "$root/virtualenvs/$key/" 2>/dev/null || :; } | awk '$2 == "total" { print "size", $1 }'
  fi
fi
free=$(available)
[ -z "$free" ] || printf 'memory %s\n' "$free"
if [ "$python" != - ]; then
  for module in venv ensurepip pip; do
    if "$python" -I -c "import $module" 2>/dev/null; then echo "module $module yes"; else echo "module $module no"; fi
  done
fi

if [ -r "$env_file" ]; then
  printf 'env readable %s\n' "$(stat -L -c '%a %U' "$env_file")"
  # Numbers alone: what stands in this file is secret.
  awk '{ sub(/\r$/, "") } $0 != "" && !/^#/ && !/^[A-Za-z_][A-Za-z0-9_]*=/ && n++ < 5 { print "envline", NR }' "$env_file"
elif [ -e "$env_file" ]; then
  printf 'env unreadable %s\n' "$(stat -L -c '%a %U' "$env_file")"
else
  echo 'env missing'
fi

if grep -qsE "^[dD]!?[[:space:]]+${run}[[:space:]/]" /etc/tmpfiles.d/*.conf /usr/lib/tmpfiles.d/*.conf /run/tmpfiles.d/*.conf; then
  echo 'tmpfiles yes'
else
  echo 'tmpfiles no'
fi
if [ -x "$wrapper" ] && [ -r "$wrapper" ]; then
  sum=$(sha256sum "$wrapper")
  printf 'runner %s\n' "${sum%% *}"
else
  echo 'runner missing'
fi

# owner PORT WORD PID_FILE
owner() {
  if named "$3"; then
    printf 'owner %s %s %s\n' "$1" "$2" "$(stat -c %U "/proc/$pid" 2>/dev/null)"
  else
    pid=''
    if [ -e "$3" ]; then printf 'stale %s %s\n' "$1" "$3"; fi
  fi
}
for port in "$@"; do
  pid_file=$own
  if [ "$own" = - ]; then
    owner "$port" slot "$run/$port.slot"
    pid_file=$run/$port.pid
  fi
  owner "$port" master "$pid_file"
  if [ -n "$pid" ]; then
    uses=$(taken "$pid")
    [ "$uses" -eq 0 ] || printf 'uses %s %s\n' "$port" "$uses"
  fi
  # -p shows the processes of this user alone.
  { ss -Hltnp "( sport = :$port )" 2>/dev/null || :; } |
    awk -v port="$port" '{ sub(/:[0-9]+$/, "", $4); print "listens", port, $4, (/users:/ ? "OURS" : "OTHERS") }' | sort -u
done

if [ "$static" != - ]; then
  if [ -d "$static" ]; then
    if [ -w "$static" ] && [ -x "$static" ]; then echo 'static writable'; else echo 'static foreign'; fi
  else
    near=${static%/*}
    while [ -n "$near" ] && [ ! -d "$near" ]; do near=${near%/*}; done
    if [ -w "${near:-/}" ]; then echo 'static makeable'; else echo 'static missing'; fi
  fi
fi

if [ "$files" = - ]; then
  set -- /etc/supervisor/conf.d/*.conf /etc/supervisor/supervisord.conf /etc/supervisord.conf /etc/supervisord.d/*
else
  set -- "$files"/*
fi
for file in "$@"; do
  if [ -f "$file" ] && [ -r "$file" ]; then
    awk -v wanted="[program:${name%%:*}]" -v file="$file" '
      /^\[/ {
        inside = index($0, wanted) == 1
        if (inside) print "program", file
      }
      inside && /^(autostart|autorestart|startsecs|user|command|stopsignal)[ \t]*=/ {
        line = $0
        sub(/[ \t]+;.*/, "", line)
        sub(/[ \t]*=[ \t]*/, "=", line)
        print "supervisor", substr(line, 1, 400)
      }' "$file"
  fi
done
if [ "$unit" != - ] && command -v systemctl >/dev/null; then
  { timeout 10 systemctl show "$unit" -p LoadState,ActiveState,Restart,User,StartLimitIntervalUSec 2>/dev/null </dev/null || :; } | sed 's/^/unit /'
fi
