# shellcheck shell=sh
# Appends to what a command leaves behind on a balancer: one file a command, FOLDER/journal/NUMBER.ndjson, one event a line. It is no
# change of the fleet and asks for no fence: whoever lost the lease may still say what he saw, in his own file. It has a lock of its own.
#   FOLDER NUMBER FROM   the routing's folder; the command's number, six digits or more; how many lines of it were sent before these
# Standard input: the lines, each with a line feed. Those that the file has already are left out, so that what was sent over a link that
# was lost may be sent again. A line that was written in part (the disk was full) is taken off first.
# A file ends at 1 MB, and its last line then says so. A new file makes room for itself: the newest 100 stay, and of these what fits in 16 MB.
# Prints `lines N` (that the file has now), and `full` when it takes no more. Exits 76 when the lock is busy, 78 when it can't be written.
folder=$1 number=$2 from=$3
most=1048576
case $number in
'' | *[!0-9]* | ? | ?? | ??? | ???? | ????? | ????????????????*) die 78 "\"$number\" is no command's number" ;;
esac
case $from in
*[!0-9]* | '' | ??????????*) die 78 "\"$from\" is no number of lines" ;;
esac
umask 077
[ -d "$folder/journal" ] || mkdir "$folder/journal" || die 78 "cannot make $folder/journal"
{ exec 7>>"$folder/journal/lock"; } 2>/dev/null || die 78 "cannot write $folder/journal/lock"
flock -w 5 7 || die 76 "another journal.sh holds $folder/journal/lock for more than 5 s"
cd "$folder/journal" || die 78 "cannot go to $folder/journal"
file=$number.ndjson

if [ ! -e "$file" ]; then
  touch "$file" 2>/dev/null || die 78 "cannot write $folder/journal/$file"
  find . -maxdepth 1 -type f -name '[0-9]*.ndjson' -printf '%f %s\n' | sort -rn |
    awk -v own="$file" '$1 ~ /^[0-9]+\.ndjson$/ { kept++; bytes += $2; if ((kept > 100 || bytes > 16777216) && $1 != own) print $1 }' |
    while IFS= read -r old; do rm -f "$old"; done
fi
have=$(wc -l <"$file")
if [ -n "$(tail -c 1 "$file")" ]; then truncate -s "$(head -n "$have" "$file" | wc -c)" "$file"; fi
size=$(wc -c <"$file")
mark='"type":"note","text":"The journal of this command ends here: it is longer than 1 MB."'
case $(tail -n 1 "$file") in
*"$mark"*)
  printf 'lines %s\nfull\n' "$have"
  exit 0
  ;;
esac
skip=0
if [ "$have" -gt "$from" ]; then skip=$((have - from)); fi
cut="{\"at\":\"$(date -u +%Y-%m-%dT%H:%M:%S.000Z)\",$mark}"
tail -n +$((skip + 1)) | awk -v room=$((most - size)) -v cut="$cut" '
  full { next }
  { room -= length($0) + 1 }
  room < 0 { full = 1; print cut; next }
  { print }' >>"$file" || die 78 "cannot write $folder/journal/$file: $(df -Pk . | awk 'NR == 2 { print $4 }') kB are free there"
printf 'lines %s\n' "$(wc -l <"$file")"
case $(tail -n 1 "$file") in
*"$mark"*) echo full ;;
esac
