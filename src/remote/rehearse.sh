# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh environment.sh rehearse.py
# Starts a complete release on a free local port, asks it over HTTP, and always ends it: a release that can't start ends here, before
# any host has left rotation. It takes no lock and leaves nothing behind.
# ROOT RELEASE CODE KEY ENV_FILE COMMAND [PATH HOST STATUS ["Header: value"]... [-- WARM-PATH...]]
# COMMAND: shell text; $BIND is 127.0.0.1:PORT. It must stay in the foreground.
# PATH HOST STATUS: what health means. Absent: any answer will do (the tables may be missing before the migration), for an answer proves
# that a worker has imported the application. WARM-PATH: asked once each after that; any answer will do.
# Prints: one sentence. Exits 1 when the application ended, gave no answer within 60 s, or 5 s long only wrong ones: what was asked and
# answered, and the application's last lines, stand on standard error.
# shellcheck disable=SC2154 # rehearse_py stands in front
root=$1 release=$2 code=$1/$2/$3 virtualenv=$1/virtualenvs/$4 env_file=$1/shared/$5
shift 5
known "$release"
[ -f "$root/$release/release.json" ] || die 78 "$release is not complete on this host"
# The process group that the rehearsal runs in, so that it ends even where its own ending was cut.
group=$(mktemp)
trap 'if [ -s "$group" ]; then kill -s KILL -- "-$(cat "$group")" 2>/dev/null || true; fi; rm -f "$group"' EXIT
trap '[ -z "${!-}" ] || kill "$!" 2>/dev/null || true; wait || true; exit 1' HUP INT PIPE TERM
# In the background, for a shell that waits for a child in front hears no signal.
in_release "$code" "$virtualenv" "$env_file" \
  timeout -k 10 75 "$virtualenv/bin/python" -I -c "$rehearse_py" "$group" "$@" </dev/null &
wait "$!"
