# shellcheck shell=sh
# with: nginx-processes.sh
# Puts a new configuration in place on a balancer, tested; Nginx has it only after reload.sh. The former text stays beside it until it is
# said that the new one is kept, so that a failure on another balancer can be taken back on this one.
#   FOLDER TOKEN SEQUENCE HOLDER     the fence (common.sh)
#   install FILE TEST EXPECTED PID_FILE [MODE]   the new text on standard input. TEST: shell text, as "sudo nginx -t". EXPECTED: sha256 of
#                                    the text that was observed there, or none; anything else is refused. PID_FILE: or -
#                                    MODE: of the file; default: as it was, 644 where there was none
#   restore FILE TEST                puts the former text back
#   keep FILE                        forgets it
# Prints `installed SHA256`, `same SHA256` (it was there already), `restored SHA256` (`restored none`: there was none) or `kept`.
# Exits 77 when another text than EXPECTED is there, 78 when nothing was changed (no right, a binary upgrade of Nginx, the text is not
# valid by itself), 1 when the test of the whole Nginx failed and the former text is back: what it said is on standard error.
fenced "$1" "$2" "$3" "$4"
shift 4
action=$1
file=$(readlink -f "$2") || die 78 "the folder of $2 is not there"
new=$file.new former=$file.former

sum() {
  if [ -f "$1" ]; then sha256sum "$1" | cut -d' ' -f1; else echo none; fi
}

# An empty .former says that there was no file.
put_back() {
  if [ -s "$former" ]; then mv -T "$former" "$file"; elif [ -e "$former" ]; then rm -f "$file" "$former"; fi
  sync "${file%/*}"
}

case $action in
install)
  test=$3 expected=$4
  nginx_upgrading "$5" && die 78 'a binary upgrade of Nginx is under way (nginx.pid.oldbin)'
  [ -w "${file%/*}" ] || die 78 "cannot write in ${file%/*}"
  trap 'rm -f "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  rm -f "$new"
  # A link that was cut without a word may never bring an end of its input.
  (umask 077 && timeout 60 cat >"$new") || die 78 'no text came within 60 s'
  [ -s "$new" ] || die 78 'no text came'
  chmod "${6:-$(if [ -f "$file" ]; then stat -c %a "$file"; else echo 644; fi)}" "$new"
  found=$(sum "$file") wanted=$(sum "$new")
  if [ "$found" = "$wanted" ]; then
    # Put in by an earlier call, or by hand; whether it is loaded is told by the status server. One that was not said to be kept may be of
    # a call that was cut before it had tested it.
    if [ -e "$former" ] && ! sh -c "$test" </dev/null 9>&- >&2; then
      put_back
      die 1 'Nginx does not take the new text; the former one is back'
    fi
    echo "same $wanted"
    exit 0
  fi
  [ "$found" = "$expected" ] || die 77 "$file is not what was observed"

  # By itself first, as an ordinary user, in a place where a mistake harms nobody.
  alone=$(mktemp -d)
  trap 'rm -rf "$alone" "$new"' EXIT
  cat >"$alone/nginx.conf" <<EOF
pid $alone/pid;
error_log stderr;
events { }
http {
  access_log off;
  client_body_temp_path $alone/body;
  proxy_temp_path $alone/proxy;
  fastcgi_temp_path $alone/fastcgi;
  uwsgi_temp_path $alone/uwsgi;
  scgi_temp_path $alone/scgi;
  include $new;
}
EOF
  # Nginx before 1.19.5 has no -e, and grumbles about the log that an ordinary user may not write.
  errors=
  if nginx -h 2>&1 | grep -q -e '-e filename'; then errors='-e stderr'; fi
  # shellcheck disable=SC2086 # two words or none
  nginx -t -q -p "$alone" $errors -c "$alone/nginx.conf" 9>&- >&2 || die 78 'the new text is not valid by itself; nothing was changed'

  # Then in its place, with everything else that this Nginx serves. Whatever ends this script ends it with the former text.
  if [ -f "$file" ]; then ln -f "$file" "$former" 2>/dev/null || cp -p "$file" "$former"; else : >"$former"; fi
  trap 'put_back; rm -rf "$alone" "$new"' EXIT
  sync "$new"
  mv -T "$new" "$file"
  sh -c "$test" </dev/null 9>&- >&2 || die 1 'Nginx does not take the new text; the former one is back'
  trap 'rm -rf "$alone"' EXIT
  sync "${file%/*}"
  echo "installed $wanted"
  ;;
restore)
  put_back
  sh -c "$3" </dev/null 9>&- >&2 || die 1 'Nginx does not take the former text'
  echo "restored $(sum "$file")"
  ;;
keep)
  rm -f "$former"
  echo kept
  ;;
*) die 78 "\"$action\" is no action" ;;
esac
