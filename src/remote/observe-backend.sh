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

# A host of two cores may have twenty others beside it: what the shell can do itself costs a hundredth of one process more.
read -r boot </proc/sys/kernel/random/boot_id
read -r uptime _ </proc/uptime
printf 'boot %s\nuptime %s\nuser %s\n' "$boot" "$uptime" "$(id -un)"
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

# above PATH: `there` is then the nearest folder above it that is there, or itself.
above() {
  there=$1
  while [ ! -e "$there" ]; do
    there=${there%/*}
    [ -n "$there" ] || there=/
  done
}
# look FOLDER: its `state`, and of a missing one whether it could be made.
look() {
  if [ -d "$1" ]; then
    if [ -w "$1" ] && [ -x "$1" ]; then state=writable; else state=foreign; fi
  else
    above "$1"
    if [ -d "$there" ] && [ -w "$there" ]; then state=creatable; else state=missing; fi
  fi
}
real=$(cd -P "$root" 2>/dev/null && pwd) || real=$root
look "$root"
printf 'root %s %s\n' "$state" "$real"
above "$root"
df -B1 --output=avail,iavail "$there" 2>/dev/null | awk 'NR == 2 { print "free", $1, ($2 == "-" || $2 == 0 ? 1000000 : $2) }'
# told KEY FILE: its first line.
told() {
  if { read -r said <"$2"; } 2>/dev/null; then printf '%s %s\n' "$1" "$said"; fi
}
told fence "$root/.orchestrate/fence"
told one-way "$root/.orchestrate/one-way"

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
ports=$*
set --
for folder in "$root"/[0-9]*-[0-9]*-*; do
  if [ -L "$folder" ] || [ ! -d "$folder" ]; then continue; fi
  if [ -f "$folder/release.json" ]; then set -- "$@" "$folder/release.json"; else printf 'incomplete %s\n' "${folder##*/}"; fi
done
# One process for all of them; each is one line, and not too much of it.
[ $# -eq 0 ] || awk 'BEGIN {
  for (i = 1; i < ARGC; i++) {
    text = ""
    while (length(text) < 20000 && (getline line < ARGV[i]) > 0) text = text line
    close(ARGV[i])
    parts = split(ARGV[i], part, "/")
    if (text == "") print "incomplete", part[parts - 1]
    else print "release", part[parts - 1], substr(text, 1, 20000)
  }
}' "$@"
for mark in "$root"/virtualenvs/*/complete; do
  if [ -f "$mark" ]; then
    mark=${mark%/complete}
    printf 'virtualenv %s\n' "${mark##*/}"
  fi
done
look "$run"
[ "$state" != creatable ] || state=missing
printf 'run %s\n' "$state"

# process KEY PORT PID START
process() {
  if ! cwd=$(readlink "/proc/$3/cwd" 2>/dev/null); then
    started "$3" || return 0
    cwd=-
  fi
  printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$4" "$cwd"
}
for port in $ports; do
  link "slot $port" "$root/slots/$port"
  told "linger $port" "$root/.orchestrate/linger-$port"
  file=$pid_file
  if [ "$pid_file" = - ]; then
    file=$run/$port.pid
    if named "$run/$port.slot" && grep -qs run-slot "/proc/$pid/cmdline"; then printf 'wrapper %s %s\n' "$port" "$pid"; fi
  fi
  if [ -n "$(ss -Htln "( sport = :$port )" 2>/dev/null)" ]; then printf 'listening %s\n' "$port"; fi
  named "$file" || continue
  process master "$port" "$pid" "$start"
  children "$pid"
  for child in $kids; do
    if started "$child"; then process worker "$port" "$child" "$start"; fi
  done
  printf 'command %s %s\n' "$port" "$(words "$pid" | head -c 2000 | tr '\n' ' ')"
  through_current "$pid" "$root" "$real" "through $port "
done
