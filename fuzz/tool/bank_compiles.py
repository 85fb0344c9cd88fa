"""Whether what the bank's patches make of the sources still compiles.  A patch
may fit the lines around it and use what is not there any more; without this it
is seen when somebody hunts, and then all the others wait.

Only looks: each patched file is checked by the compiler that a build folder has
for it, with the canary before it, and nothing is linked or kept.  The files
that include a patched header are checked in its place."""

import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import tempfile

from bank_patch import BANK, patch
from tree import ROOT, Trouble, say

CANARY = os.path.join(BANK, "planted.h")


def commands_of(build):
    """{path below the tree: words of its compiler}"""
    path = os.path.join(build, "compile_commands.json")
    try:
        with open(path, encoding="utf-8") as text:
            entries = json.load(text)
    except (OSError, ValueError) as error:
        raise Trouble(f"{path} cannot be read ({error}); configure that folder "
                      "first: cmake --preset dev") from None
    commands = {}
    for entry in entries:
        name = os.path.relpath(entry["file"], ROOT)
        commands.setdefault(name, (entry["directory"],
                                   shlex.split(entry["command"])))
    return commands


def files_of(bug):
    with open(bug["file"], encoding="utf-8") as text:
        return [line[6:].split("\t")[0].strip() for line in text
                if line.startswith("+++ b/")]


def includers(header, commands):
    """Files of the backend that include it, as the tree has them."""
    wanted = f'#include "{header}"'
    found = []
    for name in sorted(commands):
        if name.startswith("backend/") and not \
           os.path.basename(name).startswith("test_"):
            with open(os.path.join(ROOT, name), encoding="utf-8") as text:
                if wanted in text.read():
                    found.append(name)
    return found


def overlay(bug, top):
    """The patched files alone, and beside them what is compiled of them."""
    for name in files_of(bug):
        os.makedirs(os.path.join(top, os.path.dirname(name)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), os.path.join(top, name))
    patch(top, bug, "--no-backup-if-mismatch")


def look(name, top, command):
    """What the compiler says against a file; "" for nothing."""
    directory, words = command
    words = [w for w in words if not w.startswith("-Werror")]
    for word in ("-o", "-c"):
        at = words.index(word)
        del words[at:at + 2]
    source = os.path.join(top, name)
    if not os.path.exists(source):
        source = os.path.join(ROOT, name)
    done = subprocess.run(
        [words[0], f"-I{top}"] + words[1:] +
        ["-fsyntax-only", "-Werror=implicit-function-declaration", "-include",
         CANARY, source],
        cwd=directory, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode != 0 else ""


def compiles(bug, commands):
    """Sentences about what does not."""
    with tempfile.TemporaryDirectory(prefix="xenblk-bank.") as top:
        overlay(bug, top)
        names = [name for part in files_of(bug) for name in
                 ([part] if part in commands else includers(part, commands))]
        if not names:
            return [f"{bug['file']}: nothing that is compiled has a part in it"]
        said = [look(name, top, commands[name]) for name in dict.fromkeys(names)]
        return [f"{bug['file']} does not compile any more:\n{words}"
                for words in said if words]


def misfits(bugs, build):
    """Ids of those that do not compile; what is wrong is said."""
    commands = commands_of(build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lambda bug: compiles(bug, commands), bugs))
    bad = []
    for bug, sentences in zip(bugs, said):
        for sentence in sentences:
            say(sentence)
        if sentences:
            bad.append(bug["id"])
    return bad
