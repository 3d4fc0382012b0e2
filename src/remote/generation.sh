# shellcheck shell=sh
# Put before prepare.sh, flip.sh and move.sh. A generation is a folder generations/NUMBER that holds record.json, an empty folder
# `self`, and the routing table: a link for each lane (stable, canary, 00 to 99) that names a folder in groups/, or another lane.
# The workers of Nginx need nothing but x on the folders, so that is all that others get, whatever the umask.

# numbered NUMBER: a generation's name is its number with six digits or more, and nothing that could lead elsewhere.
numbered() {
  case $1 in
  *[!0-9]* | ? | ?? | ??? | ???? | ?????) die 78 "\"$1\" is no generation" ;;
  ??????*) ;;
  *) die 78 "\"$1\" is no generation" ;;
  esac
}

# live_generation FOLDER: the generation that serves, or `none`.
live_generation() {
  if [ ! -L "$1/live" ]; then
    [ ! -e "$1/live" ] || die 78 "$1/live is there and is no symbolic link"
    echo none
    return
  fi
  link=$(readlink "$1/live")
  case $link in
  generations/*) echo "${link#generations/}" ;;
  *) echo "$link" ;;
  esac
}

# lanes FOLDER: the links that most generations share, made once (a hundred processes) and copied from then on (one).
lanes() {
  [ ! -d "$1/lanes" ] || return 0
  rm -rf "$1/lanes.new"
  mkdir -m 711 "$1/lanes.new"
  ln -s stable "$1/lanes.new/canary"
  for ten in 0 1 2 3 4 5 6 7 8 9; do
    for one in 0 1 2 3 4 5 6 7 8 9; do ln -s stable "$1/lanes.new/$ten$one"; done
  done
  mv -T "$1/lanes.new" "$1/lanes"
}

# prepare_generation FOLDER NUMBER LANE=GROUP...: makes the whole generation, with the record from standard input, durable on the disk.
# What is there already and is the same is left; what differs and does not serve is made anew.
prepare_generation() {
  folder=$1 number=$2
  shift 2
  numbered "$number"
  if [ ! -d "$folder/generations" ]; then
    chmod 711 "$folder" || die 78 "$folder belongs to another user"
    mkdir -m 711 "$folder/generations"
  fi
  [ -d "$folder/groups" ] || mkdir -m 711 "$folder/groups"
  lanes "$folder"
  new=$folder/generations/new-$number
  rm -rf "$new"
  mkdir -m 711 "$new"
  cp -RP "$folder/lanes/." "$new/"
  mkdir -m 711 "$new/self"
  for pair in "$@"; do
    lane=${pair%%=*} group=${pair#*=}
    case $lane in
    stable | canary | [0-9][0-9]) ;;
    *) die 78 "\"$lane\" is no lane" ;;
    esac
    case $group in
    *[!a-z0-9-]* | '') die 78 "\"$group\" is no group" ;;
    esac
    [ -d "$folder/groups/$group" ] || mkdir -m 711 "$folder/groups/$group"
    rm -f "$new/$lane"
    ln -s "../../groups/$group" "$new/$lane"
  done
  [ -L "$new/stable" ] || die 78 "the lane stable has no group"
  # A link that was cut without a word may never bring an end of its input: the lock is not held for ever.
  (umask 027 && timeout 60 cat >"$new/record.json") || die 78 'no record came within 60 s'
  [ -s "$new/record.json" ] || die 78 "no record came"
  old=$folder/generations/$number
  if [ -d "$old" ]; then
    if cmp -s "$old/record.json" "$new/record.json" && [ "$(table "$old")" = "$(table "$new")" ]; then
      rm -rf "$new"
      return 0
    fi
    [ "$(live_generation "$folder")" != "$number" ] || die 77 "generation $number serves already, and it is another"
    rm -rf "$folder/generations/old-$number"
    mv -T "$old" "$folder/generations/old-$number"
    rm -rf "$folder/generations/old-$number"
  fi
  sync "$new/record.json" "$new" "$folder/groups"
  mv -T "$new" "$old"
  sync "$folder/generations"
}

# table GENERATION: its lanes and where they go, as text.
table() {
  find "$1" -maxdepth 1 \( -type l -printf '%f %l\n' \) -o \( -name self -printf 'self %y%m\n' \) | sort
}

# mark FOLDER NUMBER [FORMER]: what `live` was made to name last, and with which record: `flipped` holds NUMBER SHA256, and FORMER as well
# while it is not sure that the rename was done. Whatever else is found there later was made by hand.
mark() {
  sum=$(sha256sum "$1/generations/$2/record.json")
  printf '%s\n' "$2 ${sum%% *}${3:+ $3}" >"$1/flipped.$$" && mv -T "$1/flipped.$$" "$1/flipped"
}

# flip_generation FOLDER EXPECTED NUMBER: moves the traffic by one rename, if `live` still names EXPECTED.
flip_generation() {
  numbered "$3"
  now=$(live_generation "$1")
  if [ "$now" != "$3" ]; then
    [ "$now" = "$2" ] || die 77 "generation $now serves, not $2"
    [ -s "$1/generations/$3/record.json" ] || die 78 "generation $3 was not prepared"
    # A lane that leads to no folder, or through one that a worker may not pass, would silently fall to all.
    astray=$(find -L "$1/generations/$3" -maxdepth 1 ! -name record.json \( ! -type d -o ! -perm -001 \) -printf ' %f')
    [ -z "$astray" ] || die 78 "generation $3: no folder, or one that Nginx may not pass, behind$astray"
    # What a hand made of the link is nothing to come back to.
    case $now in none) ;; *[!0-9]*) now=- ;; esac
    mark "$1" "$3" "$now" || die 78 "cannot write $1/flipped"
    relink "generations/$3" "$1/live"
  fi
  # When this can't be written, what was said before still holds.
  mark "$1" "$3" || :
  sync "$1"
}

# prune_generations FOLDER: the last 50 stay, and what is younger than an hour, and what serves. What a killed script left half-made goes.
prune_generations() {
  rm -rf "$1"/generations/new-* "$1"/generations/old-* "$1"/live.[0-9]* "$1"/fence.[0-9]* "$1"/flipped.[0-9]* "$1/lanes.new"
  folder=$1 now=$(live_generation "$1")
  # shellcheck disable=SC2046 # the names are digits
  set -- $(cd "$1/generations" && printf '%s\n' [0-9]* | sort -n | head -n -50)
  [ $# -gt 0 ] || return 0
  # One look at all of them: an hour with many flips leaves hundreds.
  for number in $(cd "$folder/generations" && find "$@" -maxdepth 0 -mmin +60); do
    [ "$number" = "$now" ] || rm -rf "$folder/generations/$number"
  done
}
