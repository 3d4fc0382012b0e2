# shellcheck shell=sh
# with: backend-processes.sh
# shellcheck disable=SC2154 # `pid` and `start` are set by `named` and `started`
# What is so on a backend, in one look. Changes nothing, and does not mind what is missing.
#   ROOT RUN      the app's folder; the folder of the wrapper's pid files
#   PID_FILE      of the site's own program, or -: there is a wrapper for each slot
#   PYTHON        the interpreter that virtual environments are made with
#   PORT...       of the slots
# Prints lines `key value`; a key that has nothing to say is absent:
#   boot ID · uptime SECONDS · user NAME · python VERSION · platform NAME LIBC · lacks COMMAND (each)
#   root writable|foreign|creatable|missing PATH (the real one) · free BYTES INODES · fence TOKEN SEQUENCE HOLDER
#   one-way RELEASE (it brought a migration that is not additive)
#   current TARGET · previous TARGET (as the links say; `(no link)` for something else)
#   release NAME JSON · incomplete NAME · virtualenv KEY (the complete ones)
#   run writable|foreign|missing
# and of each slot:
#   slot PORT TARGET · wrapper PORT PID · listening PORT
#   master PORT PID START CWD · worker PORT PID START CWD (START in clock ticks since boot; CWD - where it may not be read)
#   linger PORT BOOT UNTIL (what served there before runs on until then, in seconds since boot)
#   command PORT TEXT · through PORT WORDS (code that it imports by way of `current`)
# Exits 0.
root=$1 run=$2 pid_file=$3 python=$4
shift 4

printf 'boot %s\n' "$(cat /proc/sys/kernel/random/boot_id)"
read -r uptime _ </proc/uptime
printf 'uptime %s\nuser %s\n' "$uptime" "$(id -un)"
# Both are part of a virtual environment's key. (-S: no site, which takes most of the time.)
"$python" -I -S -c '
import os, sys, sysconfig
libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
print("python", sys.version.split()[0])
print("platform", sysconfig.get_platform(), libc or sysconfig.get_config_var("SOABI") or "-")
' 2>/dev/null || printf 'lacks %s\n' "$python"
for tool in flock tar gzip awk ss timeout; do
  command -v "$tool" >/dev/null || printf 'lacks %s\n' "$tool"
done

# state FOLDER: its state, and of a missing one whether it could be made.
state() {
  if [ -d "$1" ]; then
    if [ -w "$1" ] && [ -x "$1" ]; then echo writable; else echo foreign; fi
    return
  fi
  above=$1
  while [ ! -e "$above" ]; do above=$(dirname "$above"); done
  if [ -d "$above" ] && [ -w "$above" ]; then echo creatable; else echo missing; fi
}
real=$(cd -P "$root" 2>/dev/null && pwd) || real=$root
printf 'root %s %s\n' "$(state "$root")" "$real"
there=$root
while [ ! -e "$there" ]; do there=$(dirname "$there"); done
df -B1 --output=avail,iavail "$there" 2>/dev/null | awk 'NR == 2 { print "free", $1, ($2 == "-" || $2 == 0 ? 1000000 : $2) }'
if [ -s "$root/.orchestrate/fence" ]; then printf 'fence %s\n' "$(head -n 1 "$root/.orchestrate/fence")"; fi

if [ -s "$root/.orchestrate/one-way" ]; then printf 'one-way %s\n' "$(head -n 1 "$root/.orchestrate/one-way")"; fi

# link KEY PATH
link() {
  if [ -L "$2" ]; then
    printf '%s %s\n' "$1" "$(readlink "$2")"
  elif [ -e "$2" ]; then
    printf '%s (no link)\n' "$1"
  fi
}
link current "$root/current"
link previous "$root/previous"
for folder in "$root"/[0-9]*-[0-9]*-*; do
  if [ -L "$folder" ] || [ ! -d "$folder" ]; then continue; fi
  if [ -f "$folder/release.json" ]; then
    printf 'release %s %s\n' "${folder##*/}" "$(head -c 20000 "$folder/release.json" | tr -d '\n')"
  else
    printf 'incomplete %s\n' "${folder##*/}"
  fi
done
for mark in "$root"/virtualenvs/*/complete; do
  if [ -f "$mark" ]; then
    mark=${mark%/complete}
    printf 'virtualenv %s\n' "${mark##*/}"
  fi
done
printf 'run %s\n' "$(state "$run" | sed 's/creatable/missing/')"

# process KEY PORT PID START
process() {
  if ! cwd=$(readlink "/proc/$3/cwd" 2>/dev/null); then
    started "$3" || return 0
    cwd=-
  fi
  printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$4" "$cwd"
}
for port in "$@"; do
  link "slot $port" "$root/slots/$port"
  if [ -s "$root/.orchestrate/linger-$port" ]; then printf 'linger %s %s\n' "$port" "$(head -n 1 "$root/.orchestrate/linger-$port")"; fi
  file=$pid_file
  if [ "$pid_file" = - ]; then
    file=$run/$port.pid
    if named "$run/$port.slot" && words "$pid" | grep -q run-slot; then printf 'wrapper %s %s\n' "$port" "$pid"; fi
  fi
  if [ -n "$(ss -Htln "( sport = :$port )" 2>/dev/null)" ]; then printf 'listening %s\n' "$port"; fi
  named "$file" || continue
  process master "$port" "$pid" "$start"
  for child in $(children "$pid"); do
    if started "$child"; then process worker "$port" "$child" "$start"; fi
  done
  printf 'command %s %s\n' "$port" "$(words "$pid" | tr '\n' ' ' | head -c 2000)"
  through_current "$pid" "$root" "$real" | sed "s/^/through $port /"
done
