"""A session is recorded, judged, and becomes seeds: honest guests, hostile ones, deaths, a bound."""
import json
import os
import signal
import subprocess
import tempfile

from libsim import BIN, INSIDE, expect, inside, run, sim, wait_until

DAEMON = os.path.join(BIN, "xenblkd")
CONFORM = os.path.join(BIN, "xenblk-conform")
SCRIPT = os.path.join(BIN, "xenblk-script")
FRONT = os.path.join(BIN, "xenblk-front")
PERSONALITIES = ("linux", "linux-bounce", "windows", "freebsd", "grub", "mini-os", "legacy32", "x86_32-linux")


class Daemon:
    def __init__(self, folder, *options):
        self.socket = os.path.join(folder, "control")
        self.log = os.path.join(folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([DAEMON, "--foreground", "--control", self.socket, *options],
                                            stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.socket), "xenblkd does not open its control socket")

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait(20) == 0, f"xenblkd does not end cleanly: {self.text()}")

    def kill(self):
        self.process.kill()
        self.process.wait(20)


def guest(*command, check=True):
    return sim("guest", "5", "--", FRONT, *command, check=check)


def audit(path, status, *options):
    """The JSON document of an audit that ends with this status."""
    result = run(CONFORM, "audit", path, "--json", *options, check=False)
    expect(result.returncode == status, f"audit ended with {result.returncode}, not {status}: "
           f"{result.stderr} {result.stdout[-600:]}")
    return json.loads(result.stdout)


def totals(document, key):
    return sum(q[key] for disk in document["disks"] for q in disk["queues"])


def honest_guests(folder):
    """Several kinds of guest, one after the other: clean, and every request is there."""
    path = os.path.join(folder, "honest")
    daemon = Daemon(folder, "--record", path)
    sim("attach", "5", "xvda", "--params", "ram:16M")
    for name in PERSONALITIES:
        guest("load", "--personality", name, "--operations", "300", "--write", "50", "--block-size",
              "4k:60,512:20,44k:20", "--verify")
    sim("detach", "5", "xvda")
    daemon.stop()
    document = audit(path, 0)
    expect(document["end"] == "whole" and totals(document, "lost") == 0, f"not whole: {document['disks']}")
    expect(totals(document, "requests") >= 300 * len(PERSONALITIES), f"too few requests: {document['disks']}")
    expect(totals(document, "requests") == totals(document, "responses"), "requests and responses differ")
    kinds = {item["kind"] for item in document["items"]}
    wanted = {"front-state", "back-state", "front-key", "back-node", "worker-begin", "worker-end", "attach", "detach",
              "request", "response", "push", "event", "map", "unmap", "copy-in", "copy-out"}
    expect(wanted <= kinds, f"these kinds are missing: {wanted - kinds}")
    times = [item["time_ns"] for item in document["items"]]
    expect(times == sorted(times), "the items are not in the order of time")
    text = run(CONFORM, "audit", path).stdout
    expect("frontend's protocol = \"x86_32-abi\"" in text and "0 violations" in text, "the text lacks its items")
    quiet = run(CONFORM, "audit", path, "--quiet").stdout
    expect(len(quiet.splitlines()) < 30, "--quiet is not quiet")
    return path


def seeds_play(path, folder, most_okay):
    """The recording as seeds; playing them finds nothing and most requests are answered OKAY."""
    into = os.path.join(folder, "seeds-" + os.path.basename(path))
    run(SCRIPT, "recording", path, into)
    for harness in ("ring", "handshake_parse"):
        seeds = os.listdir(os.path.join(into, harness))
        expect(3 <= len(seeds) <= 256, f"{len(seeds)} seeds for {harness}")
        for seed in seeds:
            expect(os.path.getsize(os.path.join(into, harness, seed)) <= 2048, f"{harness}/{seed} is too long")
        words = run(os.path.join(BIN, f"fuzz-{harness}"), os.path.join(into, harness)).stderr.split()
        answered, okay = int(words[3]), int(words[6])
        expect(answered >= len(seeds), f"{harness}: {words}")
        if most_okay:
            expect(okay >= answered * 0.9, f"{harness}: only {okay} of {answered} were answered OKAY")


def deaths(folder):
    """A worker that is killed loses nothing before its death; a daemon that is killed leaves a file to read."""
    path = os.path.join(folder, "deaths")
    daemon = Daemon(folder, "--record", path)
    sim("attach", "5", "xvda", "--params", "ram:16M")
    guest("load", "--operations", "500", "--queues", "2")
    load = subprocess.Popen([os.path.join(BIN, "xenblk-sim"), "guest", "5", "--", FRONT, "load", "--operations", "2000",
                             "--hold"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers = wait_for_requests(path)
    os.kill(workers[-1], signal.SIGKILL)
    wait_until(lambda: "was killed by signal 9" in daemon.text(), "the death of the worker is not seen")
    daemon.kill()
    load.terminate()
    # Of a backend that is gone it waits for Closing and for Closed, ten seconds each.
    load.wait(60)
    sim("detach", "5", "xvda", "--force")
    document = audit(path, 0)
    sentences = [item["text"] for item in document["items"] if item["kind"] == "worker-end"]
    expect(any("signal 9" in s for s in sentences), f"the worker's end is not recorded: {sentences}")
    expect(totals(document, "requests") >= 2500, f"what it did before is gone: {document['disks']}")
    cut(path, folder)


def wait_for_requests(path):
    """Until the second connection has sent some; the workers' process numbers."""
    def seen():
        document = json.loads(run(CONFORM, "audit", path, "--json", check=False).stdout)
        workers[:] = [int(i["text"].split()[1]) for i in document["items"] if i["kind"] == "worker-begin"]
        return totals(document, "requests") >= 2500
    workers = []
    wait_until(seen, "the load is not recorded")
    return workers


def cut(path, folder):
    """Any end of the file is read; other bytes are refused in words."""
    with open(path, "rb") as recording:
        data = recording.read()
    short = os.path.join(folder, "short")
    for size in (32, 33, 64, 999, len(data) // 2 + 1, len(data) - 1):
        with open(short, "wb") as out:
            out.write(data[:size])
        document = audit(short, 0, "--quiet")
        expect(document["end"] in ("cut", "whole"), f"cut at {size}: {document['end']}")
    for content, word in ((b"", "0 bytes"), (b"x" * 100, "does not begin"), (data[:8] + b"\x09" + data[9:], "version"),
                          (data[:200] + bytes(4000), "damaged")):
        with open(short, "wb") as out:
            out.write(content)
        result = run(CONFORM, "audit", short, "--quiet", check=False)
        expect(result.returncode == 4 and word in result.stderr, f"{word}: {result.returncode} {result.stderr}")
    for wrong in ([], [short, short]):
        expect(run(CONFORM, "audit", *wrong, check=False).returncode == 2, "wrong usage is accepted")
    result = run(CONFORM, "audit", folder, check=False)
    expect(result.returncode == 4 and "no file" in result.stderr, f"a folder: {result.stderr}")


def bound(folder):
    """At its bound the recording ends with one record and one line, and the disk is served on."""
    path = os.path.join(folder, "bound")
    daemon = Daemon(folder, "--record", path, "--record-bytes", "64K")
    sim("attach", "5", "xvda", "--params", "ram:16M")
    guest("load", "--operations", "3000", "--write", "50", "--verify")
    guest("load", "--operations", "100", "--verify", "--write", "50")
    sim("detach", "5", "xvda")
    daemon.stop()
    expect(os.path.getsize(path) <= 65536, f"{os.path.getsize(path)} bytes")
    expect(daemon.text().count("has reached its bound of 65536 bytes") == 1, f"not said once: {daemon.text()}")
    document = audit(path, 0)
    full = [item for item in document["items"] if item["kind"] == "full"]
    expect(len(full) == 1 and document["end"] == "whole", f"{len(full)} records say that it is full")
    # The next daemon keeps it aside.
    daemon = Daemon(folder, "--record", path)
    daemon.stop()
    expect(os.path.getsize(path + ".old") > 60000 and os.path.getsize(path) == 32, "the earlier file is not kept")
    result = run(DAEMON, "--foreground", "--control", folder + "/c", "--record", folder, check=False)
    expect(result.returncode == 4 and folder in result.stderr, f"a folder is taken for a file: {result.stderr}")


def destroyed(folder):
    """Grants that end with their guest are not held against it."""
    path = os.path.join(folder, "destroyed")
    daemon = Daemon(folder, "--record", path, "--record-bytes", "1G")
    sim("attach", "5", "xvda", "--params", "ram:16M")
    load = subprocess.Popen([os.path.join(BIN, "xenblk-sim"), "guest", "5", "--", FRONT, "load", "--seconds", "30",
                             "--personality", "linux-bounce", "--depth", "2", "--block-size", "44k"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: os.path.getsize(path) > 100000, "the load is not recorded")
    sim("destroy", "5")
    load.wait(20)
    wait_until(lambda: "its domain is gone" in daemon.text(), "the end of the guest is not seen")
    daemon.stop()
    document = audit(path, 0, "--quiet")
    expect(totals(document, "requests") > 100, f"nothing was recorded: {document['disks']}")


def hostile_guests(folder):
    """What the suite does to a backend, seen from the other side: each clause is named."""
    path = os.path.join(folder, "hostile")
    outside = {k: v for k, v in os.environ.items() if k not in (INSIDE, "XENSTORED_RUNDIR", "XENSTORED_PATH")}
    # The verdicts are conformance.sim's to judge; here it is enough that the cases were run.
    result = subprocess.run([CONFORM, "run", "blkif.hostile.*", "--target", "sim", "--record", path],
                            env=outside, capture_output=True, text=True, timeout=200, check=False)
    expect(result.returncode in (0, 1), f"the suite cannot run: {result.stdout[-800:]} {result.stderr[-800:]}")
    document = audit(path, 1, "--quiet")
    found = {f["clause"] for f in document["findings"]}
    wanted = {"A4", "F1", "F2", "F4", "F5", "G2", "I1", "I4", "I12", "I13", "J1", "J14", "J15", "J16", "C4",
              "I8", "J9", "R11"}
    expect(wanted <= found, f"these clauses were broken and are not named: {wanted - found}")
    text = run(CONFORM, "audit", path, check=False).stdout
    expect("VIOLATION J1 (MUST), record at byte" in text, "the text does not name the record")
    return path


def everything():
    with tempfile.TemporaryDirectory(prefix="xenblk-recording-") as folder:
        seeds_play(honest_guests(folder), folder, True)
        deaths(folder)
        bound(folder)
        destroyed(folder)


def in_worlds_of_its_own():
    with tempfile.TemporaryDirectory(prefix="xenblk-recording-") as folder:
        seeds_play(hostile_guests(folder), folder, False)


if __name__ == "__main__":
    if not os.environ.get(INSIDE):
        in_worlds_of_its_own()
    inside(everything)
