#!/bin/bash
# What the bench compares with: a roll as a good operations engineer writes it in bash, with one multiplexed OpenSSH connection a host
# and a reload of Nginx for each change of its upstream. Batch 1. Staging is done on all hosts at once before the first one leaves.
#   roll.sh SETTINGS COMMIT
# SETTINGS is sourced: user, key, known_hosts, balancers=(ADDRESS...), backends=(NAME=ADDRESS...), repository, root, port, pid_file,
# upstream, upstream_file, nginx (command line), static, site (Host header), health, warm, requests (of the warm-up, at once), keep.
# With `second`, another port, each host has two slots: the release starts in the one that does not serve on all hosts at once, the hosts move
# over one by one with a reload each, and what served before is drained and ended. %s in pid_file is the port then.
# Prints `out NAME SECONDS` and `in NAME SECONDS` (since the epoch) when a backend has left and come back.
set -euo pipefail
# shellcheck source=/dev/null
. "$1"
commit=$2
: "${user:?} ${key:?} ${known_hosts:?} ${repository:?} ${root:?} ${port:?} ${pid_file:?} ${upstream:?} ${upstream_file:?} ${nginx:?}"
: "${static:?} ${site:?} ${health:?} ${warm:?} ${requests:?} ${keep:?} ${balancers[0]:?} ${backends[0]:?}"
second=${second-}
work=$(mktemp -d)
release=$(date -u +%Y%m%d-%H%M%S)-${commit:0:7}
addresses=("${backends[@]#*=}")
first=${addresses[0]}
options=(-F none -o "UserKnownHostsFile=$known_hosts" -o BatchMode=yes -o ConnectTimeout=10 -l "$user" -i "$key")
locked='' masters=()

finish() {
  [ -z "$locked" ] || on "${balancers[0]}" "rmdir $upstream_file.lock" || true
  kill "${masters[@]}" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap finish EXIT

# on ADDRESS COMMAND...
on() {
  ssh -S "$work/$1" "${options[@]}" "$@"
}

# each FUNCTION ADDRESS...: on all of them at once; fails when one has failed.
each() {
  local function=$1 pids=() pid address failed=''
  shift
  for address; do
    "$function" "$address" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
  [ -z "$failed" ]
}

connected() {
  local try
  for try in {1..100}; do
    [ ! -S "$work/$1" ] || return 0
    sleep 0.1
  done
  echo "$1: no connection after $try looks" >&2
  return 1
}

stage() {
  on "$1" "set -e
    mkdir -p $root/releases/$release/repository $root/virtualenvs
    cd $root/releases/$release/repository
    tar -xzf -
    key=\$(cat requirements.txt requirements/*.txt | sha256sum | cut -c 1-16)
    if [ ! -e $root/virtualenvs/\$key/complete ]; then
      rm -rf $root/virtualenvs/\$key
      python3 -m venv $root/virtualenvs/\$key
      $root/virtualenvs/\$key/bin/pip install -q --disable-pip-version-check -r requirements.txt
      touch $root/virtualenvs/\$key/complete
    fi
    ln -s $root/virtualenvs/\$key ../virtualenv" <"$work/code.tar.gz"
}

build() {
  on "$first" "set -ea
    cd $root/releases/$release/repository
    . $root/shared/env
    ../virtualenv/bin/python manage.py check >&2
    ../virtualenv/bin/python manage.py collectstatic --noinput -v 0 >&2
    tar -czf - static" >"$work/static.tar.gz"
}

hand_out() {
  on "$1" "tar -xzf - -C $root/releases/$release/repository" <"$work/static.tar.gz"
}

publish() {
  on "$1" "tar -xzf - -C $static --strip-components=1" <"$work/static.tar.gz"
}

# flip [NAME]: the upstream with that backend marked `down`, on all balancers, with a reload.
flip() {
  local backend
  {
    echo "upstream $upstream {"
    for backend in "${backends[@]}"; do
      echo "  server ${backend#*=}:$port max_fails=0$([ "${backend%%=*}" != "${1:-}" ] || echo ' down');"
    done
    echo '}'
  } >"$work/upstream"
  each reload "${balancers[@]}"
}

reload() {
  on "$1" "cat >$upstream_file.new && mv $upstream_file.new $upstream_file && sudo $nginx -t -q && sudo $nginx -s reload" <"$work/upstream"
}

# Two looks without a connection, once the new workers are there.
drain() {
  on "$1" "sleep 0.5; quiet=0; looks=0
    until [ \$quiet -eq 2 ]; do
      if ss -Htn state established state syn-recv '( sport = :$port )' | grep -q .; then quiet=0; else quiet=\$((quiet + 1)); fi
      [ \$((looks += 1)) -lt 150 ] || exit 1
      sleep 0.2
    done"
}

# Supervisor starts again what has ended.
switch() {
  on "$1" "set -e
    ln -sfn releases/$release $root/current.new && mv -T $root/current.new $root/current
    if [ -s $pid_file ]; then
      old=\$(cat $pid_file)
      kill -s TERM \$old
      while [ -e /proc/\$old ]; do sleep 0.1; done
    fi"
}

# Twice in a row, as seen from a balancer.
healthy() {
  on "$1" "well=0; asked=0
    until [ \$well -eq 2 ]; do
      if curl -fsS -m 2 -o /dev/null -H 'Host: $site' http://$leaving:$port$health 2>/dev/null; then well=\$((well + 1)); else well=0; fi
      [ \$((asked += 1)) -lt 120 ] || exit 1
      [ \$well -eq 2 ] || sleep 0.5
    done"
}

warm_up() {
  on "$1" "for n in \$(seq $requests); do curl -s -m 30 -o /dev/null -H 'Host: $site' http://$leaving:$port$warm & done; wait"
}

prune() {
  on "$1" "cd $root/releases && ls | sort | head -n -$keep | xargs -r rm -rf"
}

# start ADDRESS: the release in the slot that does not serve; until it is well.
start() {
  local leaving=$1 port=$idle
  on "$1" "ln -sfn releases/$release $root/slot-$port.new && mv -T $root/slot-$port.new $root/slot-$port"
  each healthy "${balancers[@]}"
  warm_up "${balancers[0]}"
}

# move N: the upstream with the first N backends on their other slot.
move() {
  local at
  {
    echo "upstream $upstream {"
    for at in "${!addresses[@]}"; do
      echo "  server ${addresses[at]}:$([ "$at" -lt "$1" ] && echo "$idle" || echo "$port") max_fails=0;"
    done
    echo '}'
  } >"$work/upstream"
  each reload "${balancers[@]}"
}

# stop ADDRESS: what served before, once nobody is there. Its program waits for a link then.
stop() {
  drain "$1"
  # shellcheck disable=SC2059 # pid_file is the format
  on "$1" "set -e
    rm -f $root/slot-$port
    pid_file=$(printf "$pid_file" "$port")
    if [ -s \$pid_file ]; then
      old=\$(cat \$pid_file)
      kill -s TERM \$old
      while [ -e /proc/\$old ]; do sleep 0.1; done
    fi"
}

for address in "${balancers[@]}" "${addresses[@]}"; do
  ssh -M -N -S "$work/$address" "${options[@]}" "$address" </dev/null &
  masters+=($!)
done
git -C "$repository" archive --format=tar.gz -1 "$commit" >"$work/code.tar.gz"
each connected "${balancers[@]}" "${addresses[@]}"
on "${balancers[0]}" "mkdir $upstream_file.lock" && locked=yes

each stage "${addresses[@]}"
build
each hand_out "${addresses[@]:1}"
each publish "${balancers[@]}"
on "$first" "set -ea; cd $root/releases/$release/repository; . $root/shared/env; ../virtualenv/bin/python manage.py migrate --noinput -v 1" >&2

if [ -n "$second" ]; then
  idle=$second
  if on "${balancers[0]}" "grep -q :$second $upstream_file"; then idle=$port port=$second; fi
  each start "${addresses[@]}"
  for moved in "${!addresses[@]}"; do move $((moved + 1)); done
  each stop "${addresses[@]}"
  each prune "${addresses[@]}"
  exit
fi
for backend in "${backends[@]}"; do
  leaving=${backend#*=}
  flip "${backend%%=*}"
  echo "out ${backend%%=*} $EPOCHREALTIME"
  drain "$leaving"
  switch "$leaving"
  each healthy "${balancers[@]}"
  warm_up "${balancers[0]}"
  flip
  echo "in ${backend%%=*} $EPOCHREALTIME"
done
each prune "${addresses[@]}"
