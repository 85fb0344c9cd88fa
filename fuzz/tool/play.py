"""One play of one input, and what it showed: who objected, the reason, and the
frames of ours on the stack.  Nothing here decides what that means."""

import os
import re
import signal
import subprocess
import tempfile

from engines import reason_of

# What every stack of a finding has in common says nothing about it.
PLUMBING = ("oracle_fail", "check_failed", "LLVMFuzzerTestOneInput",
            "player_play", "main")
FRAMES = 3
FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ in (\S+) (\S+?):(\d+)")
OURS = ("backend/", "conformance/", "sim/", "frontend/", "fuzz/")


class Outcome:
    """oracle is "none" when nothing objected."""

    def __init__(self, oracle, reason, frames):
        self.oracle, self.reason, self.frames = oracle, reason, frames

    def same_as(self, other):
        """By oracle and reason, but for numbers: that needs no symbols."""
        return (self.oracle == other.oracle and
                plain(self.reason) == plain(other.reason))

    def bucket(self):
        words = [self.oracle, plain(self.reason)] + self.frames
        return " | ".join(words)


def plain(reason):
    """A reason without what differs from play to play."""
    words = re.sub(r"==\d+==|0x[0-9a-f]+|\(pc .*", "#", reason)
    return re.sub(r"-?\d+", "#", words).strip()


def frames_of(text):
    """The first stack's frames that are ours, without the plumbing, as
    "function file": lines move with every change."""
    frames, began = [], False
    for row in text.splitlines():
        m = FRAME.match(row)
        if not m:
            if began and not row.strip():
                break
            continue
        began = True
        function, path = m.group(1), m.group(2)
        at = [path.rfind("/" + folder) for folder in OURS]
        if max(at) < 0 or function in PLUMBING:
            continue
        frames.append(f"{function} {path[max(at) + 1:]}")
    return in_front(frames)


def in_front(frames):
    """The backend's first: a check of ours stands on every stack above it."""
    backend = [f for f in frames if " backend/" in f]
    return (backend or frames)[:FRAMES]


def environment(symbols):
    word = "1" if symbols else "0"
    common = f"symbolize={word}:abort_on_error=1"
    return dict(os.environ, ASAN_OPTIONS=common, UBSAN_OPTIONS=common)


def run(binary, path, seconds, log, symbols):
    """Return: the exit status, or None for one that had to be ended.  SIGABRT
    makes the sanitizer print where it was."""
    process = subprocess.Popen([binary, path], stdout=log, stderr=log,
                               stdin=subprocess.DEVNULL, cwd=os.path.dirname(
                                   log.name), env=environment(symbols))
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return None


def play_file(binary, path, seconds=20, symbols=False):
    """An Outcome; "hang" after so many seconds."""
    with tempfile.TemporaryDirectory(prefix="xenblk-play-") as where:
        name = os.path.join(where, "log")
        with open(name, "wb") as log:
            status = run(os.path.abspath(binary), os.path.abspath(path),
                         seconds, log, symbols)
        with open(name, encoding="utf-8", errors="replace") as text:
            frames = frames_of(text.read())
        if status is None:
            return Outcome("hang", f"one play takes more than {seconds} s",
                           frames)
        if status == 0:
            return Outcome("none", "nothing objects", [])
        oracle, reason = reason_of(name)
        return Outcome(oracle, re.sub(r"^==\d+==", "", reason.strip()),
                       frames)


def play_bytes(binary, data, seconds=20):
    with tempfile.TemporaryDirectory(prefix="xenblk-play-") as where:
        path = os.path.join(where, "input")
        with open(path, "wb") as out:
            out.write(data)
        return play_file(binary, path, seconds)
