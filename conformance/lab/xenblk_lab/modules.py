"""Kernel modules: which ones a module needs, and the index that modprobe reads.

Read out of the modules themselves, so that no depmod is needed and the index
names only what is in the archive.  initramfs.py calls this.
"""

import re

from .errors import LabError
from .kernels import decompress

SUFFIX = re.compile(r"\.ko(\.(xz|zst|gz))?$")


def plain(name):
    """A module's name as the kernel spells it."""
    return name.replace("-", "_")


class Tree:
    """The modules of one kernel."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {
            plain(SUFFIX.sub("", path.name)): path
            for path in folder.rglob("*.ko*") if SUFFIX.search(path.name)
        }
        listed = folder / "modules.builtin"
        lines = listed.read_text().split() if listed.exists() else []
        self.builtin = {plain(SUFFIX.sub("", line.rpartition("/")[2])) for line in lines}
        self._read = {}

    def data(self, name):
        """The module, not compressed."""
        if name not in self._read:
            path = self.files[name]
            data = path.read_bytes()
            if path.suffix != ".ko":
                data = decompress(data, str(path))
            self._read[name] = data
        return self._read[name]

    def needs(self, name):
        """The modules that this one names as its dependencies."""
        found = re.search(rb"\0depends=([^\0]*)\0", self.data(name))
        words = found[1].decode().split(",") if found else []
        return [plain(word) for word in words if word]

    def order(self, wanted, optional=()):
        """These modules and all that they need, each after its own needs."""
        done = []
        for name in [*map(plain, wanted), *map(plain, optional)]:
            absent = name not in self.files
            if absent and (name in self.builtin or name in map(plain, optional)):
                continue
            self._visit(name, done, ())
        return done

    def _visit(self, name, done, path):
        if name in done or name in path:
            return
        if name not in self.files:
            if name in self.builtin:
                return
            raise LabError(
                f"the kernel in {self.folder.parent.name} has no module "
                f"{name}, neither as a file nor built in."
            )
        for need in self.needs(name):
            self._visit(need, done, (*path, name))
        done.append(name)


def index(tree, names):
    """The text of modules.dep for these modules, all in one folder: a line
    names all that a module needs, the nearest first."""
    lines = []
    for name in names:
        needed = [n for n in reversed(tree.order([name])) if n != name]
        lines.append(f"{name}.ko:" + "".join(f" {n}.ko" for n in needed) + "\n")
    return "".join(lines)
