#!/usr/bin/env python3
"""What dom0 does with a job: sessions in order, every verdict on the results disk.

Started by init in dom0 once the job is unpacked.  job.json says what to do; the
host made it (job.py there).  Ends when the plan is done; the host ends the
machine if that takes too long, and keeps what was written until then.
"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench  # noqa: E402
import checks  # noqa: E402
import ledger  # noqa: E402
from records import Writer  # noqa: E402
from session import Session, broken_rows, tail  # noqa: E402
from shell import Trouble  # noqa: E402

RESULTS = "/dev/vdd"
SCRIPTS = "/etc/xen/scripts"


def install():
    """Our hotplug scripts go where xl looks for them."""
    for name in os.listdir("/job/scripts"):
        target = f"{SCRIPTS}/{name}"
        with open(f"/job/scripts/{name}", "rb") as source, open(target, "wb") as copy:
            copy.write(source.read())
        os.chmod(target, 0o755)
    os.environ["PATH"] = "/job/bin:" + os.environ["PATH"]


def run_session(job, plan, writer):
    """All checks of one guest on one backend; every row is written at once."""
    session = Session(job, plan, writer)
    try:
        session.start()
    except Trouble as error:
        if session.backend.log:
            writer.file(f"{session.name}/backend.log", tail(session.backend.log))
        for row in broken_rows(plan, error):
            writer.message(row=row)
        return
    for name in plan["checks"]:
        writer.message(begins=name, guest=plan["guest"], backend=plan["backend"])
        writer.message(row=session.check(name, checks.find(name)))
    try:
        session.stop()
    except Trouble as error:
        writer.message(trouble=f"{session.name}: {error}")
    for path in getattr(session.backend, "recordings", ()):
        if os.path.exists(path):
            writer.file(f"{session.name}/{os.path.basename(path)}", tail(path, 8 << 20))
            os.unlink(path)
    os.unlink(session.image)


def main():
    with open("/job/job.json", encoding="utf-8") as text:
        job = json.load(text)
    install()
    writer = Writer(RESULTS, job["run"])
    writer.message(started=time.time(), ledger=ledger.take())
    if job.get("command"):
        done = subprocess.run(job["command"], shell=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        writer.file("command.txt", done.stdout)
        writer.message(command=done.returncode)
    if job.get("bench"):
        bench.run(job["bench"], writer)
    for plan in job["plan"]:
        run_session(job, plan, writer)
    writer.message(ended=time.time(), ledger=ledger.take())
    return 0


if __name__ == "__main__":
    sys.exit(main())
