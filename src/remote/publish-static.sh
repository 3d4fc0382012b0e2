# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Merges the static files of a release into the published folder; pack-static.sh's stream on standard input. Releases side by side each
# find the files that their pages name: a file with its digest in its name is never overwritten and never removed here, another is
# replaced by the newest release's. Each file appears by a rename, whole.
# FOLDER TOKEN SEQUENCE HOLDER, then PATH RELEASE. FOLDER/static/RELEASE.list remembers what the release named, for prune-static.sh.
# What comes was packed on another machine: it may name plain files below PATH, and nothing else.
# Prints: "hashed N new M others K replaced L" (L: others that were there with another content). Exits 1 when the stream was cut or
# damaged, or leads elsewhere: nothing is published then.
fenced "$1" "$2" "$3" "$4"
folder=$1
shift 4
path=$1 release=$2
known "$release"
mkdir -p "$path" "$folder/static" || die 78 "cannot make $path"
# Inside the published folder: only there is a rename sure to be one. Nginx can't look into it.
incoming=$path/.orchestrate-incoming
rm -rf "$incoming"
mkdir -m 0700 "$incoming" || die 78 "cannot write to $path"
trap 'rm -rf "$incoming"' EXIT
# Ended from outside, when its stream broke off: a shell that a signal kills runs no other trap.
trap 'exit 1' HUP INT TERM
receive "$incoming/bytes"
tar -xzf "$incoming/bytes" -C "$incoming" --no-same-owner
rm -f "$incoming/bytes"
mkdir -p "$incoming/tree"
# No link, no device, no way out of the folder: else who rules the builder would write, and let Nginx read, wherever this user may here.
if grep -qvE '^(hashed|other) [0-9a-f]{64} [^/]' "$incoming/list" ||
  grep -qE '^[a-z]* [0-9a-f]* (.*/)?\.{0,2}(/|$)' "$incoming/list" ||
  [ -n "$(find "$incoming/tree" "$incoming/list" ! -type f ! -type d)" ]; then
  die 1 "the static files of $release lead out of their folder, or are no plain files: look at the builder"
fi
chmod -R u=rwX,go=rX "$incoming/tree"
cp "$incoming/list" "$folder/static/$release.list.new"
mv -T "$folder/static/$release.list.new" "$folder/static/$release.list"

# One look at all that is published already: "PATH: OK" is there and the same, "PATH: FAILED" there and other; what is missing has no line.
sed 's/^[a-z]* \([0-9a-f]*\) /\1  /' "$incoming/list" >"$incoming/sums"
(cd "$path" && sha256sum --check --ignore-missing "$incoming/sums" 2>/dev/null) >"$incoming/looked" || true
awk -v looked="$incoming/looked" -v wanted="$incoming/wanted" '
  BEGIN {
    while ((getline line < looked) > 0) {
      at = match(line, /: [A-Z][A-Za-z ]*$/)
      state[substr(line, 1, at - 1)] = substr(line, at + 2)
    }
    printf "" > wanted
  }
  {
    path = substr($0, length($1) + length($2) + 3)
    folder = match(path, /\/[^\/]*$/) ? substr(path, 1, RSTART - 1) : "."
    there = path in state
    if ($1 == "hashed") {
      hashed++
      if (!there) { new++; print folder "\t" path > wanted }
      else if (state[path] != "OK") print path " is published with another content; it is left as it is" > "/dev/stderr"
    } else {
      others++
      if (there && state[path] != "OK") replaced++
      if (state[path] != "OK") print folder "\t" path > wanted
    }
  }
  END { printf "hashed %d new %d others %d replaced %d\n", hashed, new, others, replaced }
' "$incoming/list" >"$incoming/counts"

# place FILE...: renames files of one folder into the published one.
place() {
  [ $# -gt 0 ] || return 0
  [ -d "$path/$into" ] || mkdir -p "$path/$into"
  mv -f -t "$path/$into" -- "$@"
}
cd "$incoming/tree" || exit 1
into=.
set --
tab=$(printf '\t')
while IFS=$tab read -r next file; do
  if [ "$next" != "$into" ] || [ $# -ge 200 ]; then
    place "$@"
    set --
    into=$next
  fi
  set -- "$@" "./$file"
done <"$incoming/wanted"
place "$@"
sync -f "$path"
cat "$incoming/counts"
