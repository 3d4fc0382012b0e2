# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh environment.sh
# Builds the virtual environment KEY on the builder, where it is not complete yet: then no pip runs at all.
# It has its path inside, so it is built where it stays. It is never changed once it is complete: releases share it.
# FOLDER TOKEN SEQUENCE HOLDER, then ROOT RELEASE CODE KEY PYTHON REQUIREMENTS ENV_FILE [ARGUMENT FOR python -m venv]...
# ENV_FILE is a path below ROOT/shared. pip is told nothing but the requirements: what index it uses is the user's own configuration.
# Prints: one sentence; pip's words on standard error. Exits 1 when it can't be built.
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 release=$2 code=$1/$2/$3 key=$4 python=$5 requirements=$6 env_file=$1/shared/$7
shift 7
known "$release" "$key"
virtualenv=$root/virtualenvs/$key
if [ -f "$virtualenv/complete" ]; then
  echo "virtual environment $key is there"
  exit 0
fi
[ -f "$code/$requirements" ] || die 1 "the release has no $requirements"
command -v "$python" >/dev/null || die 1 "there is no $python on this host"
clear_virtualenv "$root" "$key"
mkdir -p "$root/virtualenvs"
# Half of one is of no use, and the disk may be full.
trap '[ -f "$virtualenv/complete" ] || rm -rf "$virtualenv"' EXIT
(in_release "$code" "$virtualenv" "$env_file" "$python" -m venv "$@" "$virtualenv") >&2 </dev/null
if [ -x "$virtualenv/bin/pip" ]; then
  set -- "$virtualenv/bin/python" -m pip
else
  # Made with --without-pip: the builder's own pip installs into it.
  set -- "$python" -m pip --python "$virtualenv/bin/python"
fi
(in_release "$code" "$virtualenv" "$env_file" "$@" install --no-input --disable-pip-version-check --no-compile \
  -r "$requirements") >&2 </dev/null || die 1 "pip could not install $requirements"
# Compiled now, so that no restart is slow later. Some packages carry files for other Pythons, which don't compile: no failure.
"$virtualenv/bin/python" -m compileall -q -j 0 "$virtualenv/lib" >/dev/null 2>&1 9>&- || true
sync -f "$virtualenv"
size=$(du -sk "$virtualenv" | cut -f 1)
printf '%s\n' "$size" >"$virtualenv/complete.new"
mv -T "$virtualenv/complete.new" "$virtualenv/complete"
echo "virtual environment $key is built: $((size / 1024)) MB"
