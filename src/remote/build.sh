# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh environment.sh changed.py translations.py static-list.py
# Makes the unpacked code a complete release, on the builder: links, the project's own build commands, Django's checks, translations,
# static files, byte code. release.json, on standard input, is written last.
# FOLDER TOKEN SEQUENCE HOLDER, then
# ROOT RELEASE CODE VIRTUALENV KEY ENV_FILE MANAGE STATIC_COMMAND STATIC_OUTPUT [PATH TARGET]... -- [COMMAND]...
# VIRTUALENV: its link inside the release. MANAGE: shell text, as "python manage.py". STATIC_COMMAND: empty for none.
# PATH TARGET: linked into the code from ROOT/shared. COMMAND: shell text, run in the code.
# Prints: one sentence; what the commands say on standard error. Exits 1 when one of them fails: the unpacked code is removed then.
# shellcheck disable=SC2154 # the Python files of the line above stand in front as variables
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 release=$2 folder=$1/$2 code=$1/$2/$3 link=$4 key=$5 env_file=$1/shared/$6 manage=$7 static=$8 output=$9
shift 9
known "$release" "$key"
virtualenv=$root/virtualenvs/$key
# A link that was cut without a word may never bring an end of its input: the lock is not held for ever.
manifest=$(timeout 60 cat) || die 78 'no release.json came within 60 s'
exec </dev/null
if [ -f "$folder/release.json" ]; then
  echo "$release is built"
  exit 0
fi
[ -d "$code" ] || die 1 "$code is not there: the code has not arrived"
[ -f "$virtualenv/complete" ] || die 1 "virtual environment $key is not complete"

# A failed build leaves nothing: half a release is of no use, and the disk may be full.
trap 'if [ ! -f "$folder/release.json" ]; then clear_release "$root" "$release"; fi' EXIT

# told SHELL-TEXT: runs it in the release, and says so.
told() {
  printf '$ %s\n' "$1" >&2
  (in_release "$code" "$virtualenv" "$env_file" sh -c "$1") >&2 || die 1 "failed: $1"
}

# One ../ for each folder on the way to the link.
up=$(printf '%s' "$link" | awk -F/ '{ for (i = 0; i < NF; i++) printf "../" }')
mkdir -p "$(dirname "$folder/$link")"
[ ! -e "$folder/$link" ] || [ -L "$folder/$link" ] || die 1 "the code has $link itself: release.virtualenv must be another name"
relink "${up}virtualenvs/$key" "$folder/$link"

pairs=0
for word in "$@"; do
  [ "$word" != -- ] || break
  pairs=$((pairs + 1))
done
while [ "$pairs" -gt 0 ]; do
  link_shared "$root" "$code" "$1" "$2"
  shift 2
  pairs=$((pairs - 2))
done
shift

for command in "$@"; do told "$command"; done
if [ $# -gt 0 ]; then
  # Newer than the mark that it was complete: releases that run now would have been changed under their feet.
  changed=$("$virtualenv/bin/python" -I -c "$changed_py" "$virtualenv") ||
    die 1 "build.commands changed $changed, but releases share the virtual environment: what they install belongs in the requirements"
fi

told "$manage check"
if (cd "$code" && "$virtualenv/bin/python" -I -c "$translations_py"); then
  if command -v msgfmt >/dev/null; then
    told "$manage compilemessages"
  else
    echo 'no msgfmt on this host (gettext): translations stay as they are in the commit' >&2
  fi
fi
files='no static files'
if [ -n "$static" ]; then
  told "$static"
  [ -d "$code/$output" ] || die 1 "$static left nothing in $output: static.output must be the folder of STATIC_ROOT"
  "$virtualenv/bin/python" -I -c "$static_list_py" "$code/$output" >"$folder/static.list"
  files=$(awk '$1 == "hashed" { n++ } END { printf "%d hashed static files and %d others", n, NR - n }' "$folder/static.list")
fi

# Compiled now, so that no restart is slow later. A file that is for no Python at all (a template of one) is no failure.
(cd "$code" && "$virtualenv/bin/python" -m compileall -q -j 0 .) >/dev/null 2>&1 9>&- || true
sync -f "$folder"
printf '%s\n' "$manifest" >"$folder/release.json.new"
mv -T "$folder/release.json.new" "$folder/release.json"
echo "$release is built: $files"
