"""A campaign on disk: its plan, where it stands, and its figures over time.

Owns the files plan.json, state.json and series.csv of a campaign's folder.
Whoever is killed while writing leaves the file as it was before.  The runner
writes; status, report and stop read.
"""

import csv
import fcntl
import json
import os

from tree import Trouble, folder

COLUMNS = ("t", "harness", "engine", "execs", "execs_per_s", "edges",
           "corpus", "finds")


def write_whole(path, text):
    """All of it or nothing."""
    beside = path + ".new"
    with open(beside, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(beside, path)


def read_json(path, what):
    try:
        with open(path, encoding="utf-8") as text:
            document = json.load(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise Trouble(f"{path} cannot be read as {what} ({e}); move it away, "
                      "and the campaign goes on with the corpora that it has"
                      ) from e
    if not isinstance(document, dict):
        raise Trouble(f"{path} is no {what}; move it away, and the campaign "
                      "goes on with the corpora that it has")
    return document


def new_harness():
    return {"seconds": 0.0, "turns": 0, "edges": {}, "last_new_edge": None,
            "corpus": 0, "finds": 0, "instances": {}}


def new_state(names):
    return {"format": 1, "status": "new", "pid": 0, "elapsed": 0.0,
            "turn": 0, "message": "", "finds": [],
            "harnesses": {n: new_harness() for n in names}}


class Campaign:
    """One folder with one campaign in it."""

    def __init__(self, where):
        self.where = os.path.abspath(where)
        self.lock = None

    def path(self, *names):
        return os.path.join(self.where, *names)

    def create(self):
        """Makes the folder, and says so if that cannot be."""
        try:
            return folder(self.where)
        except Trouble as trouble:
            raise Trouble(str(trouble).replace("--corpus", "--folder")
                          ) from trouble

    def take(self):
        """Ours alone until we end; Trouble if another one runs it."""
        self.create()
        self.lock = open(self.path(".xenblk-fuzz.lock"), "wb")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.close()
            raise Trouble(f"a campaign is running in {self.where}; "
                          "xenblk-fuzz campaign status shows it, stop ends it"
                          ) from None

    def running(self):
        """Whether somebody holds it."""
        try:
            with open(self.path(".xenblk-fuzz.lock"), "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def plan(self):
        return read_json(self.path("plan.json"), "the plan of a campaign")

    def write_plan(self, document):
        write_whole(self.path("plan.json"),
                    json.dumps(document, indent=1) + "\n")

    def state(self):
        return read_json(self.path("state.json"), "the state of a campaign")

    def write_state(self, document):
        write_whole(self.path("state.json"),
                    json.dumps(document, indent=1) + "\n")

    def known(self):
        """(plan, state) of a campaign that must be there."""
        document, state = self.plan(), self.state()
        if document is None or state is None:
            raise Trouble(f"there is no campaign in {self.where}; "
                          "xenblk-fuzz campaign start begins one")
        return document, state

    def append(self, rows):
        """Figures of one moment."""
        path = self.path("series.csv")
        fresh = not os.path.exists(path)
        with open(path, "a", encoding="ascii", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            if fresh:
                writer.writerow(COLUMNS)
            writer.writerows(rows)

    def series(self):
        """All figures, as dicts of numbers; a torn last line is left out."""
        rows = []
        try:
            with open(self.path("series.csv"), encoding="ascii",
                      errors="replace", newline="") as text:
                for row in csv.DictReader(text):
                    parsed = parse_row(row)
                    if parsed:
                        rows.append(parsed)
        except FileNotFoundError:
            pass
        return rows


def parse_row(row):
    try:
        return {k: row[k] if k in ("harness", "engine") else float(row[k])
                for k in COLUMNS}
    except (KeyError, TypeError, ValueError):
        return None


def executions(harness):
    """Of all instances, in all their lives."""
    return sum(i["before"] + i["execs"] for i in harness["instances"].values())


def count(instance, execs):
    """An engine that began to count anew goes on where it was."""
    if execs < instance["execs"]:
        instance["before"] += instance["execs"]
    instance["execs"] = execs


def instance_of(harness, name):
    return harness["instances"].setdefault(
        name, {"before": 0, "execs": 0, "execs_per_s": 0, "edges": 0,
               "deaths": 0})
