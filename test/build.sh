#!/bin/sh
# What npm publishes: JavaScript in dist, with the scripts that run on hosts beside it.
set -eu
cd "$(dirname "$0")/.."
rm -rf dist
tsc -p tsconfig.build.json
cp -R src/remote dist/remote
chmod +x dist/main.js
