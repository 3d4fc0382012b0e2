# shellcheck shell=sh
# with: clock.sh generation.sh adding-up.sh follower.sh
# Starts the follower of a canary on a balancer, or ends it. What an earlier canary has left is removed when another begins.
#   FOLDER TOKEN SEQUENCE HOLDER     the fence (common.sh)
#   begin NAME LOG HEALTH WIDTH GOALS ARM...   NAME: of this canary, and of no other. The others: adding-up.sh; GOALS `-`: a canary, which has none
#   end                              what was added up stays
# Prints a sentence. Exits 78 when the log can't be read (75, 76: common.sh).
fenced "$1" "$2" "$3" "$4"
follow_folder=$1 action=$5
shift 5
umask 077
case $action in
begin)
  [ -r "$2" ] || die 78 "cannot read $2"
  dir=$follow_folder/follow
  mkdir -p "$dir"
  read -r followed 2>/dev/null <"$dir/what" || followed=
  if [ "$followed" != "$1" ]; then
    rm -f "$dir/what" "$dir/windows" "$dir/erred" "$dir/reached" "$dir/watched" "$dir/armed"
    # The former follower sees within a second that its canary is over.
    (flock -w 10 8) 8>>"$dir/running" || die 76 'the follower of an earlier canary does not end'
    name=$1 log=$2 health=$3 width=$4 goals=$5
    shift 5
    printf '%s\n' "$name" "$log" "$health" "$width" "$goals" "$*" >"$dir/what.new"
    mv -T "$dir/what.new" "$dir/what"
  fi
  begin_following "$follow_folder"
  echo "the access log is followed"
  ;;
end)
  rm -f "$follow_folder/follow/what" "$follow_folder/follow/armed"
  echo "the access log is not followed any more"
  ;;
*) die 78 "\"$action\" is no action" ;;
esac
