# shellcheck shell=sh
# Answers, and that is all: whether the link to this host is there. Changes nothing. Prints `here`. Exits 0.
echo here
