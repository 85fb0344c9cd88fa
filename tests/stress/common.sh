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
	run_daemon "$@"
}

# A daemon; also one after another that was killed and left its socket.
run_daemon() {
	xenblkd --foreground --control "$socket" --worker "$bin/xenblk-worker" "$@" \
		2>>"$log" &
	daemon_pid=$!
	for _ in $(seq 100); do
		xenblkctl --socket "$socket" list > /dev/null 2>&1 && return
		kill -0 "$daemon_pid" 2>/dev/null ||
			fail "xenblkd ended at once: $(tail -n 3 "$log")"
		sleep 0.05
	done
	fail "xenblkd did not open its control socket within 5 s"
}

# Runs a command again and again until it succeeds: wait_for WHAT COMMAND...
wait_for() {
	local what=$1
	shift
	for _ in $(seq 600); do
		"$@" && return
		sleep 0.05
	done
	fail "$what did not come within 30 s"
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

# --- what the daemon, its worker and dom0 hold, and what they count ---

count_fds() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
worker_pid() { pgrep -P "$daemon_pid" -n xenblk-worker; }

# What the backend domain holds, once it has settled: pages, ports, handles.
held() {
	xenblk-sim status --json | python3 -c '
import json, sys
for d in json.load(sys.stdin)["domains"]:
    if d["domid"] == 0:
        print(d["mapped_pages"], d["mappings"], d["ports"], d["handles"])'
}

# A counter of the disk, and a line of what is shown about it.
counter() { xenblkctl --socket "$socket" stats 5/51712 | awk -v name="$1" '$1 == name {print $2}'; }
shown() { xenblkctl --socket "$socket" show 5/51712 | awk -v name="$1" '$1 == name {print $2}'; }

# --- a block device on a store that a process serves ---

loop='' fuse_pid='' nbdkit_pid=''

# A loop device over nbdfuse over nbdkit with these words; loop is set. A test that
# has one calls end_loop_store in its cleanup.
begin_loop_store() {
	rm -f "$scratch/nbd"
	env -u LD_PRELOAD nbdkit --foreground --exit-with-parent -U "$scratch/nbd" "$@" &
	nbdkit_pid=$!
	wait_for "nbdkit's socket" test -S "$scratch/nbd"
	: > "$scratch/fuse-file"
	env -u LD_PRELOAD nbdfuse "$scratch/fuse-file" --unix "$scratch/nbd" &
	fuse_pid=$!
	wait_for "nbdfuse's file" test -s "$scratch/fuse-file"
	loop=$(losetup --find --show --direct-io=on "$scratch/fuse-file")
}

# What there is of it: also after one of its processes was killed.
end_loop_store() {
	[ -n "$loop" ] && losetup -d "$loop"
	[ -n "$fuse_pid" ] && { kill "$fuse_pid"; wait "$fuse_pid"; }
	# Without its server nobody can look at it but the kernel.
	grep -q " $scratch/fuse-file " /proc/mounts && umount --lazy "$scratch/fuse-file"
	[ -n "$nbdkit_pid" ] && { kill "$nbdkit_pid"; wait "$nbdkit_pid"; }
	loop='' fuse_pid='' nbdkit_pid=''
}

# --- a frontend whose load outlives what is done to the backend ---

# Verified load on the disk until end_load.
start_load() {
	load_out=$scratch/load.json
	xenblk-sim guest 5 -- xenblk-front load --devid xvda --personality linux \
		--verify --write 50 --block-size 4k:55,16k:20,44k:15,128k:10 --json \
		--seconds 36000 "$@" > "$load_out" 2>&1 &
	load_pid=$!
}

# The load has had answers since this was called.
wait_for_progress() {
	local start now
	start=$(done_so_far)
	for _ in $(seq 3000); do
		kill -0 "$load_pid" 2>/dev/null || fail "the load ended: $(cat "$load_out")"
		now=$(done_so_far)
		[ "$now" -gt "$start" ] && return
		sleep 0.01
	done
	fail "no request was answered within 30 s: $(xenblkctl --socket "$socket" list)"
}

done_so_far() {
	local n
	n=$(counter reads) || n=0
	printf '%s\n' "${n:-0}"
}

# Ends the load; fails unless every request was answered well.
end_load() {
	kill -TERM "$load_pid"
	wait "$load_pid" || fail "the load failed: $(cat "$load_out")"
	python3 - "$load_out" << 'PYTHON'
import json, sys
r = json.load(open(sys.argv[1]))
bad = {k: r[k] for k in ("errors", "mismatches", "protocol") if r[k]}
if bad or r["complaint"]:
    sys.exit(f"FAIL: the frontend saw {bad}: {r['complaint']}")
print(f"the frontend: {r['operations']} requests, {r['verified_sectors']} sectors verified, no error; "
      f"the slowest took {r['max_us'] / 1000:.1f} ms")
PYTHON
}

# Pauses of the log's sentences, in milliseconds: median and longest.
pauses() {
	grep -o 'served again after [0-9]* us' "$log" | awk '{print $4}' | sort -n |
		awk '{a[NR] = $1} END {printf "median %.1f ms, longest %.1f ms (%d)\n", a[int((NR + 1) / 2)] / 1000, a[NR] / 1000, NR}'
}

# Compares with what held and count_fds gave before the disk was used.
nothing_leaked() {
	local now
	for _ in $(seq 100); do
		now=$(held)
		[ "$now" = "$1" ] && break
		sleep 0.1
	done
	[ "$now" = "$1" ] || fail "dom0 leaks Xen resources: $1, then $now"
	now=$(count_fds "$daemon_pid")
	[ "$now" -le "$2" ] || fail "the daemon leaks descriptors: $2, then $now"
}
