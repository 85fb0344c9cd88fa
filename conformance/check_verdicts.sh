#!/bin/sh
# Runs the hidden fixture cases, each of which ends in a known way, and compares
# the verdicts and the exit status.
# Usage: check_verdicts.sh XENBLK-CONFORM[-INPROCESS] TARGET
set -eu

program=$1
target=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/expected" <<END
PASS fixture.pass
FAIL fixture.fail
FAIL fixture.nonstrict
SKIP fixture.skip
REJECT fixture.reject
FAIL fixture.no-answer
WEDGED fixture.hang
CRASH fixture.crash
END
status=0
"$program" run 'fixture.*' --target "$target" --timeout 15 --tap \
	>"$work/tap" 2>"$work/text" || status=$?
grep -o '^[A-Z]* *fixture\.[a-z-]*' "$work/text" | sed 's/  */ /' >"$work/got"
if ! diff "$work/expected" "$work/got"; then
	cat "$work/text" >&2
	echo "a fixture did not get its verdict" >&2
	exit 1
fi
if [ "$status" -ne 1 ]; then
	echo "exit status $status, not 1" >&2
	exit 1
fi
if [ "$(grep -c '^not ok ' "$work/tap")" -ne 6 ]; then
	cat "$work/tap" >&2
	echo "TAP does not say that six cases failed" >&2
	exit 1
fi

# Nothing to run and no such case are told apart.
status=0
"$program" run blkif.ring.wrap -x '*' --target "$target" 2>"$work/text" || status=$?
[ "$status" -eq 3 ] || { echo "exit status $status for nothing, not 3" >&2; exit 1; }
status=0
"$program" run no.such.case --target "$target" 2>"$work/text" || status=$?
[ "$status" -eq 2 ] || { echo "exit status $status for no such case, not 2" >&2; exit 1; }
echo "every fixture got its verdict on $target"

# A bad verdict is tried again when it is asked for, and that is told.
status=0
"$program" run fixture.fail fixture.pass --target "$target" --retries 2 --json --html "$work/page" \
	>"$work/json" 2>"$work/text" || status=$?
[ "$status" -eq 1 ] || { echo "exit status $status after retries, not 1" >&2; exit 1; }
grep -q '3 attempts; the first one was FAIL' "$work/text" ||
	{ cat "$work/text" >&2; echo "three attempts are not told" >&2; exit 1; }
grep -q '1 tried more than once' "$work/text" || { echo "no sum of the retried" >&2; exit 1; }
[ "$(grep -c '"attempts": 1' "$work/json")" -eq 1 ] || { echo "what passed was tried again" >&2; exit 1; }
grep -q '</html>' "$work/page" || { echo "no page was written" >&2; exit 1; }

# The commands that work on results, and what nobody may expect of ours.
status=0
"$program" diff "$work/json" "$work/json" >"$work/text" || status=$?
[ "$status" -eq 0 ] || { echo "exit status $status of diff, not 0" >&2; exit 1; }
status=0
"$program" bless "$work/json" --baseline "$work/baseline" 2>"$work/text" || status=$?
[ "$status" -eq 2 ] || { echo "exit status $status of bless of ours, not 2" >&2; exit 1; }
echo '{"expected": []}' >"$work/baseline"
status=0
"$program" run fixture.pass --target "$target" --baseline "$work/baseline" 2>"$work/text" || status=$?
[ "$status" -eq 2 ] || { echo "exit status $status with a baseline for ours, not 2" >&2; exit 1; }
status=0
"$program" matrix "$work/json" --html "$work/page" >"$work/text" || status=$?
[ "$status" -eq 1 ] || { echo "exit status $status of matrix with a failure of ours, not 1" >&2; exit 1; }
echo "results are kept, compared and shown on $target"
