"""Touchpoints: the places of the sources that read what a guest can write, and
whether a corpus reaches them.

fuzz/touchpoints.txt lists them; a place is its file, its function and what is
called there, so that lines may move.  That the list is complete is found out from the
sources, by the names of the few functions through which anything of a guest
comes in (ci/tidy keeps all others from guest memory)."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

from tree import ROOT, Trouble

sys.path.insert(0, os.path.join(ROOT, "ci"))
from tidy_source import Source  # noqa: E402

LIST = os.path.join(ROOT, "fuzz", "touchpoints.txt")
# What comes from a guest, or from a worker that a guest has taken over.
CALLS = {
    "backend/worker": r"shared_load|shared_load_acquire|shared_copy_out|"
                      r"grants_copy_in|persistent_copy_in|xenevtchn_pending",
    "backend/supervisor": r"xs_read|xs_directory|xs_is_domain_introduced|"
                          r"source->get|table_read",
    "backend/base": r"recvmsg|pread",
}
HEAD = """\
# Every place that reads what a guest can write, or a worker that a guest has
# taken over: FILE | FUNCTION | CALL | harnesses whose corpus reaches it; the
# second call of the same name in a function is "NAME 2".
# Where none does, the last column is "none: " and the reason.
# fuzz/xenblk-fuzz guard --touchpoints brings the first three up to date.
"""


class Place:
    def __init__(self, path, function, call, harnesses="?"):
        self.path, self.function, self.call = path, function, call
        self.harnesses = harnesses
        self.lines, self.text = (0, 0), call

    def key(self):
        return self.path, self.function, self.call

    def row(self):
        return " | ".join(self.key() + (self.harnesses,))

    def names(self):
        """The harnesses that must reach it."""
        if self.harnesses.startswith("none:"):
            return []
        return self.harnesses.split()


def whole_call(text, start):
    """From the name to the parenthesis that closes its arguments."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if text[at] == ")" and depth == 0:
            return at + 1
    return len(text)


def places_of(top, path, pattern):
    source = Source(top, path)
    code, before = "\n".join(source.code), {}
    for m in re.finditer(rf"\b(?:{pattern})\(", code):
        first = code.count("\n", 0, m.start()) + 1
        inside = [f for f in source.functions if f.first <= first <= f.last]
        # The declaration of such a function is none of its calls.
        if not inside or inside[0].name == m.group(0)[:-1]:
            continue
        end = whole_call(code, m.start())
        name = inside[0].name, m.group(0)[:-1]
        before[name] = before.get(name, 0) + 1
        place = Place(path, name[0], name[1] + (
            f" {before[name]}" if before[name] > 1 else ""))
        place.text = " ".join(source.text[m.start():end].split())
        place.lines = first, code.count("\n", 0, end) + 1
        yield place


def in_sources(top=ROOT):
    found = []
    for folder, pattern in CALLS.items():
        for whole in sorted(glob.glob(os.path.join(top, folder, "*.c"))):
            path = os.path.relpath(whole, top)
            if not os.path.basename(path).startswith("test_"):
                found += places_of(top, path, pattern)
    return found


def listed(path=LIST):
    rows = {}
    with open(path, encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            if not line.strip() or line.startswith("#"):
                continue
            columns = [c.strip() for c in line.split(" | ")]
            if len(columns) != 4:
                raise Trouble(f"{path}:{number}: a row is \"FILE | FUNCTION | "
                              f"CALL | HARNESSES\"; this is not: {line}")
            place = Place(*columns[:3], harnesses=columns[3])
            rows[place.key()] = place
    return rows


def faults(found, rows, harnesses):
    """What is wrong with the list, as sentences."""
    keys = {p.key() for p in found}
    for place in found:
        if place.key() not in rows:
            yield (f"{place.path}:{place.lines[0]}: {place.text} reads what a "
                   "guest can write and is not in fuzz/touchpoints.txt")
    for key, row in rows.items():
        if key not in keys:
            yield (f"fuzz/touchpoints.txt names {row.call} in {row.function}() "
                   f"of {row.path}, which is not there any more")
        if re.match(r"none: \S", row.harnesses):
            continue
        wrong = [n for n in row.names() if n not in harnesses]
        if wrong or not row.names():
            yield (f"fuzz/touchpoints.txt, {row.path} {row.call}: "
                   f"\"{' '.join(wrong) or row.harnesses}\" is no harness and "
                   "no \"none: \" with a reason")


def write(found, path=LIST):
    known = listed(path) if os.path.exists(path) else {}
    with open(path, "w", encoding="utf-8") as out:
        out.write(HEAD + "\n")
        for place in found:
            if place.key() in known:
                place.harnesses = known[place.key()].harnesses
            out.write(place.row() + "\n")


# --- what a corpus reaches ---------------------------------------------------

def counts_of(documents):
    """{(path, line): how often} of gcov's JSON."""
    counts = {}
    for document in documents:
        where = document["current_working_directory"]
        for file in document["files"]:
            path = os.path.relpath(
                os.path.normpath(os.path.join(where, file["file"])), ROOT)
            for line in file["lines"]:
                key = path, line["line_number"]
                counts[key] = counts.get(key, 0) + line["count"]
    return counts


def play_counted(binary, corpus, prefix):
    """Plays a corpus with a build that counts lines; the counters go below
    prefix, so that those of the build stay as they are."""
    done = subprocess.run(
        [binary, "--hashes", corpus], capture_output=True, text=True,
        check=False, env=dict(os.environ, GCOV_PREFIX=prefix))
    if done.returncode != 0:
        raise Trouble(f"{binary} ended with {done.returncode} for its corpus "
                      f"{corpus}:\n{done.stderr[-2000:]}")
    return done


def gcov(prefix):
    files = []
    for data in glob.glob(prefix + "/**/backend/**/*.gcda", recursive=True):
        notes = data[len(prefix):-len(".gcda")] + ".gcno"
        os.symlink(notes, data[:-len(".gcda")] + ".gcno")
        files.append(data)
    if not files:
        return []
    done = subprocess.run(["gcov", "--json-format", "--stdout", *files],
                          capture_output=True, text=True, check=False,
                          cwd=prefix)
    if done.returncode != 0:
        raise Trouble(f"gcov failed: {done.stderr[-500:]}")
    return [json.loads(row) for row in done.stdout.splitlines() if row]


def reached(binary, corpus):
    """(counts of lines, what the driver printed, what it said)"""
    with tempfile.TemporaryDirectory(prefix="xenblk-places-") as prefix:
        done = play_counted(binary, corpus, prefix)
        return counts_of(gcov(prefix)), done.stdout, done.stderr


def is_reached(place, counts):
    return any(counts.get((place.path, line), 0) > 0
               for line in range(place.lines[0], place.lines[1] + 1))


def missed(harness, found, rows, counts):
    """Those that the list promises and the corpus does not reach."""
    return [p for p in found
            if harness in rows[p.key()].names() and not is_reached(p, counts)]
