"""A guest that kicks without cause: its queue stops listening for a while, and its disk serves it all the same."""
import json
import os
import signal
import subprocess
import tempfile
import time

from libsim import BIN, SIM, expect, inside, run, sim, wait_until

DISK = "5/51712"
# limits.h: events that are free, those that a turn with work earns, the last pause.
FREE, EARNED, LAST_PAUSE_S = 64, 2, 0.016


def start(folder):
    socket = os.path.join(folder, "control")
    daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", socket],
                              stdin=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(socket), "xenblkd does not open its control socket")
    return daemon, socket


def counters(socket):
    done = run(os.path.join(BIN, "xenblkctl"), "--socket", socket, "stats", DISK, "--json")
    return json.loads(done.stdout)["disks"][0]["total"]


class Kicker:
    """The bench's bad neighbour: nothing but events, on one queue."""

    def __init__(self):
        self.process = subprocess.Popen(
            [SIM, "guest", "5", "--", os.path.join(BIN, "xenblk-bench-hostile"), "--domid", "5", "--mode", "events",
             "--queues", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect("queues" in self.process.stdout.readline(), "the guest did not connect")

    def kick(self, seconds):
        self.process.stdin.write(f"run {seconds}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["events"]

    def end(self):
        self.process.stdin.close()
        expect(self.process.wait(20) == 0, "the guest could not disconnect")


def storm_is_not_heard(socket):
    kicker = Kicker()
    start_s, sent = time.monotonic(), 0
    while counters(socket)["pauses"] < 8:
        expect(time.monotonic() - start_s < 60, f"no pause after {sent} events")
        sent += kicker.kick(0.2)
    sent += kicker.kick(0.5)
    seconds = time.monotonic() - start_s
    now = counters(socket)
    # As many again, since a pause may end early: the bound is far below what was sent.
    heard, bound = now["events_received"], 2 * (FREE + EARNED * now["turns"] + 16 + seconds / LAST_PAUSE_S)
    expect(heard <= bound, f"{heard} events were heard in {seconds:.1f} s, more than {bound:.0f}, of {sent}")
    print(f"{sent} events were sent, {heard} heard, {now['pauses']} pauses")
    kicker.end()
    return counters(socket)["pauses"]


def test():
    with tempfile.TemporaryDirectory() as folder:
        daemon, socket = start(folder)
        sim("attach", "5", "xvda", "--params", "ram:16M")
        pauses = storm_is_not_heard(socket)
        run(SIM, "guest", "5", "--", os.path.join(BIN, "xenblk-front"), "load", "--operations", "500", "--write", "50",
            "--verify")
        expect(counters(socket)["pauses"] == pauses, "a guest that does its work was made to wait")
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(20) == 0, "xenblkd does not end cleanly")


inside(test)
