#!/bin/sh
# Makes a fresh Debian machine ready for the tests, the demo and the bench: Debian's packages, this project's own, and wheels for pip.
# Quick when all is there. Needs root: the tests' hosts are namespaces.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo 'The tests make real hosts out of namespaces, which takes root: run this as root.' >&2 && exit 2; }

lacking=''
# COMMAND=PACKAGE, or a FILE=PACKAGE.
for pair in /usr/sbin/nginx=nginx /usr/sbin/sshd=openssh-server /usr/bin/ssh=openssh-client /usr/bin/git=git /usr/bin/sudo=sudo \
  /usr/bin/supervisord=supervisor /usr/sbin/ip=iproute2 /usr/bin/shellcheck=shellcheck /usr/bin/openssl=openssl \
  /usr/bin/gunicorn=gunicorn /usr/lib/python3/dist-packages/django=python3-django \
  /usr/lib/python3/dist-packages/psycopg2=python3-psycopg2 /usr/lib/python3.11/ensurepip=python3-venv \
  /usr/bin/pip3=python3-pip /usr/lib/postgresql=postgresql /usr/bin/flock=util-linux /usr/bin/curl=curl; do
  [ -e "${pair%=*}" ] || lacking="$lacking ${pair#*=}"
done
if [ -n "$lacking" ]; then
  echo "Installing:$lacking" >&2
  # No service is to start on this machine: each test runs its own. However this ends, the machine's own services may start again.
  trap '[ "${made:-}" != yes ] || rm -f /usr/sbin/policy-rc.d' EXIT
  trap 'exit 130' INT HUP TERM
  printf '#!/bin/sh\nexit 101\n' >/tmp/orchestrate-policy.$$
  [ -e /usr/sbin/policy-rc.d ] || { made=yes && install -m 755 /tmp/orchestrate-policy.$$ /usr/sbin/policy-rc.d; }
  rm -f /tmp/orchestrate-policy.$$
  {
    apt-get update -qq
    # shellcheck disable=SC2086 # words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking
  } >/tmp/orchestrate-apt.log 2>&1 || {
    tail -n 20 /tmp/orchestrate-apt.log >&2
    exit 1
  }
fi
# shellcheck disable=SC3013 # every sh that Debian has knows -nt
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'Installing the packages of package-lock.json' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
fi
/usr/bin/python3 test/fleet/wheels.py /var/cache/orchestrate-test/wheels
