"""The conformance suite inside a guest, its toolstack and backend in dom0, as on real Xen."""
import json
import os
import subprocess

from libsim import BIN, SIM, expect, inside, nothing_held, run, sim, wait_until

EXEC = os.path.join(BIN, "xenblk-lab-exec")
AGENT = os.path.join(BIN, "xenblk-lab-agent")
CONFORM = os.path.join(BIN, "xenblk-conform-xen")
SERVICE = os.path.join(BIN, "xenblk-conform-dom0")
IN_GUEST = (EXEC, "5", "--", CONFORM, "run", "--target", "xen")


def conform(backend, *cases, options=()):
    """The verdicts of these cases on that backend, through the bridge."""
    result = subprocess.run([SERVICE, "--guest", "5", "--backend", backend, "--patience", "5", *options, "--",
                             *IN_GUEST, "--json", *cases], capture_output=True, text=True, timeout=200)
    expect(result.returncode in (0, 1), f"{backend}: {result.returncode} {result.stderr}")
    document = json.loads(result.stdout)
    return document, {one["id"]: one["verdict"] for one in document["results"]}


def test_xenblkd():
    document, verdicts = conform("xenblkd", "blkif.rw.*", "blkif.reconnect.*", "blkif.handshake.*",
                                 options=("--directory", "vbd3"))
    expect(document["backend"] == "xenblkd" and document["target"] == "xen", f"{document['backend']}")
    bad = {name: verdict for name, verdict in verdicts.items() if verdict not in ("PASS", "SKIP")}
    expect(not bad and len(verdicts) > 30, f"{len(verdicts)} cases, of which {bad}")
    expect(verdicts["blkif.reconnect.plugged-again"] == "PASS", "replug is not carried out in dom0")
    _, verdicts = conform("xenblkd", "fixture.pass", "fixture.crash")
    expect(verdicts["fixture.pass"] == "PASS" and verdicts["fixture.crash"] == "CRASH", f"{verdicts}")
    nothing_held(5)


def test_qemu():
    if not os.path.exists("/usr/libexec/xen-qemu-system-i386"):
        print("no xen-qemu-system-i386 here: its cases are left out")
        return
    document, verdicts = conform("qemu", "blkif.rw.*")
    expect(document["backend"] == "QEMU xen-disk", document["backend"])
    expect(list(verdicts.values()).count("PASS") > 8, f"{verdicts}")


def test_errors():
    for words in ([], ["--guest", "5"], ["--backend", "xenblkd"], ["--guest", "x", "--backend", "qemu"],
                  ["--guest", "5", "--backend", "nothing"], ["--guest", "5", "--backend", "qemu", "--patience", "0"]):
        result = run(SERVICE, *words, check=False)
        expect(result.returncode == 2 and "--help" in result.stderr, f"{words}: {result}")
    result = run(SERVICE, "--guest", "9", "--backend", "xenblkd", check=False)
    expect(result.returncode == 4 and "guest 9 is gone" in result.stderr, f"{result}")
    sim("attach", "5", "xvda")
    result = run(SERVICE, "--guest", "5", "--backend", "xenblkd", check=False)
    expect(result.returncode == 4 and "has a disk 51712" in result.stderr, f"{result}")
    sim("detach", "5", "xvda", "--force")
    result = run(SERVICE, "--guest", "5", "--backend", "xenblkd", "--", "sh", "-c", "exit 9", check=False)
    expect(result.returncode == 9, f"the command's status is lost: {result}")


def test_guest_gone():
    """The service ends with its guest, its backend with it, and no node stays."""
    service = subprocess.Popen([SERVICE, "--guest", "5", "--backend", "xenblkd"], stderr=subprocess.PIPE, text=True)
    node = "/local/domain/5/data/xenblk-lab/conform/service"
    wait_until(lambda: run("xenstore-read", node, check=False).returncode == 0, "the service does not offer itself")
    sim("destroy", "5")
    _, err = service.communicate(timeout=60)
    expect(service.returncode == 4 and "guest 5 is gone" in err, f"{service.returncode} {err}")
    expect(run("xenstore-list", "/local/domain/5", check=False).returncode != 0, "the guest's nodes came back")


def test():
    sim("introduce", "5")
    agent = subprocess.Popen([SIM, "guest", "5", "--", AGENT])
    test_errors()
    test_xenblkd()
    test_qemu()
    test_guest_gone()
    agent.wait(timeout=60)


inside(test)
