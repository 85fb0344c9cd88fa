"""xenblk-lab-probe: finds something for every question, here and over the bridge."""
import json
import os
import subprocess

from libsim import BIN, SIM, expect, inside, nothing_held, run, sim

PROBE = os.path.join(BIN, "xenblk-lab-probe")
AGENT = os.path.join(BIN, "xenblk-lab-agent")
WANTED = ("costs.map.1", "costs.unmap.256", "costs.grant-copy.11", "costs.persistent-copy.32", "threads.map-unmap.4",
          "limits.mapped-pages-of-one-handle", "limits.ports-of-one-handle", "events.notify-without-a-backend",
          "events.after-re-bind", "io.buffered.pread.granted")


def probe(*options):
    document = json.loads(run(PROBE, "--json", "--budget", "20", "--most", "256", *options).stdout)
    return {one["id"]: one.get("value", one.get("finding")) for one in document["findings"]}


def test_findings():
    found = probe()
    missing = [name for name in WANTED if name not in found]
    expect(not missing, f"no finding for {missing}")
    expect(all(found[f"costs.map.{n}"] > 0 for n in (1, 11, 32, 256)), "a map costs nothing")
    expect("is pending" in found["events.notify-without-a-backend"], found["events.notify-without-a-backend"])
    expect(isinstance(found["io.buffered.pread.granted"], float), found["io.buffered.pread.granted"])
    text = run(PROBE, "--only", "events").stdout
    expect("events.notify" in text and "costs." not in text, text)
    nothing_held(1)


def test_bridge():
    sim("introduce", "5")
    agent = subprocess.Popen([SIM, "guest", "5", "--", AGENT])
    found = probe("--guest", "5", "--only", "events")
    expect("works" in found["events.after-re-bind"], f"{found}")
    sim("destroy", "5")
    agent.wait(timeout=60)


def test_errors():
    for words in (["--guest", "x"], ["--only", "nothing"], ["--budget", "0"], ["more"]):
        result = run(PROBE, *words, check=False)
        expect(result.returncode == 2 and "--help" in result.stderr, f"{words}: {result}")
    result = run(PROBE, "--guest", "9", check=False)
    expect(result.returncode == 4 and "no peer answers in guest 9" in result.stderr, f"{result}")


def test():
    test_findings()
    test_errors()
    test_bridge()


os.environ["PATH"] = BIN + ":" + os.environ["PATH"]
inside(test)
