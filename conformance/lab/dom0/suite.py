"""Checks that run the project's own suites: conformance, contract, probes.

The programs are the ordinary ones; what runs in the guest is started through
its agent.  Used by checks.py.
"""

import json
import os
import subprocess

from backends import BIN
from shell import Broken, Hung, Noted, Skipped, Trouble, status

SUITE_SECONDS = 5400
LOG = "/tmp/conformance.log"
BAD = ("FAIL", "REJECT", "CRASH", "WEDGED")
COUNTED = ("requests", "reads", "writes", "flushes", "responses", "errors", "lost")
BINDING = ("MUST", "SHOULD", "ROBUST")


def need(program):
    path = f"{BIN}/{program}"
    if not os.path.exists(path):
        raise Skipped(f"{program} is not part of this job")
    return path


def conformance(session):
    """The conformance suite, run in the guest against this backend."""
    service = need("xenblk-conform-dom0")
    session.drop()
    # The service starts the backend itself, and anew when a case ended it.
    session.backend.stop()
    try:
        guest = session.bare_guest()
        text = finish(subprocess.Popen(
            [service, "--guest", str(guest.domid), "--backend", session.backend.name,
             "--patience", "20", "--", f"{BIN}/xenblk-lab-exec", str(guest.domid),
             "--timeout", str(SUITE_SECONDS), "--",
             "xenblk-conform-xen", "run", "--target", "xen", "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open(LOG, "wb"),
        ), SUITE_SECONDS + 60, "the conformance suite")
        session.writer.file(f"{session.name}/conformance.json", text.encode())
        session.writer.file(f"{session.name}/conformance.log", open(LOG, "rb").read())
    finally:
        session.drop()
        session.backend.start()
    judge_suite(session, text)


def judge_suite(session, text):
    """Keeps every case's verdict; ours must have none that is bad."""
    try:
        results = json.loads(text)["results"]
    except (ValueError, KeyError):
        raise Broken("the suite gave no document: "
                     f"{open(LOG, errors='replace').read()[-300:]}") from None
    session.note(results=results)
    bad = [r["id"] for r in results if r["verdict"] in BAD]
    if not results:
        raise Broken("the suite ran no case")
    if bad:
        words = f"{len(bad)} of {len(results)} cases: {', '.join(bad[:6])}"
        raise (Trouble if session.backend.name == "xenblkd" else Noted)(words)


def contract(session):
    """What the simulator promises of the Xen libraries holds on real Xen."""
    program, guest = need("sim-contract"), session.guest()
    environment = {
        **os.environ, "CONTRACT_PEER": str(guest.domid),
        "CONTRACT_GUEST": f"{BIN}/xenblk-lab-exec {guest.domid} --fd3 --",
        "CONTRACT_PEER_PROGRAM": "sim-contract",
        "CONTRACT_PATIENCE_MS": "30000", "CONTRACT_QUIET_MS": "300",
    }
    text = finish(subprocess.Popen([program], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=environment), 900, "sim-contract")
    session.writer.file(f"{session.name}/contract.tap", text.encode())
    lines = text.splitlines()
    good = [line for line in lines if line.startswith("ok ")]
    bad = [line for line in lines if line.startswith("not ok ")]
    session.note(contract={"passed": len(good), "failed": bad})
    if bad:
        raise Trouble(f"{len(bad)} of {len(good) + len(bad)} do not hold: "
                      + "; ".join(line.split(" - ", 1)[-1][:60] for line in bad[:4]))
    if not good:
        raise Broken(f"sim-contract ran no case: {text[-200:]}")


def finish(process, seconds, name):
    """A program's output when it has ended; Hung, and it is ended, after a while."""
    try:
        out, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Hung(f"{name} did not end within {seconds} s") from None
    return out.decode(errors="replace")


def probe(session):
    """What grants and events cost here, and where the limits are."""
    program, guest = need("xenblk-lab-probe"), session.guest()
    text = finish(subprocess.Popen(
        [program, "--guest", str(guest.domid), "--json"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ), 900, "xenblk-lab-probe")
    try:
        session.note(probe=json.loads(text))
    except ValueError:
        raise Broken(f"xenblk-lab-probe gave no document: {text[-200:]}") from None


def audit(session):
    """What was recorded of the guest's frontend breaks no clause that binds frontends."""
    program = need("xenblk-conform")
    recordings = [path for path in getattr(session.backend, "recordings", ())
                  if os.path.exists(path)]
    if not recordings:
        raise Skipped("only xenblkd records")
    found, totals = {}, {}
    for path in recordings:
        code, text = status(program, "audit", path, "--json", "--quiet", seconds=120)
        try:
            document = json.loads(text)
        except ValueError:
            raise Broken(f"the audit of {path} ended with {code}: {text[-200:]}") from None
        for finding in document["findings"]:
            words = f"{finding['clause']} ({finding['level']}): {finding['sentence']}"
            found[words] = found.get(words, 0) + 1
        for queue in (q for disk in document["disks"] for q in disk["queues"]):
            for name in COUNTED:
                totals[name] = totals.get(name, 0) + queue[name]
    session.note(audit={"counts": totals, "findings": found, "recordings": len(recordings)})
    bad = [words for words in found if any(f"({level})" in words for level in BINDING)]
    if bad:
        raise Trouble("; ".join(f"{words} ({found[words]} times)" for words in bad[:4]))
    if not totals.get("requests"):
        raise Broken(f"no request was recorded in {', '.join(recordings)}")
