"""Touchpoints: where the worker reads guest memory, by its sources and by a
run.

sites() lists every place in the sources; reached() says at which of them a run
with XENBLK_TOUCHPOINTS=FILE passed.  Both name a place as FILE:LINE of backend/.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from tree import ROOT, Trouble

WORKER = os.path.join("backend", "worker")
# What reads guest memory in a file's own words: an accessor of shared.h that
# loads, or a copy out of a page that is mapped.
READS = re.compile(r"\b(shared_(?:load\w*|copy_out|read\w*))\s*\(")
DEFINES = "shared.h"
SYMBOLIZERS = ("llvm-symbolizer-14", "llvm-symbolizer")


def sites(root=ROOT):
    """{"backend/worker/ring.c:44": "shared_load", ...}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(root, WORKER, "*.[ch]"))):
        name = os.path.basename(path)
        if name == DEFINES or name.startswith("test_"):
            continue
        with open(path, encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                m = READS.search(line)
                if m and not line.lstrip().startswith("*"):
                    found[f"{WORKER}/{name}:{number}"] = m.group(1)
    if not found:
        raise Trouble(f"no accessor of shared memory is called in {WORKER}: "
                      "the list of touchpoints would be empty")
    return found


def read_run(path):
    """What a run wrote: (program, {offset: count})."""
    counts = {}
    try:
        with open(path, encoding="utf-8") as text:
            program = text.readline().split(" ", 1)[1].strip()
            for line in text:
                offset, count = line.split()
                counts[int(offset, 16)] = int(count)
    except (OSError, ValueError, IndexError) as e:
        raise Trouble(f"{path} is no list of touchpoints ({e}); write one "
                      f"with XENBLK_TOUCHPOINTS={path}") from e
    return program, counts


def symbolizer():
    for name in SYMBOLIZERS:
        if shutil.which(name):
            return name
    raise Trouble("llvm-symbolizer is not installed; run ci/setup")


def place_of(frames):
    """The innermost line of backend/ that is not inside an accessor."""
    for line in frames:
        m = re.search(r"(backend/\w+/(\w+\.[ch])):(\d+)", line)
        if m and m.group(2) != DEFINES:
            return f"{m.group(1)}:{m.group(3)}"
    return None


def reached(path):
    """{"backend/worker/ring.c:44": how often, ...} of a run's file."""
    program, counts = read_run(path)
    if not counts:
        return {}
    # What was written is where each call returns to: the line is before it.
    words = [symbolizer(), f"--obj={program}", "--functions=none"]
    done = subprocess.run(words + [hex(at - 1) for at in counts],
                          check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"{program} cannot be read: {done.stderr.strip()}")
    blocks = done.stdout.strip().split("\n\n")
    places = {}
    for block, count in zip(blocks, counts.values()):
        place = place_of(block.splitlines())
        if place:
            places[place] = places.get(place, 0) + count
    return places


def main(words):
    """PROGRAM INPUT...: plays them, prints who was seen to read; 1 if the
    ring's accessors were not."""
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "touchpoints")
        subprocess.run(words, check=True,
                       env={**os.environ, "XENBLK_TOUCHPOINTS": path})
        places = reached(path)
    for place, count in sorted(places.items()):
        print(f"{count:10} {place}")
    seen = [p for p in places if p.startswith(f"{WORKER}/ring.c:")]
    if not seen:
        print(f"no load of {WORKER}/ring.c was seen: its objects are not "
              "instrumented, and no double fetch would be found")
    return 0 if seen else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1:]))
