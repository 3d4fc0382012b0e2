#!/bin/sh
# Makes a fresh Debian machine ready for the tests, the demo and the bench: Debian's packages, this project's own, and wheels for pip.
# Says nothing, and takes a moment, when all is there. Needs root: the tests' hosts are namespaces.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
  echo 'The hosts of the tests, the demo and the bench are namespaces of this machine, which only root can make: run this as root.' >&2
  exit 2
fi

# Each file with the package that has it.
lacking=$(
  while read -r file package; do
    # shellcheck disable=SC2086 # a pattern
    set -- $file
    [ -e "$1" ] || printf ' %s' "$package"
  done <<'END'
/usr/sbin/nginx nginx
/usr/sbin/sshd openssh-server
/usr/bin/ssh openssh-client
/usr/bin/sudo sudo
/usr/bin/git git
/usr/bin/supervisord supervisor
/usr/sbin/ip iproute2
/usr/bin/ps procps
/usr/bin/pidof sysvinit-utils
/usr/bin/openssl openssl
/usr/bin/curl curl
/usr/bin/shellcheck shellcheck
/usr/bin/gunicorn gunicorn
/usr/bin/pip3 python3-pip
/usr/lib/python3.*/ensurepip python3-venv
/usr/share/python-wheels/setuptools-*.whl python3-setuptools-whl
/usr/lib/python3/dist-packages/django python3-django
/usr/lib/python3/dist-packages/psycopg2 python3-psycopg2
/usr/lib/postgresql/*/bin/postgres postgresql
END
)
if [ -n "$lacking" ]; then
  echo "Installing Debian's packages:$lacking" >&2
  # No service shall start on this machine: each test runs its own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT HUP TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  log=/var/log/orchestrate-test-setup.log
  # shellcheck disable=SC2086 # words
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "Debian's packages could not be installed; all of it is in $log" >&2
    exit 1
  fi
fi
if [ ! -x node_modules/.bin/node ]; then
  echo 'Installing the packages of package-lock.json' >&2
  # `npm ci` refuses a lock file that lacks what only other platforms need, and a registry may not have all of that.
  npm ci --no-audit --no-fund --loglevel=silent || npm install --no-save --no-audit --no-fund --loglevel=error
fi >&2
/usr/bin/python3 test/fleet/wheels.py /var/cache/orchestrate-test/wheels
