"""What was found, sorted: one bucket for each cause, how surely it comes back,
the smallest input that shows it, and how bad it is.

    xenblk-fuzz triage                  what build/findings holds
    xenblk-fuzz triage FILE|FOLDER...   inputs anywhere

The harness of an input is the folder with its name that it lies in, or what
--harness says."""

import hashlib
import json
import os
import shutil
import subprocess

import reduce
import severity
from play import play_bytes, play_file
from tree import (HARNESSES, ROOT, TIMEOUT, Trouble, build, folder,
                  harness_of, has_text, say, targets_of)

INPUT_MAX = 1 << 20  # what the replay driver reads
HANGS = 3  # plays of an input that hangs


def files_of(paths):
    """Every file named, and every file below every folder named."""
    for path in paths:
        if os.path.isdir(path):
            for where, folders, names in os.walk(path):
                folders.sort()
                for name in sorted(names):
                    if not name.startswith(".") and name != "README.txt":
                        yield os.path.join(where, name)
        elif os.path.exists(path):
            yield path
        else:
            raise Trouble(f"{path} cannot be found")


def read(path):
    """(data, None) or (None, why not)."""
    if not os.path.isfile(path):
        return None, "is no plain file"
    try:
        if os.path.getsize(path) > INPUT_MAX:
            return None, (f"has {os.path.getsize(path)} bytes; more than "
                          f"{INPUT_MAX} are never played")
        with open(path, "rb") as data:
            return data.read(), None
    except OSError as e:
        return None, f"cannot be read: {e.strerror}"


class Find:
    """One input that is to be judged."""

    def __init__(self, path, harness, data):
        self.path, self.harness, self.data = path, harness, data
        self.outcome = None
        self.again = self.plays = 0  # how many of how many show it again

    def is_script(self):
        return has_text(self.harness)


class Binaries:
    """The harness that plays: built once each, or the one that was named."""

    def __init__(self, args):
        self.named, self.built = args.binary, {}
        if self.named and not os.access(self.named, os.X_OK):
            raise Trouble(f"{self.named} is no program that can be started")

    def of(self, harness):
        if self.named:
            return self.named
        if harness not in self.built:
            self.built[harness] = os.path.join(
                build("fuzz", targets_of(harness)), f"fuzz-{harness}")
        return self.built[harness]


def patience(find, args):
    return max(args.timeout, TIMEOUT.get(find.harness, 0))


def judge(find, binary, args):
    seconds = patience(find, args)
    find.outcome = play_file(binary, find.path, seconds, symbols=True)
    if find.outcome.oracle == "none":
        return
    # What hangs takes its time: fewer plays have to do.
    find.plays = min(args.repeat, HANGS if find.outcome.oracle == "hang"
                     else args.repeat)
    find.again = sum(
        play_file(binary, find.path, seconds).same_as(find.outcome)
        for _ in range(find.plays))


def smallest(find, binary, args):
    """(data, attempts): it shows the same, with the same oracle and reason."""
    seconds = min(args.timeout, 5) if find.outcome.oracle == "hang" \
        else patience(find, args)

    def still(data):
        outcome = play_bytes(binary, data, seconds)
        if find.outcome.oracle == "hang":
            return outcome.oracle == "hang"
        return outcome.same_as(find.outcome)

    clock = reduce.Clock(args.reduce)
    if not still(find.data):
        return find.data, 1
    how = reduce.script if find.is_script() else reduce.plain_bytes
    return how(find.data, still, clock), clock.attempts


def text_of(tool, harness, path):
    """A script as text; None where it is none."""
    done = subprocess.run([tool, "decode", harness, path],
                          capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


class Bucket:
    def __init__(self, first):
        self.finds = [first]
        self.outcome, self.harness = first.outcome, first.harness
        self.level, self.rule = severity.of(first.outcome)
        self.reduced, self.attempts, self.text = None, 0, None

    def best(self):
        """The one to look at: it comes back most surely, and is the smallest."""
        return min(self.finds, key=lambda f: (
            -f.again / max(1, f.plays), len(f.data)))

    def as_json(self):
        best = self.best()
        return {"harness": self.harness, "oracle": self.outcome.oracle,
                "reason": self.outcome.reason, "frames": self.outcome.frames,
                "severity": self.level, "rule": self.rule,
                "inputs": [f.path for f in self.finds],
                "reproducible": f"{best.again}/{best.plays}",
                "bytes": len(best.data), "reduced_bytes": len(self.data),
                "reduced": self.reduced, "attempts": self.attempts,
                "script": self.text, "repro": self.repro()}

    def repro(self):
        return f"fuzz/xenblk-fuzz replay {self.harness} {self.reduced}"

    def write(self, where, tool, args):
        """The smallest input, its text, and both as a regression if wanted."""
        digest = hashlib.sha1(self.data).hexdigest()
        self.reduced = os.path.join(folder(os.path.join(where, self.harness)),
                                    digest)
        with open(self.reduced, "wb") as out:
            out.write(self.data)
        if self.best().is_script():
            self.text = text_of(tool, self.harness, self.reduced)
            with open(self.reduced + ".txt", "w", encoding="utf-8") as out:
                out.write(f"# {self.outcome.reason}\n{self.text}")
        if args.keep:
            kept = folder(os.path.join(ROOT, "corpora", self.harness,
                                       "regressions"))
            for name in [digest] + ([digest + ".txt"] if self.text else []):
                shutil.copy(os.path.join(where, self.harness, name), kept)


def sort(finds):
    """[Bucket], the worst first."""
    buckets = {}
    for find in finds:
        key = (find.harness, find.outcome.bucket())
        if key in buckets:
            buckets[key].finds.append(find)
        else:
            buckets[key] = Bucket(find)
    return sorted(buckets.values(), key=lambda b: (
        severity.LEVELS.index(b.level), b.harness, b.outcome.bucket()))


def as_markdown(buckets, others):
    rows = ["# Triage", "", f"{len(buckets)} causes; "
            f"{sum(len(b.finds) for b in buckets)} inputs show one, "
            f"{len(others)} do not.", ""]
    if buckets:
        rows += ["| severity | harness | oracle | inputs | again | bytes |",
                 "|---|---|---|---|---|---|"]
    rows += [f"| {b.level} | {b.harness} | {b.outcome.oracle} | "
             f"{len(b.finds)} | {b.best().again}/{b.best().plays} | "
             f"{len(b.best().data)} -> {len(b.data)} |" for b in buckets]
    for b in buckets:
        rows += ["", f"## {b.harness}: {b.outcome.reason}", "",
                 f"* severity: **{b.level}**: {b.rule}",
                 f"* frames: {', '.join(b.outcome.frames) or 'none of ours'}",
                 f"* comes back in {b.best().again} of {b.best().plays} plays; "
                 f"{b.attempts} attempts made it {len(b.data)} bytes",
                 f"* again: `{b.repro()}`"]
        if b.text:
            rows += ["", "```", b.text.rstrip(), "```"]
    if others:
        rows += ["", "## Shows nothing", ""]
        rows += [f"* {path}: {why}" for path, why in others]
    return "\n".join(rows) + "\n"


def gather(args, binaries):
    """([Find] that show something, [(path, why)] of the others)"""
    finds, others = [], []
    for path in files_of(args.inputs or
                         [os.path.join(ROOT, "build", "findings")]):
        if path.endswith(".txt") and path[:-4] and os.path.exists(path[:-4]):
            continue  # the text of another
        data, why = read(path)
        if why:
            say(f"{path} {why}")
            others.append((path, why))
            continue
        find = Find(path, harness_of(path, args), data)
        judge(find, binaries.of(find.harness), args)
        say(f"{path}: {find.outcome.oracle}: {find.outcome.reason}")
        if find.outcome.oracle == "none":
            others.append((path, "nothing objects when it is played alone"))
        else:
            finds.append(find)
    return finds, others


def do_triage(args):
    if not args.inputs and not os.path.isdir(os.path.join(ROOT, "build",
                                                          "findings")):
        say("nothing was found so far: there is no build/findings")
        return 3
    binaries = Binaries(args)
    finds, others = gather(args, binaries)
    if not finds and not others:
        say("there is no input in what was named")
        return 3
    buckets = sort(finds)
    where = folder(args.out or os.path.join(ROOT, "build", "triage"))
    tool = os.path.join(build("dev", ["xenblk-script"]), "xenblk-script")
    for number, bucket in enumerate(buckets, 1):
        say(f"bucket {number} of {len(buckets)}: {bucket.outcome.bucket()}")
        bucket.data, bucket.attempts = smallest(
            bucket.best(), binaries.of(bucket.harness), args)
        bucket.write(where, tool, args)
    report = {"buckets": [b.as_json() for b in buckets],
              "without": [{"input": p, "why": w} for p, w in others]}
    text = as_markdown(buckets, others)
    for name, content in (("report.json", json.dumps(report, indent=1) + "\n"),
                          ("report.md", text)):
        with open(os.path.join(where, name), "w", encoding="utf-8") as out:
            out.write(content)
    print(json.dumps(report) if args.json else text,
          end="\n" if args.json else "")
    say(f"the report: {where}/report.md, report.json")
    return 1 if buckets else 0


def add(commands):
    text = "sort what was found: causes, smallest inputs, severity"
    p = commands.add_parser("triage", help=text, description=text)
    p.set_defaults(function=do_triage)
    p.add_argument("--json", action="store_true",
                   help="one JSON document on standard output")
    p.add_argument("inputs", nargs="*", metavar="FILE|FOLDER",
                   help="default: build/findings")
    p.add_argument("--harness", choices=HARNESSES,
                   help="of all inputs, whatever folder they lie in")
    p.add_argument("--binary", metavar="PATH",
                   help="a harness that plays them (one of the bank's mutants, "
                   "say) instead of the fuzz preset's")
    p.add_argument("--repeat", type=int, default=10, metavar="N",
                   help="plays of each")
    p.add_argument("--timeout", type=int, default=20, metavar="SECONDS",
                   help="of one play; what takes longer hangs")
    p.add_argument("--reduce", type=int, default=120, metavar="SECONDS",
                   help="for making the input of one cause smaller")
    p.add_argument("--out", metavar="FOLDER",
                   help="where the report goes (build/triage)")
    p.add_argument("--keep", action="store_true",
                   help="put the smallest inputs into "
                   "corpora/HARNESS/regressions, which ctest plays")
