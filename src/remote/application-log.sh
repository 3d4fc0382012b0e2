# shellcheck shell=sh
# with: log-end.sh
# The end of what the application said, for the story of a failure. Changes nothing.
# WHERE...: paths, patterns of paths, or journal:UNIT, the likeliest first
# Prints at most 80 lines of the first that can be read and is not empty; nothing where none can. Exits 0.
log_end "$@"
