"""The source tree, its builds and work folders, and who may use them when."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile

HARNESSES = {
    "ring": "any script of a guest against its rings, grants and events",
    "multiqueue": "a queue is served as if it were alone",
    "grants": "grants come and go, data stays right on every way",
    "abi": "both layouts of the slots lead to the same",
    "ops": "every operation at every size of the disk",
    "indirect": "requests whose segments stand in pages of the guest",
    "events": "storms of events, lost ones, bent indices of events",
    "io": "completions in any order, short, failed, tried again",
    "request_decode": "the decoder of ring slots against a plain reference",
    "handshake_parse": "the parser of a frontend's xenstore keys",
    "recording": "the reader, the judge and the seeds of recordings",
    "settings": "the configuration file, params and numbers",
    "control": "clients of the control socket, and its answers",
    "lifecycle": "the supervisor among frontends, toolstack and workers",
    "handshake": "a frontend's nodes that change between any two looks",
    "daemon": "the whole xenblkd, killed and started again, on the simulator",
    "worker": "a worker behind its link, also after another one died",
    "records": "what workers record, and the file that it goes to",
    "ctl": "xenblkctl: its words, and what a daemon answers",
    "backing": "images behind params: files, block devices, neither",
    "nbd": "queues, and NBD servers that do anything",
    "blocks": "sectors over stores of whole blocks, in any order",
    "metrics": "the page of metrics, and whoever asks for it",
    "link": "the validation of messages between supervisor and worker",
}
# Those without an engine: they replay the corpus of another one, in the objects
# of a preset of their own.
REPLAYED = {"pages": ("release", "ring")}
ENGINES = {"libfuzzer": "fuzz", "afl": "afl"}
NEEDS = {"libfuzzer": "clang-14", "afl": "afl-fuzz"}
MAX_LENGTH = {"ring": 2048, "multiqueue": 2048, "grants": 2048, "abi": 2048,
              "ops": 2048, "events": 2048, "indirect": 2048,
              "io": 2048,
              "handshake_parse": 2048, "settings": 2048, "control": 4096,
              "lifecycle": 1024, "handshake": 1024, "daemon": 416,
              "worker": 1024, "records": 1024, "backing": 512,
              "nbd": 1024, "blocks": 1024, "metrics": 2048}
# What a harness starts, if it is not all of one piece: copied along with it.
COMPANIONS = {"daemon": ("xenblkd", "xenblk-worker")}
# Not for AFL++: what it would see of the backend is nothing.
ELSEWHERE = {"daemon": "the backend runs in processes of its own"}
# Seconds after which a play hangs, and more than its time for an engine to end.
TIMEOUT_S = 20
GRACE_S = {"daemon": 600}
TIMEOUT = {"daemon": 600}
MUTATOR = "xenblk-mutator.so"  # what afl-fuzz loads, in lib of a build


class Trouble(Exception):
    """The tool or its environment failed: exit 4, with a sentence."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def find_root():
    at = os.path.dirname(os.path.realpath(__file__))
    while at != "/":
        if os.path.exists(os.path.join(at, "CMakePresets.json")):
            return at
        at = os.path.dirname(at)
    raise Trouble("xenblk-fuzz must stand inside the source tree (no "
                  "CMakePresets.json is found above it)")


ROOT = find_root()


def version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as text:
        return re.search(r"VERSION (\d[\d.]*) LANG", text.read()).group(1)


def build_dir(preset):
    return os.path.join(ROOT, "build", preset)


def folder(path):
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as e:
        raise Trouble(f"{path} cannot be written: {e.strerror}; name another "
                      "folder with --corpus, or make room") from e
    return path


@contextlib.contextmanager
def alone(path, what):
    """One process at a time; the lock ends with its holder, however it ends."""
    folder(path)
    with open(os.path.join(path, ".xenblk-fuzz.lock"), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another xenblk-fuzz, which {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def claim(path):
    """The first of path, path-2, path-3 ... that nobody works in: it is ours
    as long as the file that comes along is open here or in a child."""
    number = 1
    while True:
        where = folder(path if number == 1 else f"{path}-{number}")
        lock = open(os.path.join(where, ".xenblk-fuzz.lock"), "wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return where, lock
        except BlockingIOError:
            lock.close()
            number += 1


def command(words, log):
    with open(log, "a", encoding="utf-8") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.STDOUT,
                              check=False, cwd=ROOT)
    if done.returncode != 0:
        with open(log, encoding="utf-8", errors="replace") as text:
            tail = text.read().splitlines()[-25:]
        raise Trouble("\n".join(tail) + f"\n\"{' '.join(words)}\" failed "
                      f"(exit {done.returncode}); the whole log is {log}")


@contextlib.contextmanager
def built(preset, targets, source=None, binary=None, options=()):
    """Configures once, then builds these targets; the bin folder, which stays
    as it is until the block ends."""
    binary = binary or build_dir(preset)
    log = os.path.join(binary, "xenblk-fuzz.log")
    for tool in ("cmake", "ninja"):
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is not installed; run ci/setup")
    with alone(binary, f"builds in {binary}"):
        if not os.path.exists(os.path.join(binary, "build.ninja")):
            say(f"configuring preset {preset} in {binary}")
            words = ["cmake", "--preset", preset, "-B", binary]
            command(words + (["-S", source] if source else []) +
                    list(options), log)
        say(f"building {' '.join(targets)}")
        command(["ninja", "-C", binary] + list(targets), log)
        yield os.path.join(binary, "bin")


def build(preset, targets):
    with built(preset, targets) as bins:
        return bins


def is_mutated(harness):
    """Whether the mutator changes its inputs: the build says so."""
    with open(os.path.join(ROOT, "fuzz", "CMakeLists.txt"),
              encoding="utf-8") as text:
        return harness in re.findall(
            r"^xenblk_(?:player_harness|mutated)\((\w+)", text.read(), re.M)


def has_text(harness):
    """Whether its input are records, which have a text: a table of
    fuzz/language names it."""
    tables = os.path.join(ROOT, "fuzz", "language")
    for name in sorted(os.listdir(tables)):
        with open(os.path.join(tables, name), encoding="utf-8") as table:
            spoken = re.search(r"\.harness = \{([^}]*)\}", table.read())
        if spoken and f'"{harness}"' in spoken.group(1):
            return True
    return False


def harness_of(path, args):
    """Whose input it is: the one that was named, or the one whose folder it
    lies in."""
    if args.harness:
        return args.harness
    for word in reversed(os.path.abspath(path).split(os.sep)[:-1]):
        if word in HARNESSES:
            return word
    raise Trouble(f"{path} lies in no folder that is named like a harness; say "
                  "--harness NAME (xenblk-fuzz list names them)")


def targets_of(harness):
    mutator = ["xenblk-mutator"] if is_mutated(harness) else []
    return [f"fuzz-{harness}", f"corpus-{harness}"] + mutator


def engines_of(harness):
    return [e for e in ENGINES if e != "afl" or harness not in ELSEWHERE]


def timeout_of(harness):
    return TIMEOUT.get(harness, TIMEOUT_S)


def take(bins, harness, path):
    """A copy of a harness, which who builds meanwhile does not change; what it
    starts lies in PATH.d.  Return: the path."""
    # Whoever runs the one before goes on with that.
    shutil.copy(os.path.join(bins, f"fuzz-{harness}"), path + ".new")
    os.replace(path + ".new", path)
    for name in COMPANIONS.get(harness, ()):
        os.makedirs(path + ".d", exist_ok=True)
        shutil.copy(os.path.join(bins, name), path + ".d")
    return path


def dictionary(harness):
    path = os.path.join(ROOT, "corpora", harness, harness + ".dict")
    return path if os.path.exists(path) else None
