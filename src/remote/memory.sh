# shellcheck shell=sh
# shellcheck disable=SC2154 # `kids` is set by `children`
# Put before the scripts that look at memory, behind backend-processes.sh (their line "# with: backend-processes.sh memory.sh").

# available: kilobytes that a new process could have; nothing where the kernel does not tell.
available() {
  awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo
}

# taken PID: kilobytes of it and its workers; 0 where they are another user's. Shared pages count in parts, so that the sum is what they
# really take.
taken() {
  children "$1"
  for one in "$1" $kids; do
    cat "/proc/$one/smaps_rollup" 2>/dev/null || :
  done | awk '$1 == "Pss:" { sum += $2 } END { print sum + 0 }'
}
