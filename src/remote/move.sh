# shellcheck shell=sh
# with: generation.sh
# prepare.sh and flip.sh in one, for a fleet with one balancer: nobody else has to be ready first.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   EXPECTED NUMBER LANE=GROUP...  as there
# Standard input: record.json. Prints `live NUMBER`. Exits as prepare.sh and flip.sh.
fenced "$1" "$2" "$3" "$4"
move_folder=$1 expected=$5 move_number=$6
shift 5
now=$(live_generation "$move_folder")
[ "$now" = "$expected" ] || [ "$now" = "$move_number" ] || die 77 "generation $now serves, not $expected"
prepare_generation "$move_folder" "$@"
flip_generation "$move_folder" "$expected" "$move_number"
prune_generations "$move_folder"
echo "live $move_number"
