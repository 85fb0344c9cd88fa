"""Limits of a disk: kept for all queues together, changed under load, and a held disk can still be detached."""
import json
import os
import signal
import subprocess
import tempfile
import time

from libsim import BIN, SIM, expect, inside, run, sim, wait_until

CTL = os.path.join(BIN, "xenblkctl")
DISK = "5/51712"
SECONDS = 3


def start(folder, *options):
    socket = os.path.join(folder, "control")
    with open(os.path.join(folder, "log"), "wb") as log:
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", socket, *options],
                                  stderr=log, stdin=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(socket), "xenblkd does not open its control socket")
    return daemon, socket


def ctl(socket, *arguments, check=True):
    return run(CTL, "--socket", socket, *arguments, check=check)


def start_load(*options):
    return subprocess.Popen([SIM, "guest", "5", "--", os.path.join(BIN, "xenblk-front"), "load", "--queues", "4",
                             "--depth", "16", "--block-size", "4k", "--seconds", "120", *options],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def sample(socket):
    disk = json.loads(ctl(socket, "stats", DISK, "--json").stdout)["disks"][0]
    return disk["time_ns"] / 1e9, disk["total"]


def rates(socket, seconds=SECONDS):
    """Requests and bytes per second, by the daemon's clock, while a load runs."""
    start, before = sample(socket)
    time.sleep(seconds)
    end, after = sample(socket)
    change = {key: (after[key] - before[key]) / (end - start) for key in after if isinstance(after[key], int)}
    return change["reads"] + change["writes"], change["bytes_read"] + change["bytes_written"], change["held"]


def is_kept(rate, limit, what):
    """A machine that is busy may do less; none may do more than the rate and its burst."""
    expect(rate <= limit * (1 + 0.1 / SECONDS) * 1.03, f"{what}: {rate:.0f} per second, the limit is {limit}")
    print(f"{what}: {rate:.0f} per second of {limit}: {rate / limit:.4f}")
    return rate >= limit * 0.97


def some_time(measure, sentence):
    """Within some attempts: the rate is reached when the machine lets it be."""
    for _ in range(10):
        if measure():
            return
    raise AssertionError(sentence)


def limits_are_kept(socket):
    some_time(lambda: is_kept(rates(socket)[0], 2000, "requests of the configuration"), "2000 are never reached")
    ctl(socket, "limit", DISK, "--iops", "500")
    time.sleep(0.2)
    some_time(lambda: is_kept(rates(socket)[0], 500, "requests"), "500 are never reached")
    ctl(socket, "limit", DISK, "--iops", "none", "--bandwidth", "16M")
    time.sleep(0.2)
    some_time(lambda: is_kept(rates(socket)[1], 16 << 20, "bytes"), "16 MiB are never reached")
    _, _, held = rates(socket)
    expect(0 < held <= 4 * 1100, f"four queues slept {held:.0f} times a second: more than a thousand each")
    ctl(socket, "limit", DISK, "--bandwidth", "0")
    some_time(lambda: rates(socket, 0.5)[1] > (32 << 20), "a disk without limits is slow")


def words(socket):
    text = ctl(socket, "limit", DISK, "--bandwidth", "3k", check=False)
    expect(text.returncode == 1 and "from 4K" in text.stderr, f"3k is taken: {text}")
    text = ctl(socket, "limit", DISK, "--iops", "1000", "--bandwidth", "2m", "--burst", "50").stdout
    expect("1000 per second" in text and "2097152 per second" in text and "50 ms" in text, f"limit says {text}")
    show = json.loads(ctl(socket, "show", DISK, "--json").stdout)["disks"][0]
    expect((show["limit_iops"], show["limit_bandwidth"], show["limit_burst_ms"]) == (1000, 2 << 20, 50), f"{show}")
    for wrong in (("--iops", "-1"), ("--iops", "1k"), ("--bandwidth", "4X"), ("--burst", "")):
        result = ctl(socket, "limit", DISK, *wrong, check=False)
        expect(result.returncode == 2 and wrong[0] in result.stderr, f"{wrong}: {result}")
    expect(ctl(socket, "list", "--iops", "1", check=False).returncode == 2, "list takes --iops")
    expect(ctl(socket, "limit", "6/1", "--iops", "1", check=False).returncode == 1, "a disk that is not there")


def show(socket):
    return json.loads(ctl(socket, "show", DISK, "--json").stdout)["disks"][0]


def held_disks_end(socket, load):
    """One request a second: whoever waits for that must not make others wait."""
    ctl(socket, "limit", DISK, "--iops", "1", "--bandwidth", "none", "--burst", "10")
    before = sample(socket)[1]["held"]
    wait_until(lambda: sample(socket)[1]["held"] > before, "the load is not held")
    os.kill(show(socket)["worker"], signal.SIGKILL)
    wait_until(lambda: show(socket)["rescues"] == 1, "the worker is not replaced")
    before = sample(socket)[1]["held"]
    wait_until(lambda: sample(socket)[1]["held"] > before, "the new worker has no limit")
    load.kill()
    load.wait(20)
    sim("destroy", "5")
    wait_until(lambda: show(socket)["state"] == "closed", "the disk of a guest that is gone still waits")


def kept_by_the_next_daemon(folder, daemon, socket):
    """Killed, so that nothing could be said at the end; the disk's directory has the limits."""
    ctl(socket, "limit", DISK, "--iops", "700", "--bandwidth", "none", "--burst", "60")
    daemon.kill()
    daemon.wait(20)
    os.unlink(socket)
    daemon, socket = start(folder, "--limit-iops", "2000")
    wait_until(lambda: sample_or_none(socket), "the next daemon does not find the disk")
    # Until then the worker before it may serve, and what it was told last may not have reached it.
    wait_until(lambda: show(socket)["state"] == "connected", "the disk is not gone on with")
    disk = show(socket)
    expect((disk["limit_iops"], disk["limit_bandwidth"], disk["limit_burst_ms"]) == (700, 0, 60), f"{disk}")
    some_time(lambda: is_kept(rates(socket)[0], 700, "requests under the next daemon"), "700 are never reached")
    return daemon, socket


def sample_or_none(socket):
    answer = ctl(socket, "stats", DISK, "--json", check=False)
    return json.loads(answer.stdout)["disks"] if answer.returncode == 0 else None


def written_by_a_toolstack(folder, socket):
    """Before the disk starts; what is no number counts for nothing, and is said."""
    sim("attach", "5", "xvdb", "--params", "null:64M", "limit-iops=300", "limit-bandwidth=1M", "limit-burst-ms=20")
    wait_until(lambda: ctl(socket, "show", "5/51728", check=False).returncode == 0, "the second disk is not seen")
    disk = json.loads(ctl(socket, "show", "5/51728", "--json").stdout)["disks"][0]
    expect((disk["limit_iops"], disk["limit_bandwidth"], disk["limit_burst_ms"]) == (300, 0, 20), f"{disk}")
    with open(os.path.join(folder, "log"), encoding="utf-8") as log:
        expect("its node limit-bandwidth is not a number" in log.read(), "nothing is said of a node that is no number")
    sim("detach", "5", "xvdb")


def test():
    with tempfile.TemporaryDirectory() as folder:
        daemon, socket = start(folder, "--limit-iops", "2000")
        sim("attach", "5", "xvda", "--params", "null:64M")
        load = start_load("--write", "50")
        wait_until(lambda: sample_or_none(socket), "the disk is not seen")
        wait_until(lambda: sample(socket)[1]["reads"] > 0, "the load does not begin")
        limits_are_kept(socket)
        words(socket)
        daemon, socket = kept_by_the_next_daemon(folder, daemon, socket)
        written_by_a_toolstack(folder, socket)
        held_disks_end(socket, load)
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(20) == 0, "xenblkd does not end cleanly")


inside(test)
