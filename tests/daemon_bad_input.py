"""What an administrator or a guest gets wrong: a clear sentence, a clean end, and a daemon that goes on."""
import json
import os
import signal
import subprocess
import tempfile

from libsim import BIN, expect, inside, nothing_held, run, sim, wait_until

DAEMON = os.path.join(BIN, "xenblkd")
CTL = os.path.join(BIN, "xenblkctl")
FRONT = os.path.join(BIN, "xenblk-front")
ERROR = "/local/domain/0/error/backend/vbd/5/51712/error"
BACKEND = "/local/domain/0/backend/vbd/5/51712"
FRONTEND = "/local/domain/5/device/vbd/51712"


def says(status, words, *command):
    """The command ends with this status and names what is wrong."""
    result = run(*command, check=False)
    text = result.stdout + result.stderr
    expect(result.returncode == status, f"{command} ended with {result.returncode}, not {status}: {text}")
    for word in words:
        expect(word in text, f"{command} does not say {word!r}: {text}")


def read(path):
    result = run("xenstore-read", path, check=False)
    return result.stdout.strip() if result.returncode == 0 else None


def write(path, value):
    run("xenstore-write", "--", path, value)


class Daemon:
    def __init__(self, folder, *options):
        self.socket = os.path.join(folder, "control")
        self.log = os.path.join(folder, "log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [DAEMON, "--foreground", "--control", self.socket, *options], stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.socket), "xenblkd does not open its control socket")

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait(20) == 0, "xenblkd does not end cleanly")


def wrong_options(folder):
    says(2, ["--nonsense"], DAEMON, "--nonsense")
    says(2, ["poll-us", "x"], DAEMON, "--poll-us", "x")
    says(2, ["max-queues", "17"], DAEMON, "--max-queues", "17")
    says(4, ["/no/worker"], DAEMON, "--foreground", "--control", folder + "/c", "--worker", "/no/worker")
    conf = folder + "/conf"
    with open(conf, "w", encoding="ascii") as f:
        f.write("max-queues = 2\nmax-quees = 3\n")
    says(2, [conf, "2", "max-quees"], DAEMON, "--config", conf)
    says(4, ["/no/socket"], CTL, "--socket", "/no/socket", "list")


def no_xenstore(folder):
    lost = dict(os.environ, XENSTORED_PATH="/no/store", XENSTORED_RUNDIR="/no")
    result = subprocess.run([DAEMON, "--foreground", "--control", folder + "/c"], env=lost, capture_output=True,
                            text=True, timeout=30, check=False)
    expect(result.returncode == 4 and "xenstore" in result.stderr, f"no word of xenstore: {result.stderr}")


def second_daemon(daemon, folder):
    says(4, [str(daemon.process.pid)], DAEMON, "--foreground", "--control", folder + "/other")
    expect(daemon.alive(), "the first daemon ended because of the second")


def bad_images(daemon, folder):
    """Each gets an error node that names it; the daemon stays."""
    empty, odd, hidden = (os.path.join(folder, n) for n in ("empty", "odd", "hidden"))
    for path, size in ((empty, 0), (odd, 1000), (hidden, 4096)):
        with open(path, "wb") as f:
            f.truncate(size)
    for params, word in ((f"file:{empty}", empty), ("file:/no/image", "/no/image"), ("file:relative", "relative"),
                         (f"file:{folder}", folder), ("null:0", "0"), ("null:12Q", "12Q"), ("", "params")):
        sim("attach", "5", "xvda", "--params", params)
        wait_until(lambda: read(ERROR), f"no error node for {params!r}")
        expect(word in read(ERROR), f"{params!r}: the error node does not name it: {read(ERROR)}")
        sim("detach", "5", "xvda")
        # It goes when the daemon sees the directory gone: the next disk would find this one's.
        wait_until(lambda: read(ERROR) is None, f"the error node of {params!r} stays")
        expect(daemon.alive(), f"xenblkd ended over {params!r}")
    # 1000 bytes hold one sector; the rest is cut, with a warning.
    sim("attach", "5", "xvda", "--params", f"file:{odd}")
    wait_until(lambda: read(BACKEND + "/state") == "2", "a disk of an odd size is not served")
    expect(odd in daemon.text(), "no warning about the odd size")
    sim("detach", "5", "xvda")


def garbage_from_a_frontend(daemon):
    """Keys that make no sense: error node, Closing, and the next guest works."""
    for key, value in (("ring-ref", "4294967296"), ("ring-ref", "-1"), ("ring-ref", "8; rm"), ("ring-page-order", "31"),
                       ("multi-queue-num-queues", "9" * 200), ("protocol", "vax-abi"), ("event-channel", "")):
        sim("attach", "5", "xvda", "--params", "null:1G")
        wait_until(lambda: read(BACKEND + "/state") == "2", "the backend does not reach InitWait")
        for k, v in {"ring-ref": "8", "event-channel": "1", "protocol": "x86_64-abi", key: value}.items():
            write(f"{FRONTEND}/{k}", v)
        write(FRONTEND + "/state", "3")
        wait_until(lambda: read(BACKEND + "/state") in ("5", "6"), f"{key}={value[:20]!r} is not refused")
        expect(read(ERROR), f"{key}={value[:20]!r}: no error node")
        sim("detach", "5", "xvda")
        expect(daemon.alive(), f"xenblkd ended over {key}={value[:20]!r}")


def half_way_and_never(daemon):
    """Closes half-way, dies half-way, never answers: each can be detached and forgotten."""
    for state in ("5", "6", None):
        sim("attach", "5", "xvda", "--params", "null:1G")
        wait_until(lambda: read(BACKEND + "/state") == "2", "the backend does not reach InitWait")
        if state:
            write(FRONTEND + "/state", state)
        sim("detach", "5", "xvda")
        expect(read(BACKEND + "/state") is None, "the backend directory stays")
    sim("attach", "5", "xvda", "--params", "null:1G")
    run("xenstore-rm", FRONTEND)
    write(BACKEND + "/online", "0")
    write(BACKEND + "/state", "5")
    wait_until(lambda: read(BACKEND + "/state") == "6", "a disk without a frontend cannot be unplugged")
    run("xenstore-rm", BACKEND)
    expect(daemon.alive(), "xenblkd ended")


def worker_killed(daemon):
    """A worker that dies costs its disk, says why, and nothing else."""
    sim("attach", "5", "xvda", "--params", "ram:64M")
    holder = subprocess.Popen([os.path.join(BIN, "xenblk-sim"), "guest", "5", "--", FRONT, "info", "--devid", "xvda", "--hold"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: read(BACKEND + "/state") == "4", "the disk does not connect")
    shown = json.loads(run(CTL, "--socket", daemon.socket, "--json", "show", "5/51712").stdout)
    os.kill(shown["disks"][0]["worker"], signal.SIGKILL)
    wait_until(lambda: read(BACKEND + "/state") in ("5", "6"), "the loss of the worker goes unnoticed")
    expect("signal 9" in (read(ERROR) or ""), "the error node does not say why")
    holder.send_signal(signal.SIGINT)
    holder.wait(20)
    sim("detach", "5", "xvda", "--force")
    expect(daemon.alive(), "xenblkd ended with its worker")


def hung_up(daemon):
    """A terminal that goes away, or an administrator who wants settings read again, costs no disk."""
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the settings stay" in daemon.text(), "SIGHUP is not answered in the log")
    expect(daemon.alive(), "xenblkd ended over SIGHUP")


def works(daemon):
    sim("attach", "5", "xvda", "--params", "ram:64M")
    sim("guest", "5", "--", FRONT, "load", "--devid", "xvda", "--operations", "500", "--verify", "--write", "50")
    sim("detach", "5", "xvda")
    expect(daemon.alive(), "xenblkd ended")


def test():
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        wrong_options(folder)
        no_xenstore(folder)
        daemon = Daemon(folder)
        second_daemon(daemon, folder)
        bad_images(daemon, folder)
        garbage_from_a_frontend(daemon)
        half_way_and_never(daemon)
        worker_killed(daemon)
        hung_up(daemon)
        works(daemon)
        daemon.stop()
        nothing_held(0)


inside(test)
