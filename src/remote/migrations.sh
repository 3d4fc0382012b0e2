# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh environment.sh migrations.py
# Asks Django itself what `migrate` would do, operation by operation. Only reads.
# ROOT RELEASE CODE KEY ENV_FILE [MANAGE [DATABASE]...]
# MANAGE: shell text, "python manage.py" if absent. DATABASE: aliases in the settings; none: all of them.
# Prints: a line `databases JSON` and a line `migrations JSON` (src/core/migrations.ts knows their shape). Exits 1 when Django can't tell.
# shellcheck disable=SC2154 # migrations_py stands in front
root=$1 release=$2 code=$1/$2/$3 virtualenv=$1/virtualenvs/$4 env_file=$1/shared/$5 manage=${6:-python manage.py}
if [ $# -gt 6 ]; then shift 6; else shift $#; fi
known "$release"
[ -f "$root/$release/release.json" ] || die 78 "$release is not complete on this host"
# The databases travel in the environment: the shell command of Django takes no arguments. What the settings print goes to standard
# error; the answer has descriptor 3.
ORCHESTRATE_DATABASES=$*
export ORCHESTRATE_DATABASES
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# asked PGOPTIONS: the same limit as migrate.sh sets, so that the answer tells whether it will be in force.
asked() (
  # shellcheck disable=SC2016 # expanded by the inner shell, after the environment file
  in_release "$code" "$virtualenv" "$env_file" sh -c '
    PGOPTIONS="${PGOPTIONS:-} $2"
    export PGOPTIONS
    '"$manage"' shell -c "$1"' migrations "$migrations_py" "$1" 3>"$work/answer" >"$work/said" 2>&1 </dev/null
)
if asked '-c lock_timeout=2000' || { grep -q 'unsupported startup parameter' "$work/said" && asked ''; }; then
  cat "$work/answer"
else
  cat "$work/said" >&2
  die 1 'Django could not tell what migrate would do'
fi
