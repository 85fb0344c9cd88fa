# Sourced by the stress tests: a world with the daemon in it, and a clean end.
#
# Each test calls itself again inside `xenblk-sim run`, so that the world, the
# daemon and everything else end with it, whatever happens.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
preset=${XENBLK_PRESET:-release}
bin=$top/build/$preset/bin
export PATH=$bin:/usr/sbin:/sbin:$PATH

say() { printf '%s %s\n' "$(date +%T)" "$*"; }
fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }

# Run the calling script again inside a world; returns only there.
enter_world() {
	[ -x "$bin/xenblkd" ] ||
		fail "no build in build/$preset: run cmake --preset $preset && ninja -C build/$preset"
	[ -n "${XENSIM_SOCKET:-}" ] && return
	exec "$bin/xenblk-sim" run -- "$0" "$@"
}

# A daemon on this world's xenstore; daemon_pid, socket and log are set.
start_daemon() {
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/xenblk-stress.XXXXXX")
	socket=$scratch/control
	log=$scratch/xenblkd.log
	trap 'stop_all' EXIT
	xenblkd --foreground --control "$socket" --worker "$bin/xenblk-worker" "$@" \
		2>"$log" &
	daemon_pid=$!
	for _ in $(seq 100); do
		[ -S "$socket" ] && return
		kill -0 "$daemon_pid" 2>/dev/null ||
			fail "xenblkd ended at once: $(tail -n 3 "$log")"
		sleep 0.05
	done
	fail "xenblkd did not open its control socket within 5 s"
}

cleanup() { :; } # a test may define its own, run before the daemon ends

stop_all() {
	status=$?
	trap - EXIT
	set +e
	cleanup
	kill "$daemon_pid" 2>/dev/null
	wait "$daemon_pid" 2>/dev/null
	if [ "$status" -ne 0 ] && [ -f "$log" ]; then
		printf -- '--- the daemon said:\n' >&2
		tail -n 20 "$log" >&2
	fi
	rm -rf "$scratch"
	exit "$status"
}
