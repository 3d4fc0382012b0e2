# shellcheck shell=sh
# Put before the scripts that tell the end of the application's log (their line "# with: log-end.sh").

# log_end WHERE...: the last 80 lines of (of which 20 are shown: core/failure.ts leaves out what Gunicorn says of itself) the first of them that can be read and is not empty. WHERE: a path, a pattern of paths (of
# which the file that was written last counts), or journal:UNIT.
log_end() {
  for _where in "$@"; do
    case $_where in
    journal:*) _said=$(journalctl -q -u "${_where#journal:}" -n 80 --no-pager -o cat 2>/dev/null) || _said= ;;
    *)
      # shellcheck disable=SC2086,SC2012 # a pattern; names of logs are tame
      _file=$(IFS='' && ls -td -- $_where 2>/dev/null | head -n 1) || _file=
      _said=$(tail -n 80 -- "$_file" 2>/dev/null) || _said=
      ;;
    esac
    [ -z "$_said" ] || break
  done
  [ -z "${_said:-}" ] || printf '%s\n' "$_said"
}
