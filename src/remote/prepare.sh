# shellcheck shell=sh
# with: generation.sh
# Makes a generation on a balancer, whole and durable; it serves nobody yet.
#   FOLDER TOKEN SEQUENCE HOLDER   the fence (common.sh)
#   NUMBER                         the generation's name, six digits or more
#   LANE=GROUP...                  lane: stable (needed), canary, 00 to 99. A lane that is not named follows stable
# Standard input: record.json. Prints `prepared NUMBER`.
# Exits 77 when NUMBER serves already and is another, 78 when it can't be made (75, 76: common.sh).
fenced "$1" "$2" "$3" "$4"
prepare_folder=$1
shift 4
prepare_generation "$prepare_folder" "$@"
echo "prepared $1"
