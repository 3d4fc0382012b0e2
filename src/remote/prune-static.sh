# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Removes published files with a digest in their name that only releases named which are no longer kept.
# FOLDER TOKEN SEQUENCE HOLDER, then PATH KEPT-RELEASE... [-- RELEASE...]
# What a release named stands in FOLDER/static/RELEASE.list. Where that of a kept release is missing, nothing is removed. Those behind
# -- are kept too, and may never have been published: they failed before.
# Prints: one sentence.
fenced "$1" "$2" "$3" "$4"
lists=$1/static
shift 4
path=$1
shift
[ -d "$lists" ] || { echo "no static files are published here" && exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/kept"
unsure=''
for release in "$@"; do
  if [ "$release" = -- ]; then
    unsure=yes
    continue
  fi
  known "$release"
  if [ ! -f "$lists/$release.list" ]; then
    [ -z "$unsure" ] || continue
    echo "nothing is pruned: what $release names is not known here"
    exit 0
  fi
  sed -n 's/^hashed [0-9a-f]* //p' "$lists/$release.list" >>"$work/kept"
done
: >"$work/gone"
for list in "$lists"/*.list; do
  [ -f "$list" ] || continue
  name=${list##*/}
  case " $* " in *" ${name%.list} "*) continue ;; esac
  sed -n 's/^hashed [0-9a-f]* //p' "$list" >>"$work/gone"
  printf '%s\n' "$list" >>"$work/lists"
done
sort -u "$work/kept" -o "$work/kept"
sort -u "$work/gone" -o "$work/gone"
comm -13 "$work/kept" "$work/gone" >"$work/remove"
cd "$path" || exit 1
set --
while IFS= read -r file; do
  set -- "$@" "./$file"
  [ $# -lt 200 ] || { rm -f -- "$@" && set --; }
done <"$work/remove"
[ $# -eq 0 ] || rm -f -- "$@"
# The lists go last: a run that was cut is simply done again.
[ ! -f "$work/lists" ] || while IFS= read -r list; do rm -f "$list"; done <"$work/lists"
echo "$(wc -l <"$work/remove") published files removed"
