"""One hunt: one binary, one seed, one core, until the bug is found or its
budget is used up.  Seconds are those of the processor, so that they mean the
same on a machine that is busy with other things."""

import argparse
import os
import re
import shutil
import tempfile
import threading
import time

from engines import LibFuzzer, reason_of, start
from processor import stat_of
from tree import REPLAYED, folder

STEP = 0.02
# A hunt that gets so little of the processor is ended, and says so.
PATIENCE = 20


def cpu_of(pid):
    """(seconds used so far, whether it has ended); a process that has ended
    is still there to be asked until somebody waits for it.  With those of the
    programs that it started and waited for: what `daemon` does is done by
    them."""
    stat = stat_of(pid)
    if stat is None:
        return 0.0, True
    return stat[2], stat[0] in "ZX"


def environment(trace):
    """Nothing of the sanitizers but the finding itself: looking up the names
    of functions takes longer than many a hunt."""
    quiet = {"ASAN_OPTIONS": "symbolize=0", "UBSAN_OPTIONS": "symbolize=0"}
    return dict(os.environ, XENBLK_PLANTED=trace, **quiet)


def watch(process, budget, stop):
    """Until it ends, or has had its budget: (seconds, what ended it)."""
    deadline = time.monotonic() + PATIENCE * budget + 60
    while True:
        seconds, ended = cpu_of(process.pid)
        if ended:
            return seconds, "found"
        if seconds >= budget:
            return seconds, "budget"
        if stop.is_set():
            return seconds, "stopped"
        if time.monotonic() > deadline:
            return seconds, "starved"
        time.sleep(STEP)


def canary_of(trace):
    """(reached, triggered) of what the mutant has noted."""
    try:
        with open(trace, encoding="ascii") as text:
            lines = text.read().split()
    except OSError:
        return False, False
    return "reached" in lines, "triggered" in lines


def plain(reason):
    """Without what differs from run to run: process ids and addresses."""
    reason = re.sub(r"^==\d+==\s*", "", reason.strip())
    return re.sub(r" on (unknown )?address 0x[0-9a-f]+.*", "", reason)


def keep_witness(find, witness):
    if witness:
        folder(os.path.dirname(witness))
        shutil.copy(find["input"], witness)


def chase(binary, harness, inputs, seed, options):
    """A hunt in a folder of its own, which is gone afterwards.

    options: base (folder), budget, nice, stop (an event), witness (path or
    None).  Return: a dictionary: seconds, end ("found", "budget", "starved",
    "stopped"), oracle, reason, reached, triggered, execs."""
    where = tempfile.mkdtemp(prefix="hunt-", dir=options.base)
    try:
        if harness in REPLAYED:
            return replay(binary, inputs, where, options)
        return search(binary, harness, inputs, seed, where, options)
    finally:
        shutil.rmtree(where, ignore_errors=True)


def replay(binary, inputs, where, options):
    """A harness without an engine plays its corpus, once."""
    trace, log = os.path.join(where, "planted"), os.path.join(where, "log")
    words = argparse.Namespace(nice=options.nice, keep_open=[])
    process = start([binary] + inputs, log, words, environment(trace))
    try:
        seconds, end = watch(process, options.budget, options.stop)
    finally:
        if process.poll() is None:
            process.kill()
        status = process.wait()
    result = {"seconds": round(seconds, 2), "end": end, "oracle": None,
              "reason": None, "execs": 1}
    result["reached"], result["triggered"] = canary_of(trace)
    if end == "found" and status == 0:
        result["end"] = "budget"  # through, and nothing was seen
    elif end == "found":
        oracle, reason = reason_of(log)
        result.update(oracle=oracle, reason=plain(reason))
    return result


def search(binary, harness, inputs, seed, where, options):
    """libFuzzer, from these inputs on."""
    trace = os.path.join(where, "planted")
    words = argparse.Namespace(
        seconds=PATIENCE * options.budget + 60, jobs=1, seed=seed,
        nice=options.nice, keep_open=[], inputs=inputs,
        env=environment(trace))
    engine = LibFuzzer(harness, binary, where, words)
    try:
        seconds, end = watch(engine.jobs[0][0], options.budget, options.stop)
    finally:
        engine.stop()
    finds = [f for f in engine.finds()
             if not os.path.basename(f["input"]).startswith("slow-unit")]
    result = {"seconds": round(seconds, 2), "end": end, "oracle": None,
              "reason": None, "execs": engine.figures()["execs"]}
    result["reached"], result["triggered"] = canary_of(trace)
    if finds:
        result.update(end="found", oracle=finds[0]["oracle"],
                      reason=plain(finds[0]["reason"]))
        keep_witness(finds[0], options.witness)
    elif end == "found":
        result["end"] = "lost"  # it ended, and left nothing
    return result


def hunt(binary, harness, corpus, base, seed, args):
    """One seed against one binary: (seconds or None, oracle, reason).

    args: budget (seconds of one core), nice, empty (begin without the
    corpus).  For who wants no more than that; bank.py asks chase()."""
    options = argparse.Namespace(
        base=folder(base), budget=args.budget, nice=args.nice, witness=None,
        stop=threading.Event())
    result = chase(binary, harness, [] if args.empty else [corpus], seed,
                   options)
    if result["end"] != "found":
        return None, None, None
    return result["seconds"], result["oracle"], result["reason"]
