# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh environment.sh
# Migrates once, on the builder's release. Whoever waits for a lock on a table makes all others wait behind it: so PostgreSQL gives up
# after 2 s, and the command is tried again a little later.
# FOLDER TOKEN SEQUENCE HOLDER, then ROOT RELEASE CODE KEY ENV_FILE COMMAND [TRIES, 5]
# Prints: a line "applied APP.NAME" for each migration that Django says it has applied, and one sentence; all that it says on standard
# error. Exits 1 when the command fails: what was applied before stays applied.
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 release=$2 code=$1/$2/$3 virtualenv=$1/virtualenvs/$4 env_file=$1/shared/$5 command=$6 tries=${7:-5}
known "$release"
[ -f "$root/$release/release.json" ] || die 78 "$release is not complete on this host"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
try=1 pause=1 limit='-c lock_timeout=2000'
while :; do
  # tee -p: a migration does not end half-way because nobody listens any more.
  # shellcheck disable=SC2016 # expanded by the inner shell, after the environment file
  {
    (in_release "$code" "$virtualenv" "$env_file" sh -c '
      PGOPTIONS="${PGOPTIONS:-} $1"
      export PGOPTIONS
      '"$command" migrate "$limit") </dev/null 2>&1 && : >"$work/done"
  } | tee -p "$work/said" >&2
  sed -n 's/^ *Applying \([^ ]*\)\.\.\. *OK.*$/applied \1/p' "$work/said"
  if [ -e "$work/done" ]; then break; fi
  if [ -n "$limit" ] && grep -q 'unsupported startup parameter' "$work/said"; then
    # A pooler in front of PostgreSQL: it knows no such limit.
    echo 'the database takes no lock_timeout from here: tried without' >&2
    limit=
    continue
  fi
  if ! grep -qE 'due to lock timeout|LockNotAvailable|Lock wait timeout exceeded' "$work/said"; then
    die 1 'the migration failed; what it had applied before stays applied'
  fi
  [ "$try" -lt "$tries" ] || die 1 "a table was locked by others each time of $tries: the migration waits 2 s at the most, or all would wait behind it"
  echo "a table is locked by others; once more in $pause s" >&2
  sleep "$pause"
  try=$((try + 1)) pause=$((pause * 2))
done
echo "migrated$([ "$try" -eq 1 ] || printf ' at the %d. try' "$try")"
