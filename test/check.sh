#!/bin/sh
# Format, lint, types, unused code, shell scripts: everything that needs no running.
set -eu
cd "$(dirname "$0")/.."
if ! oxfmt --check . >/dev/null; then
  oxfmt --list-different . || :
  echo 'not formatted: npm run format'
  exit 1
fi >&2
oxlint --type-aware
tsc -p .
knip
# Some are parts that stand before others, where shellcheck can't see what they are for.
find src templates test bench .ci -name '*.sh' -o -path .ci/run | sort | xargs shellcheck --exclude=SC1091,SC2034,SC2154,SC2317
