"""Counters, from the worker to the reader: xenblkctl stats and top, on a disk that did known things."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

from libsim import BIN, expect, inside, run, sim, wait_until

CTL = os.path.join(BIN, "xenblkctl")
PAGE = os.path.join(os.environ["XENBLK_TOP"], "doc", "man", "xenblkctl.1")
DISK = "5/51712"


def start(folder):
    socket = os.path.join(folder, "control")
    with open(os.path.join(folder, "log"), "wb") as log:
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", socket],
                                  stderr=log, stdin=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(socket), "xenblkd does not open its control socket")
    return daemon, socket


def front(*options):
    return ("guest", "5", "--", os.path.join(BIN, "xenblk-front"), "load", *options)


def stats(socket):
    return json.loads(run(CTL, "--socket", socket, "stats", DISK, "--json").stdout)["disks"][0]


def counters_add_up(disk):
    total, queues = disk["total"], disk["queues"]
    for key, value in total.items():
        if not isinstance(value, int):
            continue
        parts = [queue[key] for queue in queues]
        wanted = max(parts) if key == "depth_high" else sum(parts)
        expect(value == wanted, f"{key}: the queues say {parts}, the total {value}")


def known_work_is_counted(socket):
    """The counters outlive the connection, so that it can be over when they are read."""
    sim(*front("--queues", "2", "--operations", "600", "--block-size", "4k", "--write", "50", "--depth", "8"))
    wait_until(lambda: stats(socket)["total"]["depth"] == 0, "a request is under way though the guest is gone")
    disk = stats(socket)
    total = disk["total"]
    counters_add_up(disk)
    expect(total["reads"] + total["writes"] >= 600, f"requests are missing: {total}")
    expect(total["bytes_read"] == 512 * total["sectors_read"], f"bytes and sectors differ: {total}")
    expect(total["bytes_read"] + total["bytes_written"] >= 600 * 4096, f"bytes are missing: {total}")
    expect(1 <= total["depth_high"] <= 64, f"a high water of {total['depth_high']}")
    for kind, requests in (("read", "reads"), ("write", "writes"), ("flush", "flushes")):
        histogram = total["latency"][kind]
        expect(sum(histogram["buckets"]) == total[requests], f"{kind}: not as many latencies as requests: {total}")
        expect((histogram["sum_ns"] > 0) == (total[requests] > 0), f"{kind}: the sum is {histogram['sum_ns']}")
    return disk


def page_explains_all(disk):
    with open(PAGE, encoding="utf-8") as page:
        text = page.read().replace("\\-", "-")
    for key in disk["total"]:
        expect(re.search(rf"^\.B {key}$", text, re.MULTILINE),
               f"doc/man/xenblkctl.1 does not say what the counter {key} means: give it a paragraph")


def tables_show_it(socket, disk):
    text = run(CTL, "--socket", socket, "stats").stdout
    for word in ("reads", "bytes_written", "depth_high", "read p99 us", str(disk["total"]["segments"])):
        expect(word in text, f"stats does not show {word}: {text}")
    top = run(CTL, "--socket", socket, "top", "--once", "--interval", "0.1").stdout
    expect(top.startswith("DISK") and DISK in top and "\033" not in top, f"top --once shows {top}")
    wrong = run(CTL, "--socket", socket, "top", check=False)
    expect(wrong.returncode == 2 and "--once" in wrong.stderr, f"top without a terminal: {wrong}")
    for options in (("--interval", "0"), ("--interval", "soon"), ("--json",)):
        wrong = run(CTL, "--socket", socket, "top", *options, check=False)
        expect(wrong.returncode == 2 and wrong.stderr, f"top {options}: {wrong}")


class Screen:
    """A terminal, and xenblkctl top on it."""

    def __init__(self, socket, rows, columns):
        self.master, slave = pty.openpty()
        self.slave, self.text = slave, ""
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen([CTL, "--socket", socket, "top", "--interval", "0.1"], stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, condition, sentence, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            expect(time.monotonic() < end, f"{sentence}: {self.text[-600:]!r}")
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536).decode()

    def lines(self):
        """Of the last picture that is complete."""
        pictures = self.text.split("\033[H\033[J")
        return pictures[-2].split("\r\n") if len(pictures) > 2 else []

    def end(self, status):
        self.wait(lambda: self.process.poll() is not None, "top does not end")
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 65536).decode()
        expect(self.process.returncode == status, f"top ended with {self.process.returncode}")
        expect(termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was")
        os.close(self.master)
        os.close(self.slave)


def top_is_alive(socket):
    load = subprocess.Popen([os.path.join(BIN, "xenblk-sim"), *front("--queues", "2", "--seconds", "60")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    screen = Screen(socket, 24, 140)
    screen.wait(lambda: any(re.match(rf"{DISK} +all +[1-9]", line) for line in screen.lines()), "no rates are shown")
    expect(all(len(line) <= 140 for line in screen.lines()), "a line is longer than the screen")
    screen.resize(4, 30)
    os.killpg(screen.process.pid, signal.SIGWINCH)
    screen.wait(lambda: 0 < len(screen.lines()) <= 3 and max(map(len, screen.lines())) <= 30, "top does not resize")
    os.write(screen.master, b"q")
    screen.end(0)
    screen = Screen(socket, 24, 80)
    screen.wait(lambda: screen.lines(), "nothing is shown")
    screen.process.terminate()
    screen.end(0)
    load.terminate()
    load.wait(20)


def top_without_daemon(socket, daemon):
    screen = Screen(socket, 24, 80)
    screen.wait(lambda: screen.lines(), "nothing is shown")
    daemon.send_signal(signal.SIGTERM)
    expect(daemon.wait(20) == 0, "xenblkd does not end cleanly")
    screen.end(4)
    expect("hung up" in screen.text, f"top does not say that the daemon is gone: {screen.text!r}")


def test():
    with tempfile.TemporaryDirectory() as folder:
        daemon, socket = start(folder)
        sim("attach", "5", "xvda", "--params", "null:64M")
        disk = known_work_is_counted(socket)
        page_explains_all(disk)
        tables_show_it(socket, disk)
        top_is_alive(socket)
        top_without_daemon(socket, daemon)


inside(test)
