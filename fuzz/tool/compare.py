"""The mutator against an engine's own havoc: the same harness, engine and seed
side by side, once with it and once with XENBLK_MUTATOR=0, from an empty corpus.

Both sides of a pair run at the same time, so that what else the machine does
meets both; budgets and times are seconds of the processor."""

import argparse
import glob
import json
import math
import os
import re
import shutil
import tempfile
import time

import samples
from bank import Workshop, chosen
from engines import Afl, LibFuzzer
from processor import cpu_of_tree
from tree import (ENGINES, MUTATOR, NEEDS, ROOT, Trouble, claim,
                  is_mutated, say)

SIDES = {"mutator": "50", "havoc": "0"}
# Begins the name of a side's folder, which stays only if somebody kills us.
LEFT = "compare-"


class Side:
    """One engine at work: until it has found something or had its budget."""

    def __init__(self, engine, harness, binary, seed, share, budget):
        self.where = tempfile.mkdtemp(prefix=LEFT, dir=os.path.dirname(binary))
        self.binary = shutil.copy(binary, os.path.join(self.where, "harness"))
        library = os.path.join(os.path.dirname(binary), MUTATOR)
        if os.path.exists(library):
            shutil.copy(library, self.where)
        env = dict(os.environ, XENBLK_MUTATOR=share, AFL_BENCH_UNTIL_CRASH="1",
                   ASAN_OPTIONS="symbolize=0", UBSAN_OPTIONS="symbolize=0")
        if engine == "afl":
            # afl-fuzz insists on its own set.
            env["ASAN_OPTIONS"] = "abort_on_error=1:symbolize=0"
            env["UBSAN_OPTIONS"] = "abort_on_error=1:symbolize=0"
        options = argparse.Namespace(
            seconds=20 * budget + 60, jobs=1, seed=seed, nice=0, keep_open=[],
            inputs=[], env=env,
            # What libFuzzer does without a mutator of ours.
            words=["-len_control=100"] if share == "0" else [])
        self.budget, self.seconds = budget, 0.0
        self.engine = (Afl if engine == "afl" else LibFuzzer)(
            harness, self.binary, self.where, options)
        self.pid = self.engine.jobs[0][0].pid

    def crashed(self):
        return bool(glob.glob(f"{self.where}/artifacts/*") +
                    glob.glob(f"{self.where}/out/*/crashes/id*"))

    def step(self):
        """False when it is over."""
        if not self.engine.running() or self.crashed():
            return False
        self.seconds = max(self.seconds, cpu_of_tree(self.pid))
        return self.seconds < self.budget

    def end(self):
        found = self.crashed()
        self.engine.stop()
        result = {"kill_s": self.seconds if found else math.inf}
        result.update(self.engine.figures())
        result["features"] = features_of(self.engine.jobs[0][1])
        shutil.rmtree(self.where, ignore_errors=True)
        return result


def features_of(log):
    """libFuzzer's finer count; 0 for others."""
    with open(log, encoding="utf-8", errors="replace") as text:
        found = re.findall(r"cov: \d+ ft: (\d+)", text.read())
    return int(found[-1]) if found else 0


def pair(engine, harness, binary, seed, budget):
    """Both sides at once: {side: figures}."""
    sides = {name: Side(engine, harness, binary, seed, share, budget)
             for name, share in SIDES.items()}
    results = {}
    try:
        while sides:
            for name in [n for n, side in sides.items() if not side.step()]:
                results[name] = sides.pop(name).end()
            time.sleep(0.2)
    finally:
        for side in sides.values():
            side.end()
    return results


def measure(engine, harness, binary, seeds, budget):
    """{side: [figures]}"""
    rows = {name: [] for name in SIDES}
    for seed in range(1, seeds + 1):
        for name, figures in pair(engine, harness, binary, seed,
                                  budget).items():
            rows[name].append(figures)
    return rows


def judge(rows, key, more_is_better):
    ours, theirs = ([r[key] for r in rows[side]] for side in SIDES)
    return samples.compare(ours, theirs, more_is_better)


def line(what, row):
    def word(value):
        return "none" if value is None else f"{value:.4g}"
    return (f"{what:28} mutator {word(row['ours']):>8}  havoc "
            f"{word(row['theirs']):>8}  A12 {row['a12']:.2f}  "
            f"p {row['p']:.3f}  {row['verdict']}")


def compare_bugs(args, shop, report):
    wanted = argparse.Namespace(only=args.bugs)
    for bug in chosen(wanted):
        if args.harness not in bug["harnesses"]:
            raise Trouble(f"bug {bug['id']} is for "
                          f"{', '.join(bug['harnesses'])}, not for "
                          f"{args.harness}")
        binary = shop.mutant(bug)[args.harness]
        rows = measure(args.engine, args.harness, binary, args.seeds,
                       args.budget)
        row = judge(rows, "kill_s", False)
        report.append(dict(row, what=f"{bug['id']} seconds to kill"))
        say(line(report[-1]["what"], row))


def compare_clean(args, shop, report):
    binary = shop.clean([args.harness])[args.harness]
    rows = measure(args.engine, args.harness, binary, args.seeds,
                   args.seconds)
    keys = ["edges", "execs"] + (["features"] if args.engine == "libfuzzer"
                                 else ["corpus"])
    for key in keys:
        row = judge(rows, key, True)
        report.append(dict(row, what=f"{key} after {args.seconds} s"))
        say(line(report[-1]["what"], row))


def do_compare(args):
    if not is_mutated(args.harness):
        raise Trouble(f"the mutator is not used for {args.harness}: "
                      "xenblk_mutated() of fuzz/CMakeLists.txt says for which")
    if shutil.which(NEEDS[args.engine]) is None:
        raise Trouble(f"{NEEDS[args.engine]} is not installed, which engine "
                      f"{args.engine} needs; run ci/setup")
    base, lock = claim(os.path.join(ROOT, "build", "compare", args.engine))
    report = []
    with lock:
        shop = Workshop(base, ENGINES[args.engine])
        for old in glob.glob(os.path.join(shop.kept, LEFT + "*")):
            shutil.rmtree(old, ignore_errors=True)
        # The library for afl-fuzz lies beside the harnesses that are kept.
        with shop.building(["xenblk-mutator"]) as bins:
            shutil.copy(os.path.join(bins, "..", "lib", MUTATOR), shop.kept)
        compare_clean(args, shop, report)
        if args.bugs:
            compare_bugs(args, shop, report)
    if args.json:
        print(json.dumps({"harness": args.harness, "engine": args.engine,
                          "seeds": args.seeds, "rows": report}))
    return 0


def add(commands):
    text = "measure the mutator against an engine's own havoc"
    p = commands.add_parser("compare", help=text, description=text)
    p.set_defaults(function=do_compare)
    p.add_argument("--json", action="store_true",
                   help="one JSON document on standard output")
    p.add_argument("harness")
    p.add_argument("--engine", choices=ENGINES, default="libfuzzer")
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--seconds", type=int, default=20,
                   help="of the processor, for edges and features")
    p.add_argument("--budget", type=int, default=60, metavar="SECONDS",
                   help="of the processor, to find a bug")
    p.add_argument("--bugs", metavar="ID,...", help="of the bank")
