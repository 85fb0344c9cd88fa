"""What the engines that are installed can do, found by looking at them.

Version texts are recorded and never asked: distributions patch, and a feature
is there or it is not.  Called by campaign.py; starts nothing that stays.
"""

import os
import re
import shutil
import subprocess
import tempfile

SCHEDULES = ("fast", "explore", "exploit", "rare", "coe", "seek", "lin",
             "quad", "mmopt")
# A comparison of a kind that both passes of the compiler rewrite.
PROBE = ("#include <string.h>\n"
         "int probe(unsigned long x, const char *s)\n"
         "{ return x == 0x1122334455667788ul && strcmp(s, \"xen\") == 0; }\n")


class Features:
    """What an afl-fuzz and its compiler can do."""

    def __init__(self, options=(), schedules=(), variables=(), builds=(),
                 version=""):
        self.options, self.schedules = set(options), list(schedules)
        self.variables, self.builds = set(variables), set(builds)
        self.version = version

    def document(self):
        return {"options": sorted(self.options), "schedules": self.schedules,
                "variables": sorted(self.variables),
                "builds": sorted(self.builds), "version": self.version}

    def environment(self, **wanted):
        """Those of these variables that this afl-fuzz knows."""
        return {k: v for k, v in wanted.items() if k in self.variables}


def text_of(words):
    """What a program prints when asked for help, whatever its exit code."""
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=60)
    text = done.stdout.decode(errors="replace")
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def options_in(text):
    """The letters of "  -p schedule   - ..." and of "  -M/-S id  - ..."."""
    letters = set()
    for line in text.splitlines():
        m = re.match(r"\s+(-\w(?:/-\w)*)\s", line)
        if m:
            letters.update(re.findall(r"\w", m.group(1)))
    return letters


def schedules_in(text):
    m = re.search(r"-p schedule.*?(?=\n\s+-\w\b)", text, re.S)
    words = set(re.findall(r"[a-z]+", m.group(0))) if m else set()
    return [s for s in SCHEDULES if s in words]


def variables_in(program):
    """The names of the environment variables that a program knows."""
    with open(program, "rb") as data:
        return {name.decode() for name in
                re.findall(rb"AFL_[A-Z][A-Z0-9_]+", data.read())}


def compiled(compiler, variable, where):
    """The object that the compiler makes of PROBE, or None."""
    source = os.path.join(where, "probe.c")
    target = os.path.join(where, f"{variable or 'plain'}.o")
    with open(source, "w", encoding="ascii") as text:
        text.write(PROBE)
    env = dict(os.environ, AFL_QUIET="1", **({variable: "1"}
                                             if variable else {}))
    done = subprocess.run([compiler, "-O1", "-c", source, "-o", target],
                          check=False, env=env, timeout=60,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        return None
    with open(target, "rb") as data:
        return data.read()


def builds_of(compiler):
    """Which kinds of instrumentation change what the compiler makes."""
    with tempfile.TemporaryDirectory() as where:
        plain = compiled(compiler, None, where)
        if plain is None:
            return set()
        cmplog = compiled(compiler, "AFL_LLVM_CMPLOG", where) or b""
        laf = compiled(compiler, "AFL_LLVM_LAF_ALL", where)
    found = {"plain"}
    if b"__cmplog_" in cmplog:
        found.add("cmplog")
    if laf is not None and laf != plain:
        found.add("laf")
    return found


def probe(program="afl-fuzz", compiler="afl-clang-fast"):
    """The features of an installed AFL++; None when there is none."""
    path = shutil.which(program)
    if path is None or shutil.which(compiler) is None:
        return None
    text = text_of([path, "-h"])
    first = text.strip().splitlines()[0] if text.strip() else "unknown"
    return Features(options_in(text), schedules_in(text), variables_in(path),
                    builds_of(compiler), first)
