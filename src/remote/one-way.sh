# shellcheck shell=sh
# with: staging.sh
# Says, before it is applied, that a migration which is not additive comes with a release: from then on the releases before may not work
# with the database, so that none of them is gone back to without a person's word, whoever asks and from wherever.
# FOLDER TOKEN SEQUENCE HOLDER, then ROOT RELEASE
# Prints `RELEASE is a way of no return`. Exits 78 when RELEASE is no release's name.
fenced "$1" "$2" "$3" "$4"
shift 4
root=$1 release=$2
known "$release"
mark=$root/.orchestrate/one-way
printf '%s\n' "$release" >"$mark.new"
sync "$mark.new"
mv -T "$mark.new" "$mark"
sync "$root/.orchestrate"
echo "$release is a way of no return"
