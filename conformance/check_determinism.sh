#!/bin/sh
# Runs the in-process suite twice and compares, case by case, the hash of every
# library call that was made.  Usage: check_determinism.sh XENBLK-CONFORM-INPROCESS
set -eu

program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for run in first second; do
	"$program" run --target inprocess --trace-hash >"$work/$run"
done
cases=$(wc -l <"$work/first")
if [ "$cases" -eq 0 ]; then
	echo "no case was run" >&2
	exit 1
fi
if ! diff "$work/first" "$work/second"; then
	echo "the same case gave two different traces" >&2
	exit 1
fi
echo "$cases cases gave the same trace twice"
