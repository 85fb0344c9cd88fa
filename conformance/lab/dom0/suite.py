"""Checks that run the project's own suites: conformance, contract, probes.

The programs are the ordinary ones; what runs in the guest is started through
its agent.  Used by checks.py.
"""

import json
import os
import subprocess

from backends import BIN
from shell import Broken, Hung, Skipped, Trouble


def need(program):
    path = f"{BIN}/{program}"
    if not os.path.exists(path):
        raise Skipped(f"{program} is not part of this job")
    return path


def conformance(session):
    """The conformance suite, run in the guest against this backend."""
    raise Skipped("not wired up yet")


def contract(session):
    """What the simulator promises of the Xen libraries holds on real Xen."""
    program, guest = need("sim-contract"), session.guest()
    environment = {**os.environ, "CONTRACT_PEER": str(guest.domid),
                   "CONTRACT_GUEST": f"{BIN}/xenblk-lab-exec {guest.domid} --timeout 900 --fd3 --"}
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
        [program, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "CONTRACT_PEER": str(guest.domid),
             "CONTRACT_GUEST": f"{BIN}/xenblk-lab-exec {guest.domid} --timeout 600 --fd3 --"},
    ), 600, "xenblk-lab-probe")
    try:
        session.note(probe=json.loads(text))
    except ValueError:
        raise Broken(f"xenblk-lab-probe gave no document: {text[-200:]}") from None
