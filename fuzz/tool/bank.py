"""The bug bank: known bugs, each a patch, planted into a copy of the sources."""

import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

from engines import LibFuzzer
from tree import ROOT, Trouble, built, folder, say, targets_of


def read_patch(path):
    bug = {"file": path}
    with open(path, encoding="utf-8") as text:
        for line in text:
            m = re.match(r"# (id|class|oracle|harness|tier|origin|what): (.*)",
                         line)
            if m:
                bug[m.group(1)] = m.group(2).strip()
            elif line.startswith("---"):
                break
    for key in ("id", "class", "oracle", "harness", "tier"):
        if key not in bug:
            raise Trouble(f"{path} has no \"# {key}:\" in its header")
    return bug


def mutant_tree(base):
    """A copy of the sources; unchanged files keep their times."""
    tree = folder(os.path.join(base, "tree"))
    for name in ("CMakeLists.txt", "CMakePresets.json", "cmake", "backend",
                 "sim", "frontend", "conformance", "fuzz", "corpora"):
        mirror(os.path.join(ROOT, name), os.path.join(tree, name))
    return tree


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


def patch(tree, bug, *how):
    words = ["patch", "-p1", "-s", "-d", tree, "-i", bug["file"]]
    done = subprocess.run(words + list(how), check=False, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise Trouble(f"{bug['file']} does not apply any more:\n"
                      f"{done.stdout}{done.stderr}")


def hunt(binary, harness, corpus, base, seed, args):
    """One seed against one binary: (seconds or None, oracle, reason)."""
    where = os.path.join(base, "hunt")
    shutil.rmtree(where, ignore_errors=True)
    folder(where)
    options = argparse.Namespace(
        seconds=args.budget, jobs=1, seed=seed, nice=args.nice, keep_open=[],
        inputs=[] if args.empty else [corpus])
    start = time.monotonic()
    engine = LibFuzzer(harness, binary, where, options)
    try:
        while engine.running():
            time.sleep(0.05)
            if time.monotonic() - start > args.budget + 30:
                engine.stop()
    finally:
        engine.stop()
    seconds = time.monotonic() - start
    finds = engine.finds()
    if not finds:
        return None, None, None
    return seconds, finds[0]["oracle"], finds[0]["reason"]


def judge_bug(bug, binary, corpus, base, args):
    times, oracles = [], []
    for seed in range(1, args.seeds + 1):
        seconds, oracle, reason = hunt(binary, bug["harness"], corpus, base,
                                       seed, args)
        if seconds is None:
            times.append(float("inf"))
            continue
        times.append(seconds)
        if oracle not in oracles:
            oracles.append(oracle)
            say(f"  {bug['id']}: {reason}")
    found = [t for t in times if t != float("inf")]
    median = statistics.median(times)
    return {"id": bug["id"], "class": bug["class"], "tier": bug["tier"],
            "harness": bug["harness"], "expected": bug["oracle"],
            "reached": None, "triggered": None, "detected": len(found),
            "median_s": None if median == float("inf") else round(median, 1),
            "oracles": oracles}


def chosen(args):
    """The bugs that are wanted, all unless some are named."""
    bugs = [read_patch(p) for p in sorted(
        glob.glob(os.path.join(ROOT, "fuzz", "bugbank", "*.patch")))]
    if not args.only:
        return bugs
    wanted = set(args.only.split(","))
    unknown = wanted - {b["id"] for b in bugs}
    if unknown:
        say(f"the bank has no bug {', '.join(sorted(unknown))}")
        sys.exit(2)
    return [b for b in bugs if b["id"] in wanted]


def applies(bugs):
    """Those whose patch does not fit the tree any more; nothing is changed."""
    misfits = []
    for bug in bugs:
        try:
            patch(ROOT, bug, "--dry-run")
        except Trouble as trouble:
            say(str(trouble).rstrip())
            misfits.append(bug["id"])
    return misfits


def mutant(bug, tree, objects, kept):
    """A harness built with the bug in it."""
    patch(tree, bug)
    try:
        with built("fuzz", [f"fuzz-{bug['harness']}"], tree, objects) as bins:
            return shutil.copy(
                os.path.join(bins, f"fuzz-{bug['harness']}"),
                os.path.join(kept, f"{bug['id']}-{bug['harness']}"))
    finally:
        patch(tree, bug, "-R")


def false_positives(harnesses, kept, corpora, args):
    """How many clean harnesses object to something in the same time."""
    wrong = 0
    for h in harnesses:
        seconds, oracle, reason = hunt(
            os.path.join(kept, f"clean-{h}"), h, os.path.join(corpora, h),
            kept, 1, args)
        if seconds is not None:
            wrong += 1
            say(f"FALSE POSITIVE of {h} on the clean build: {oracle}: "
                f"{reason}")
    return wrong


def hunt_all(bugs, base, args):
    """Plants and hunts each: the rows of the report, and false positives."""
    tree = mutant_tree(base)
    objects = os.path.join(base, "objects")
    corpora = os.path.join(objects, "corpora")
    kept = folder(os.path.join(base, "kept"))
    harnesses = sorted({b["harness"] for b in bugs})
    targets = [t for h in harnesses for t in targets_of(h)]
    with built("fuzz", targets, tree, objects) as bins:
        for h in harnesses:
            shutil.copy(os.path.join(bins, f"fuzz-{h}"),
                        os.path.join(kept, f"clean-{h}"))
    rows = []
    for bug in bugs:
        binary = mutant(bug, tree, objects, kept)
        row = judge_bug(bug, binary, os.path.join(corpora, bug["harness"]),
                        base, args)
        rows.append(row)
        say(f"{row['id']:6} {row['class'][:34]:34} found "
            f"{row['detected']}/{args.seeds}  median "
            f"{row['median_s'] if row['median_s'] is not None else '-'} s  "
            f"{','.join(row['oracles'])}")
    return rows, false_positives(harnesses, kept, corpora, args)
