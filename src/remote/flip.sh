# shellcheck shell=sh
# with: generation.sh
# Moves the traffic of a balancer to a prepared generation: one rename, if what serves is what was observed. Then prunes old generations.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   EXPECTED                       the generation that should serve now, or none
#   NUMBER                         the one that shall
# Prints `live NUMBER`, also when it served already. Exits 77 when another serves, 78 when NUMBER is not whole (75, 76: common.sh).
fenced "$1" "$2" "$3" "$4"
flip_folder=$1
shift 4
flip_generation "$flip_folder" "$1" "$2"
prune_generations "$flip_folder"
echo "live $2"
