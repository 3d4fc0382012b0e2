# shellcheck shell=sh
# with: backend-processes.sh memory.sh
# shellcheck disable=SC2154 # `pid` is set by `named`
# What a roll will need on this host, looked at before a byte is written on any: rights, room, an Nginx that takes its configuration.
# Changes nothing.
#   write FOLDER         this user may write in it, or make it
#   room ROOT KEY        ROOT has room for one more release; KEY is its virtual environment, which may be there already
#   wrapper FILE PORT    the wrapper of PORT runs, whose id FILE holds
#   memory FILE PORT PERCENT   PERCENT of what serves on PORT (FILE is its pid file) are free; where nothing runs, nothing is asked
#   test COMMAND         the command that tests Nginx's configuration succeeds
# Any number of these. Prints nothing where nothing is missing; else exits 78, each thing that is missing a line on standard error.
missing=''
lacks() {
  printf '%s\n' "$*" >&2
  missing=yes
}
user=$(id -un)

while [ $# -gt 0 ]; do
  case $1 in
  write)
    near=$2
    while [ ! -e "$near" ]; do near=$(dirname "$near"); done
    if [ ! -d "$near" ] || [ ! -w "$near" ] || [ ! -x "$near" ]; then
      lacks "$user can't write in $2; as root: install -d -o $user $2"
    fi
    shift 2
    ;;
  room)
    # As much as the present release took, twice, for it arrives compressed beside itself; virtual environments know their own size.
    need=10240
    if [ -d "$2/current/" ]; then need=$((need + 2 * $(du -sk "$2/current/" | cut -f 1))); fi
    if [ ! -f "$2/virtualenvs/$3/complete" ]; then
      largest=$(cat "$2"/virtualenvs/*/complete 2>/dev/null | sort -n | tail -n 1)
      need=$((need + ${largest:-102400} * 3 / 2))
    fi
    free=$(df -Pk "$2" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$need" ] || lacks "only $free kB are free at $2, and this takes up to $need kB"
    shift 3
    ;;
  wrapper)
    # Its manager starts it again within a second or two, and when the host boots.
    looks=0
    until named "$2" && words "$pid" | grep -q run-slot; do
      looks=$((looks + 1))
      if [ "$looks" -eq 50 ]; then
        lacks "no wrapper runs for port $3 ($2): supervisor or systemd should keep it running"
        break
      fi
      sleep 0.1
    done
    shift 3
    ;;
  memory)
    if named "$2"; then
      uses=$(taken "$pid")
      need=$((uses * $4 / 100))
      free=$(available)
      [ "${free:-$need}" -ge "$need" ] ||
        lacks "$((free / 1000)) MB of memory are free, and another application beside the one on port $3, which takes $((uses / 1000)) MB, may need $((need / 1000)) MB"
    fi
    shift 4
    ;;
  test)
    said=$(timeout 30 sh -c "$2" 2>&1 </dev/null) || lacks "\`$2\` fails: $(printf '%s\n' "$said" | grep -v 'test failed$' | tail -n 1)"
    shift 2
    ;;
  *) die 78 "\"$1\" is nothing to look for" ;;
  esac
done
[ -z "$missing" ] || exit 78
