"""From a fault to a program: the files that it touches are compiled as the build
compiles them, and linked in front of the build's own libraries.

Needs a finished build folder of Ninja's; the sources and the build are never
changed.  What is made lies in a scratch folder of the caller's.
"""

import glob
import json
import os
import shlex
import shutil
import subprocess

from fault import Trouble

PROGRAM = "xenblk-conform-inprocess"
LIBRARIES = ("xenblk_worker_core", "xenblk_supervisor_core", "xenblk_base",
             "xenblk_image")
COMPILE_S, LINK_S = 600, 600


def output_of(words, where, seconds):
    done = subprocess.run(words, cwd=where, capture_output=True, text=True,
                          errors="replace", timeout=seconds, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(words[:3])} ... failed in {where}:\n"
                      f"{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


class Workshop:
    """One build folder: how its objects are compiled and its program linked."""

    def __init__(self, root, build):
        self.root, self.build = root, build
        program = os.path.join(build, "bin", PROGRAM)
        if not os.path.exists(program):
            raise Trouble(f"there is no {program}: build it first, with cmake --preset dev && ninja -C build/dev")
        self.commands = self.read_commands()
        self.link = self.read_link()

    def read_commands(self):
        """{source: compile command} of what the program is made of."""
        path = os.path.join(self.build, "compile_commands.json")
        try:
            with open(path, encoding="utf-8") as text:
                entries = json.load(text)
        except OSError as error:
            raise Trouble(f"{self.build} is no finished build: {error}") from None
        commands = {}
        for entry in entries:
            words = shlex.split(entry["command"])
            target = words[words.index("-o") + 1]
            if any(f"/{name}.dir/" in target for name in LIBRARIES):
                commands[os.path.relpath(entry["file"], self.root)] = words
        return commands

    def read_link(self):
        text = output_of(["ninja", "-t", "commands", PROGRAM], self.build, LINK_S)
        words = shlex.split(text.strip().splitlines()[-1])
        return [w for w in words if w not in (":", "&&")]

    def apply(self, fault, scratch):
        """The changed files below scratch; their paths."""
        if fault.patch:
            return self.apply_patch(fault, scratch)
        from fault import changed
        files = changed(fault, lambda p: read(os.path.join(self.root, p)))
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(scratch, path)), exist_ok=True)
            with open(os.path.join(scratch, path), "w", encoding="utf-8") as out:
                out.write(text)
        return sorted(files)

    def apply_patch(self, fault, scratch):
        whole = read(fault.patch)
        paths = sorted({line[6:].split("\t")[0] for line in whole.splitlines()
                        if line.startswith("+++ b/")})
        for path in paths:
            os.makedirs(os.path.dirname(os.path.join(scratch, path)), exist_ok=True)
            shutil.copy(os.path.join(self.root, path), os.path.join(scratch, path))
        output_of(["patch", "-p1", "-s", "-d", scratch, "-i", fault.patch], scratch, 30)
        return paths

    def sources_of(self, paths):
        """What must be compiled anew: a header is part of who knows what."""
        if all(path.endswith(".c") for path in paths):
            return [path for path in paths if path in self.commands]
        return sorted(self.commands)

    def compile(self, source, scratch):
        words = list(self.commands[source])
        planted = os.path.join(self.root, "fuzz", "bugbank", "planted.h")
        own = os.path.join(scratch, source)
        target = os.path.join(scratch, source.replace("/", "_") + ".o")
        at = 1 if "ccache" not in words[0] else 2
        words[words.index("-o") + 1] = target
        words[words.index("-c") + 1] = own if os.path.exists(own) else os.path.join(self.root, source)
        for flag in ("-MD", "-MT", "-MF"):
            if flag in words:
                i = words.index(flag)
                del words[i:i + (1 if flag == "-MD" else 2)]
        words[at:at] = [f"-I{scratch}", "-include", planted]
        output_of(words + ["-w"], self.build, COMPILE_S)
        return target

    def make(self, fault, scratch):
        """The program with this fault."""
        sources = self.sources_of(self.apply(fault, scratch))
        if not sources:
            raise Trouble(f"{fault.name} touches nothing that {PROGRAM} is made of")
        objects = [self.compile(source, scratch) for source in sources]
        program = os.path.join(scratch, PROGRAM)
        words = list(self.link)
        at = words.index("-o")
        words[at:at + 2] = ["-o", program, *objects]
        output_of(words, self.build, LINK_S)
        return program


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def written(folder, parse):
    """Every fault of our own, in the order of files."""
    return [fault for path in sorted(glob.glob(os.path.join(folder, "*.faults")))
            for fault in parse(read(path), os.path.basename(path))]
