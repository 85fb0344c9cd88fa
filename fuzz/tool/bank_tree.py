"""The workshop of the bug bank: a copy of the sources, in which one bug at a
time is planted and built, so that only what its patch touches is compiled
again.  The tree that we stand in is never changed."""

import contextlib
import glob
import hashlib
import json
import os
import shutil

from bank_patch import patch
from tree import REPLAYED, ROOT, built, folder, take, targets_of

PARTS = ("CMakeLists.txt", "CMakePresets.json", "cmake", "backend", "sim",
         "frontend", "conformance", "fuzz", "corpora")
# Nothing that is compiled: changes there leave a binary what it is.
NOT_SOURCES = ("fuzz/tool", "fuzz/xenblk-fuzz", "corpora")


def same_content(a, b):
    if os.path.getsize(a) != os.path.getsize(b):
        return False
    with open(a, "rb") as one, open(b, "rb") as other:
        return one.read() == other.read()


def mirror(source, target):
    """Makes target like source; a file that is equal keeps its time."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        names = set(os.listdir(source))
        for name in set(os.listdir(target)) - names:
            gone = os.path.join(target, name)
            if os.path.isdir(gone):
                shutil.rmtree(gone)
            else:
                os.unlink(gone)
        for name in names:
            mirror(os.path.join(source, name), os.path.join(target, name))
    elif not os.path.exists(target) or not same_content(source, target):
        shutil.copy(source, target)


def mutant_tree(base):
    """A copy of the sources; unchanged files keep their times."""
    tree = folder(os.path.join(base, "tree"))
    for name in PARTS:
        mirror(os.path.join(ROOT, name), os.path.join(tree, name))
    return tree


def files_below(top, relative):
    whole = os.path.join(top, relative)
    if os.path.isfile(whole):
        yield relative
        return
    for name in sorted(os.listdir(whole)):
        inner = os.path.join(relative, name)
        if inner not in NOT_SOURCES and name != "__pycache__":
            yield from files_below(top, inner)


def sources_sha(top):
    """Of everything that is compiled; the bank's patches are none of it."""
    total = hashlib.sha256()
    for part in PARTS:
        if part in NOT_SOURCES:
            continue
        for name in files_below(top, part):
            if name.endswith((".patch", ".md", ".txt")) and \
               not name.endswith("CMakeLists.txt"):
                continue
            with open(os.path.join(top, name), "rb") as data:
                total.update(name.encode() + b"\0" + data.read() + b"\0")
    return total.hexdigest()[:16]


def file_sha(path):
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()[:16]


def corpus_sha(path):
    """Of a folder of inputs: their names and contents."""
    total = hashlib.sha256()
    for name in sorted(os.listdir(path)):
        total.update(name.encode())
        with open(os.path.join(path, name), "rb") as data:
            total.update(data.read())
    return total.hexdigest()[:16]


def canaries_of(tree):
    """How a configuration learns of planted()."""
    return [f"-DCMAKE_PROJECT_xenblk_INCLUDE={tree}/fuzz/bugbank/"
            "planted.cmake"]


def by_preset(harnesses, preset):
    """{preset: those that are built with it}"""
    groups = {}
    for h in harnesses:
        groups.setdefault(REPLAYED.get(h, (preset, h))[0], []).append(h)
    return groups


def whole_of(harness):
    """What has to be built for a harness and its corpus."""
    if harness in REPLAYED:
        return [f"fuzz-{harness}", f"corpus-{REPLAYED[harness][1]}"]
    return targets_of(harness)


def kept_in(base, name, harness):
    return os.path.join(base, "kept", f"{name}-{harness}")


def shop_folder(base, number):
    """Where a builder works, the first one, 0, in the folder itself."""
    return base if number == 0 else os.path.join(base, f"shop-{number + 1}")


def kept_of(base):
    """Where a mutant is, whichever of the builders made it: the newest."""
    shops = [base] + glob.glob(os.path.join(base, "shop-*"))

    def kept_path(name, harness):
        paths = [kept_in(shop, name, harness) for shop in shops]
        there = [p for p in paths if os.path.exists(p)]
        return max(there, key=os.path.getmtime) if there else paths[0]
    return kept_path


class Workshop:
    """One copy of the sources and one folder of objects: one bug at a time."""

    def __init__(self, base, preset="fuzz"):
        self.base = folder(base)
        self.preset = preset
        self.tree = mutant_tree(base)
        self.objects = self.objects_of(preset)
        self.kept = folder(os.path.join(base, "kept"))
        self.sources = sources_sha(self.tree)

    def objects_of(self, preset):
        return os.path.join(self.base, "objects" if preset == "fuzz" else
                            f"objects-{preset}")

    def building(self, targets, preset=None):
        preset = preset or self.preset
        return built(preset, targets, self.tree, self.objects_of(preset),
                     canaries_of(self.tree))

    @contextlib.contextmanager
    def planted(self, bug):
        patch(self.tree, bug)
        try:
            yield
        finally:
            patch(self.tree, bug, "-R")

    def corpus(self, harness):
        preset, name = REPLAYED.get(harness, (self.preset, harness))
        return os.path.join(self.objects_of(preset), "corpora", name)

    def kept_path(self, name, harness):
        return kept_in(self.base, name, harness)

    def is_kept(self, name, harnesses, stamp):
        """Whether these binaries came of this patch and these sources."""
        try:
            with open(self.kept_path(name, "stamp"), encoding="ascii") as text:
                known = json.load(text)
        except (OSError, ValueError):
            return False
        same = all(known.get(key) == stamp[key] for key in ("patch", "sources"))
        return same and set(harnesses) <= set(known["harnesses"]) and all(
            os.path.exists(self.kept_path(name, h)) for h in harnesses)

    def stamp(self, name, stamp):
        with open(self.kept_path(name, "stamp"), "w", encoding="ascii") as out:
            json.dump(stamp, out)

    def make(self, name, harnesses, targets):
        """Builds these harnesses and keeps them under a name of their own;
        targets: what has to be built for one.  Return: {harness: path}"""
        for preset, group in by_preset(harnesses, self.preset).items():
            wanted = [t for h in group for t in targets(h)]
            with self.building(wanted, preset) as bins:
                for h in group:
                    take(bins, h, self.kept_path(name, h))
        return {h: self.kept_path(name, h) for h in harnesses}

    def clean(self, harnesses):
        """The harnesses without a bug, and their corpora: {harness: path}."""
        binaries = self.make("clean", harnesses, whole_of)
        self.stamp("clean", {})
        return binaries

    def mutant(self, bug):
        """All harnesses that may see a bug, with it: {harness: path}."""
        harnesses = bug["harnesses"]
        stamp = {"patch": bug["sha"], "sources": self.sources,
                 "harnesses": harnesses}
        if not self.is_kept(bug["id"], harnesses, stamp):
            with self.planted(bug):
                self.make(bug["id"], harnesses, lambda h: [f"fuzz-{h}"])
            self.stamp(bug["id"], stamp)
        return {h: self.kept_path(bug["id"], h) for h in harnesses}
