"""One machine that carries out one plan: from the saved dom0 to rows of verdicts.

Owns a run's folder, its disks and its QEMU; ends the machine when the plan is
done, when it stays silent for too long or when it has ended by itself.  A check
without a verdict becomes a row that says so (LOST): none is ever missing.
"""

import shutil
import tempfile
import time
import uuid
from pathlib import Path

from . import dom0, guests, job, machine, place, plan
from .records import FILE, Reader

# No check and no record for so long: the machine hangs.
SILENCE_SECONDS = 420
LONG_CHECKS = {"conformance": 6000, "contract": 1200, "probe": 1200, "script": 2700, "command": 3600}
KEPT_RUNS = 20


class Run:
    """A plan on a machine.  After carry_out(): rows, ledgers, folder."""

    def __init__(self, sessions, xen="stock", say=print, command=None, extra=None):
        self.sessions, self.xen, self.say = sessions, xen, say
        self.command, self.extra = command, dict(extra or {})
        self.id = uuid.uuid4().hex
        self.rows, self.ledgers, self.troubles = [], [], []
        self.folder = None
        self._machine = None
        self.boot_seconds = 0.0
        self._limit, self._last = SILENCE_SECONDS, 0.0
        self._now = None  # what dom0 is at

    def carry_out(self):
        """Runs everything; the rows, one for each planned check."""
        made, state, overlay = dom0.saved(self.xen, say=self.say)
        place.need_memory(machine.MEMORY_MIB)
        self.folder = new_folder()
        specs = guests.specs({s["guest"] for s in self.sessions})
        document = {
            "run": self.id, "plan": self.sessions, "command": self.command,
            "guests": {spec.name: spec.for_dom0() for spec in specs},
        }
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="disks-") as work:
            results = dom0.blank(Path(work) / "results", dom0.RESULTS_MIB)
            job.pack(Path(work) / "job", document, self.extra)
            disks = {
                "root": (overlay, "qcow2", True),
                "guests": (job.guests_disk({s.name: s.files() for s in specs}), "raw", True),
                "job": (Path(work) / "job", "raw", False),
                "results": (results, "raw", False),
            }
            running = machine.Machine(made, disks, self.folder, state)
            running.start()
            self._machine = running
            try:
                self._follow(running, Reader(results, self.id))
            finally:
                running.stop()
        self._fill_in()
        return self.rows

    def stop(self):
        """Ends the machine, from another thread: carry_out() then returns soon."""
        if self._machine is not None:
            self._machine.stop()

    def _follow(self, running, reader):
        self._last = time.monotonic()
        while True:
            ended = running.ended()
            for kind, what in reader.new():
                self._last = time.monotonic()
                if kind == FILE:
                    self._keep(*what)
                else:
                    self._take(what)
            if ended:
                return
            if time.monotonic() - self._last > self._limit:
                self.troubles.append(
                    f"dom0 was silent for {self._limit} s"
                    + (f" at {'/'.join(self._now)}" if self._now else "")
                    + ": the machine was ended")
                return
            time.sleep(0.1)

    def _keep(self, name, data):
        """A file that dom0 sent; its name never leads out of the run's folder."""
        parts = [part for part in Path(name).parts if part not in ("/", "..")]
        target = self.folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def _take(self, message):
        if "row" in message:
            self._now = None
            self._limit = SILENCE_SECONDS
            row = message["row"]
            row["repro"] = repro(row)
            row["artifacts"] = [str(self.folder / name) for name in row.get("artifacts", [])]
            self.rows.append(row)
            self.say(f"{row['verdict']:<10} {row['guest']}/{row['backend']}/{row['check']}"
                     f" {row['seconds']:.1f} s" + (f"  {row['reason']}" if row["reason"] else ""))
        elif "begins" in message:
            self._now = (message["guest"], message["backend"], message["begins"])
            self._limit = LONG_CHECKS.get(message["begins"], SILENCE_SECONDS)
        elif "ledger" in message:
            self.ledgers.append(message["ledger"])
            if self.command:
                self._limit = LONG_CHECKS["command"]
        elif "trouble" in message:
            self.troubles.append(message["trouble"])

    def _fill_in(self):
        """A row for every planned check that has none."""
        there = {(row["guest"], row["backend"], row["check"]) for row in self.rows}
        why = "; ".join(self.troubles) or f"the machine ended early: see {self.folder}/console.log"
        for guest, backend, check in plan.rows(self.sessions):
            if (guest, backend, check) not in there:
                row = {"guest": guest, "backend": backend, "check": check, "seconds": 0.0,
                       "verdict": "LOST", "reason": why, "details": {}, "artifacts": []}
                row["repro"] = repro(row)
                self.rows.append(row)


def repro(row):
    """The command that repeats one row."""
    return (f"xenblk-lab run {row['check']} --guest {row['guest']} "
            f"--backend {row['backend']}")


def new_folder():
    """A folder for a run's logs; the oldest ones go."""
    runs = place.cache() / "runs"
    runs.mkdir(exist_ok=True)
    old = sorted((p for p in runs.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for folder in old[:-KEPT_RUNS]:
        shutil.rmtree(folder, ignore_errors=True)
    name = time.strftime("%Y%m%d-%H%M%S-")
    return Path(tempfile.mkdtemp(dir=runs, prefix=name))
