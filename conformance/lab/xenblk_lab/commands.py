"""The commands that make and use the laboratory: build, list, boot, run, matrix, clean.

Reads arguments, calls dom0.py, guests.py and run.py, hands rows to report.py.
Progress goes to standard error; standard output has the report or the document.
"""

import contextlib
import functools
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from . import dom0, guests, job, machine, place, plan, report, verdicts
from .errors import LabError
from .run import Run, new_folder

OK, FAILED, NOTHING = 0, 1, 3
# How often the verdicts so far are written while a run goes on.
SAVE_SECONDS = 10


class Progress:
    """Lines with the time since the start, on standard error."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self, sentence):
        seconds = time.monotonic() - self.start
        print(f"[{seconds:7.1f}] {sentence}", file=sys.stderr, flush=True)


def build(arguments):
    """Makes everything that the chosen guests need; what cannot be made is said."""
    say, failed = Progress(), []
    for name in chosen(arguments):
        try:
            guests.spec(name).files()
            say(f"guest {name}: ready")
        except LabError as error:
            failed.append(name)
            say(f"guest {name}: {error}")
    for xen in {guests.spec(name).xen for name in chosen(arguments) if name not in failed}:
        dom0.saved(xen, say=say)
        say(f"dom0 on Xen ({xen}): ready")
    if failed:
        say(f"not built: {', '.join(failed)}")
    return FAILED if failed else OK


def chosen(arguments):
    """Names of guests as given, or all."""
    names = list(arguments.guest or guests.names())
    for name in names:
        guests.spec(name)  # LabError for an unknown one
    return names


def list_things(arguments):
    """Guests, backends and checks."""
    sys.path.insert(0, str(place.LAB / "dom0"))
    import checks  # what dom0 runs: imported here for its sentences only
    document = {
        "guests": [{"name": n, "kind": guests.spec(n).kind} for n in guests.names()],
        "backends": list(plan.BACKENDS),
        "checks": [{"name": n, "does": s} for n, s in checks.listing()],
    }
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
        print()
        return OK
    for guest in document["guests"]:
        print(f"guest    {guest['name']:<20}{guest['kind']}")
    for name in document["backends"]:
        print(f"backend  {name}")
    for check in document["checks"]:
        print(f"check    {check['name']:<20}{check['does']}")
    return OK


def run_checks(arguments):
    """Named checks on chosen guests and backends, one machine after the other."""
    backends = arguments.backend or ["xenblkd"]
    sessions = []
    for guest in arguments.guest or ["linux-6.1"]:
        names = plan.expand(arguments.checks, guests.spec(guest).kind)
        for backend in backends:
            if backend not in plan.BACKENDS:
                raise LabError(f"there is no backend {backend}; there are "
                               f"{', '.join(plan.BACKENDS)}")
            sessions.append({"guest": guest, "backend": backend, "checks": names,
                             "options": arguments.option or [],
                             "patience": arguments.patience})
    return carry_out(sessions, arguments, job.tapes(arguments.tapes))


def matrix(arguments):
    """Every chosen guest on every chosen backend."""
    kinds = {name: guests.spec(name).kind for name in chosen(arguments)}
    sessions = plan.matrix(kinds, arguments.backend or plan.BACKENDS, arguments.check or ())
    return carry_out(sessions, arguments)


def carry_out(sessions, arguments, extra=None):
    """Runs sessions, reports them; an exit status.  @extra: what a job takes along."""
    if not sessions:
        print("xenblk-lab: nothing was chosen, so nothing was run", file=sys.stderr)
        return NOTHING
    say, started = Progress(), time.time()

    def save(rows, ledgers, troubles):
        document = {
            "machine": facts(), "commit": commit(), "started": started,
            "seconds": round(time.time() - started, 1),
            "planned": [dict(zip(("guest", "backend", "check"), key))
                        for key in plan.rows(sessions)],
            "rows": rows, "ledgers": ledgers, "troubles": troubles,
        }
        if arguments.out:
            write(Path(arguments.out), document)
        return document

    document = run_all(sessions, say, getattr(arguments, "jobs", 1), save, extra)
    done = report.Report(verdicts.checked(document), arguments.baseline)
    done.write(arguments.html, arguments.junit)
    if arguments.json:
        json.dump(done.json(), sys.stdout, indent=1)
        print()
    else:
        print(done.text())
    return done.status


def write(path, document):
    """All of it or nothing: it is written again and again while the run goes on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def run_all(sessions, say, jobs, save, extra=None):
    """A machine for each session; guests that cannot be built become rows.

    What save() makes of the verdicts so far is kept from time to time, so that
    whoever ends us in the middle loses only the rest; its last answer is returned.
    """
    runs, rows = [], []
    for session in sessions:
        guest = session["guest"]
        try:
            guests.spec(guest).files()
            runs.append(Run([session], guests.spec(guest).xen, say, extra=extra))
        except LabError as error:
            say(f"{guest}: {error}")
            rows += unbuilt([session], error)
    # One at a time up to here: two machines must not boot the same dom0 twice.
    for xen in {run.xen for run in runs}:
        dom0.saved(xen, say=say)
    document = save(rows, [], [])
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        waiting = [pool.submit(attempt, run) for run in runs]
        try:
            while waiting:
                ended, going = wait(waiting, timeout=SAVE_SECONDS)
                for one in ended:
                    one.result()
                waiting = list(going)
                document = save(*gathered(rows, runs))
        finally:
            # Interrupted: no other machine starts, and those that run are ended.
            pool.shutdown(wait=False, cancel_futures=True)
            for run in runs:
                run.stop()
    return document


def gathered(rows, runs):
    """(rows, ledgers, troubles) of all runs so far, after the rows that there are."""
    return (rows + [row for run in runs for row in run.rows],
            [ledger for run in runs for ledger in run.ledgers],
            [trouble for run in runs for trouble in run.troubles])


def attempt(run):
    """One run; what the laboratory cannot do becomes its rows, the others go on."""
    try:
        run.carry_out()
    except LabError as error:
        run.say(str(error))
        run.rows = unbuilt(run.sessions, error)


def unbuilt(sessions, error):
    """Rows of sessions that the laboratory could not begin."""
    return [{"guest": guest, "backend": backend, "check": check, "verdict": "ERROR",
             "reason": str(error), "seconds": 0.0, "details": {}, "artifacts": [],
             "repro": f"xenblk-lab build --guest {guest}"}
            for guest, backend, check in plan.rows(sessions)]


@functools.cache
def facts():
    """What a reader of the results wants to know of this machine."""
    return {"system": platform.platform(), "accelerator": machine.accelerator(),
            "memory_mib": place.memory_mib(),
            "guests": {name: guests.spec(name).built_version() for name in guests.names()}}


@functools.cache
def commit():
    try:
        done = subprocess.run(["git", "-c", "safe.directory=*", "describe", "--always", "--dirty"],
                              cwd=place.TOP, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"  # git is for those who change the tree
    return done.stdout.strip() or "unknown"


def boot(arguments):
    """A console of dom0 on this terminal, with our programs in /job/bin."""
    made, _, _ = dom0.saved(arguments.xen, say=Progress())
    specs = guests.specs(arguments.guest or ())
    place.need_memory(machine.MEMORY_MIB)
    with tempfile.TemporaryDirectory(dir=new_folder(), prefix="disks-") as work:
        folder = Path(work)
        job.pack(folder / "job", {"guests": {s.name: s.for_dom0() for s in specs}},
                 console=True)
        disks = {
            "root": (dom0.root(), "raw", True),
            "guests": (job.guests_disk({s.name: s.files() for s in specs}), "raw", True),
            "job": (folder / "job", "raw", False),
            "results": (dom0.blank(folder / "results", dom0.RESULTS_MIB), "raw", False),
        }
        print("dom0 comes up; its shell ends the machine (exit, or Ctrl-D)", file=sys.stderr)
        running = machine.Machine(made, disks, folder, console=True)
        running.start()
        with contextlib.suppress(KeyboardInterrupt):
            running.process.wait()
        running.stop()
    return OK


def clean(arguments):
    """Removes what was made; --all also what was downloaded."""
    cache = place.cache()
    names = ["dom0", "saved", "guests-disks", "initramfs", "runs", "failed"]
    if arguments.all:
        names = [path.name for path in cache.iterdir()]
    for name in names:
        shutil.rmtree(cache / name, ignore_errors=True)
    return OK


def register(commands):
    """Adds these commands to the parser's."""
    for name, function, sentence in (
        ("build", build, "make the images of dom0 and of the guests"),
        ("list", list_things, "guests, backends and checks"),
        ("boot", boot, "a console of dom0 on this terminal"),
        ("run", run_checks, "named checks on a guest and a backend"),
        ("matrix", matrix, "guests x backends x checks"),
        ("clean", clean, "remove what was made"),
    ):
        parser = commands.add_parser(name, help=sentence, description=function.__doc__)
        parser.set_defaults(run=function)
        add_words(name, parser)


def add_words(name, parser):
    """The options of one command."""
    if name in ("build", "boot", "run", "matrix"):
        parser.add_argument("--guest", action="append", metavar="NAME",
                            help="only this guest (repeatable)")
    if name in ("run", "matrix"):
        parser.add_argument("--backend", action="append", metavar="NAME",
                            help="only this backend (repeatable)")
        parser.add_argument("--html", metavar="FILE", help="write the page")
        parser.add_argument("--junit", metavar="FILE", help="write JUnit XML")
        parser.add_argument("--out", metavar="FILE", help="write the results document")
        parser.add_argument("--baseline", action="append", metavar="DIR",
                            help="a folder of baselines instead of the usual ones")
        parser.add_argument("--jobs", type=int, default=1, metavar="N",
                            help="machines at a time (1)")
    if name in ("run", "matrix", "list"):
        parser.add_argument("--json", action="store_true", help="one JSON document")
    if name == "run":
        parser.add_argument("checks", nargs="+", metavar="CHECK",
                            help="names of checks, or smoke, or full")
        parser.add_argument("--option", action="append", metavar="WORD",
                            help="a word for xenblkd's command line (repeatable)")
        parser.add_argument("--tapes", metavar="DIR",
                            help="for the check script: tapes of xenblk-tape")
        parser.add_argument("--patience", type=int, default=60, metavar="SECONDS",
                            help="of the check script: how long to wait for what must come (60)")
    if name == "matrix":
        parser.add_argument("--check", action="append", metavar="NAME",
                            help="only this check (repeatable)")
    if name == "boot":
        parser.add_argument("--xen", default="stock", choices=("stock", "pv32"),
                            help="which hypervisor")
    if name == "clean":
        parser.add_argument("--all", action="store_true", help="downloads too")
