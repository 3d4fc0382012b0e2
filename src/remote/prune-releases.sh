# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Removes what a backend needs no more: complete releases beyond the newest KEEP, what was left half-made more than a day ago, virtual
# environments that no release here uses, and temporary names. Half-made releases never push a good one out.
# Never one that current, previous or a slot names, that a process of this user has as its working folder, or that is PROTECTED.
# FOLDER TOKEN SEQUENCE HOLDER, then ROOT KEEP [PROTECTED]...
# Prints `removed NAME` for each (a release, or virtualenvs/KEY), and one sentence.
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 keep=$2
shift 2
[ -d "$root" ] || die 78 "$root is not there"
real=$(cd -P "$root" && pwd)
DAY=1440

# Names of releases that may not go, one a line.
used=$(
  printf '%s\n' "$@"
  {
    for link in "$root/current" "$root/previous" "$root"/slots/*; do readlink -f "$link" || :; done
    # All processes that may be asked; a folder that is gone by now ends in ` (deleted)`.
    readlink /proc/[0-9]*/cwd || :
  } 2>/dev/null | awk -v root="$real/" 'index($0, root) == 1 { rest = substr($0, length(root) + 1); sub(/[\/ ].*/, "", rest); print rest }'
)
is_used() { printf '%s\n' "$used" | grep -Fqx -e "$1"; }
# old PATH: whether it was last changed more than a day ago.
old() { [ -n "$(find "$1" -maxdepth 0 -mmin "+$DAY")" ]; }

releases=0 virtualenvs=0 kept=0
# Newest first: a release's name sorts by its age.
for folder in $(find "$root" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*-[0-9]*-*' -printf '%f\n' | sort -r); do
  # What is not named as a release is none.
  (known "$folder") 2>/dev/null || continue
  complete=''
  if [ -f "$root/$folder/release.json" ]; then
    complete=yes
    kept=$((kept + 1))
  fi
  if is_used "$folder"; then continue; fi
  if [ -n "$complete" ]; then
    [ "$kept" -gt "$keep" ] || continue
  else
    old "$root/$folder" || continue
  fi
  # The mark first: a release that is half removed must not be taken for a complete one.
  rm -f "$root/$folder/release.json"
  rm -rf "${root:?}/$folder"
  releases=$((releases + 1))
  echo "removed $folder"
done

for virtualenv in "$root"/virtualenvs/*; do
  key=${virtualenv##*/}
  if [ ! -d "$virtualenv" ] || [ -L "$virtualenv" ]; then continue; fi
  (known 00000000-0000-0000000 "$key") 2>/dev/null || continue
  if grep -qs "\"virtualenv\":\"$key\"" "$root"/*/release.json; then continue; fi
  # One that is complete and unused may be a build's of this very day, whose release is not there yet.
  old "$virtualenv" || continue
  rm -f "$virtualenv/complete"
  rm -rf "$virtualenv"
  virtualenvs=$((virtualenvs + 1))
  echo "removed virtualenvs/$key"
done

# Left by a script that was cut between making a link and renaming it. Under this lock nobody is in between.
for link in "$root"/current.[0-9]* "$root"/previous.[0-9]* "$root"/slots/*.[0-9]*; do
  if [ -L "$link" ]; then rm -f "$link"; fi
done
rm -f "$root"/.orchestrate/fence.[0-9]*
echo "$releases releases and $virtualenvs virtual environments removed"
