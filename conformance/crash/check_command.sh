#!/bin/sh
# The command crash: the same seed tells the same, wrong words are told, and
# the programs without a backend find the one that has it.
#
# usage: check_command.sh XENBLK-CONFORM-INPROCESS XENBLK-CONFORM
set -eu

inprocess=$1
conform=$2

fail()
{
	echo "check_command: $1" >&2
	exit 1
}

expect_status()
{
	wanted=$1
	shift
	status=0
	"$@" >/dev/null 2>&1 || status=$?
	[ "$status" -eq "$wanted" ] || fail "$*: status $status, not $wanted"
}

one=$("$inprocess" crash --seed 7 --histories 30 --deaths)
two=$("$conform" crash --seed 7 --histories 30 --deaths)
[ "$one" = "$two" ] || fail "one seed, two stories: $one / $two"
three=$("$inprocess" crash --seed 8 --histories 30 --deaths)
[ "$one" != "$three" ] || fail "two seeds, one story: $one"
case $one in
"30 histories from seed 7: "*" workers killed; "*) ;;
*) fail "unexpected words: $one" ;;
esac

expect_status 0 "$inprocess" crash --histories 1
expect_status 2 "$inprocess" crash --histories 0
expect_status 2 "$inprocess" crash --seed never
expect_status 2 "$inprocess" crash blkif.flush
