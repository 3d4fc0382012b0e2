# shellcheck shell=sh
# Put into the scripts that run something of a release (their line "# with: environment.sh").

# in_release CODE-FOLDER VIRTUALENV ENV-FILE COMMAND [ARGUMENT]...
# Gives way to a command (call it in a subshell, or in the background: then $! is the command itself) in the code, the virtual environment first on PATH, with the variables of the environment file. The file is parsed,
# never sourced: lines KEY=value; empty lines and those that begin with # say nothing; one pair of quotes around the value is taken off;
# nothing in it is expanded. The variables never stand on a command line, which every user of the host could read.
in_release() {
  cd -P "$1" || die 1 "cannot enter $1"
  _bin=$2/bin
  VIRTUAL_ENV=$2
  export VIRTUAL_ENV
  PYTHONUNBUFFERED=1
  export PYTHONUNBUFFERED
  _file=$3
  shift 3
  if [ -e "$_file" ]; then
    while IFS= read -r _line || [ -n "$_line" ]; do
      _line=${_line%"$(printf '\r')"}
      case $_line in '' | '#'*) continue ;; esac
      _key=${_line%%=*} _value=${_line#*=}
      case $_key in
      "$_line" | '' | [0-9]* | *[!A-Za-z0-9_]*) die 1 "$_file: a line is not KEY=value" ;;
      esac
      case $_value in
      \"*\") _value=${_value#\"} _value=${_value%\"} ;;
      \'*\') _value=${_value#\'} _value=${_value%\'} ;;
      esac
      export "$_key=$_value"
    done <"$_file"
  fi
  PATH=$_bin:$PATH
  export PATH
  # Whatever stays behind of the command must not hold the lock.
  exec "$@" 9>&-
}
