# shellcheck shell=sh
# shellcheck source=src/remote/common.sh
# with: staging.sh
# Sends the static files of a release from the builder. Only reads.
# ROOT RELEASE CODE OUTPUT (the folder of collected files, in the code)
# Prints: a tar.gz with its digest behind, for publish-static.sh: `list` (lines "hashed SHA-256 PATH" and "other SHA-256 PATH") and the
# files below `tree`. Exits 78 when the release is not complete or has no static files.
root=$1 release=$2 files=$1/$2/$3/$4
known "$release"
[ -f "$root/$release/release.json" ] || die 78 "$release is not complete on this host"
list=$root/$release/static.list
[ -f "$list" ] || die 78 "$release has no static files"
cut -d ' ' -f 3- "$list" | sed 's,^,./,' |
  # What is a link (collectstatic --link) travels as the file that it names.
  deliver -h --transform 's,^\./,tree/,;s,^static\.list$,list,' -C "$root/$release" static.list -C "$files" --verbatim-files-from -T -
