"""How many executions a second of the processor a harness makes, with sanitizers and
all oracles, under both engines, beside the harness that plays nothing.

Each round runs every harness once, one engine at a time and nothing beside it, from
the committed corpus and with the seed of the round, until it has used its seconds of
the processor.  Rounds go over all harnesses before the next begins, so what the
machine does otherwise meets them all.  Never ends an engine that is not its own."""

import argparse
import json
import os
import shutil
import statistics
import time

import finds
from engines import Afl, LibFuzzer
from guard_plays import sample_of
from processor import cpu_of_tree
from tree import (ENGINES, GRACE_S, HARNESSES, MUTATOR, NEEDS, ROOT, Trouble,
                  build_dir, built, claim, engines_of, is_mutated, say, take,
                  targets_of)

EMPTY = "empty"  # no harness of xenblk-fuzz list: it tests nothing
EMPTY_INPUTS = 8  # nothing tells them apart, and AFL++ tries each at length
MACHINES = {"libfuzzer": LibFuzzer, "afl": Afl}
# An engine that gets so little of the machine in so long is given up.
PATIENCE = 60
LOOK_S = 0.05


class Place:
    """The binaries of one engine, copied, so that a build meanwhile changes nothing."""

    def __init__(self, base, engine, harnesses):
        self.engine, self.preset = engine, ENGINES[engine]
        self.where = os.path.join(base, engine)
        self.kept = os.path.join(self.where, "kept")
        self.corpora = os.path.join(self.where, "corpora")
        shutil.rmtree(self.where, ignore_errors=True)
        os.makedirs(self.kept)
        targets = ["fuzz-empty", "corpus-ring", "xenblk-mutator"]
        for harness in harnesses:
            targets += targets_of(harness)
        with built(self.preset, dict.fromkeys(targets)) as bins:
            for harness in [EMPTY, *harnesses]:
                take(bins, harness, os.path.join(self.kept, harness))
            for harness in harnesses:
                shutil.copytree(self.corpus(harness),
                                os.path.join(self.corpora, harness))
            os.makedirs(os.path.join(self.corpora, EMPTY))
            for path in sample_of(self.corpus("ring"), EMPTY_INPUTS):
                shutil.copy(path, os.path.join(self.corpora, EMPTY))
            self.mutator = shutil.copy(
                os.path.join(bins, "..", "lib", MUTATOR), self.kept)

    def corpus(self, harness):
        return os.path.join(build_dir(self.preset), "corpora", harness)

    def prepared(self, harness):
        """(its binary in a folder of this run, that folder)"""
        where = os.path.join(self.where, "run")
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        binary = os.path.join(where, f"fuzz-{harness}")
        shutil.copy(os.path.join(self.kept, harness), binary)
        beside = os.path.join(self.kept, harness + ".d")
        if os.path.isdir(beside):
            shutil.copytree(beside, binary + ".d")
        if harness != EMPTY and is_mutated(harness):
            shutil.copy(self.mutator, where)
        return binary, where

    def inputs(self, harness):
        """The empty harness has some of ring's: sizes cost, too."""
        return os.path.join(self.corpora, harness)


def used(engine, seconds, patience_s):
    """Lets it run for so many seconds of the processor; how many it has used, and
    how long that took."""
    began, spent = time.monotonic(), 0.0
    pid = engine.jobs[0][0].pid
    while engine.running() and spent < seconds:
        if time.monotonic() - began > patience_s:
            break
        time.sleep(LOOK_S)
        spent = max(spent, cpu_of_tree(pid))
    return spent, time.monotonic() - began


def once(place, harness, seed, args):
    """One run: a row of figures."""
    binary, where = place.prepared(harness)
    patience_s = PATIENCE + PATIENCE * args.seconds + GRACE_S.get(harness, 0)
    options = argparse.Namespace(
        seconds=int(2 * patience_s), jobs=1, seed=seed, nice=args.nice,
        keep_open=[], inputs=[] if args.small else [place.inputs(harness)])
    engine = MACHINES[place.engine](harness, binary, where, options)
    try:
        spent, wall = used(engine, args.seconds, patience_s)
    finally:
        engine.stop()
    found = engine.finds()
    execs = engine.figures()["execs"]
    if execs == 0 or spent == 0:
        raise Trouble(f"{harness} under {place.engine} played nothing in "
                      f"{spent:.1f} s of the processor; its log is "
                      f"{engine.jobs[0][1]}; --seconds gives it more")
    for find in found:
        finds.keep(harness, find)
        say(f"{harness}: FOUND by {find['oracle']}: {find['reason']}")
    return {"execs": execs, "cpu_s": spent, "wall_s": wall,
            "per_cpu_s": execs / spent, "per_wall_s": execs / wall,
            "finds": len(found)}


def measure(places, harnesses, args):
    """{(harness, engine): rows}, round by round over all of them"""
    rows = {}
    for number in range(1, args.rounds + 1):
        for harness in [EMPTY, *harnesses]:
            for place in places:
                if harness != EMPTY and place.engine not in engines_of(harness):
                    continue
                row = once(place, harness, number, args)
                rows.setdefault((harness, place.engine), []).append(row)
                say(f"round {number}: {harness:16} {place.engine:9} "
                    f"{row['per_cpu_s']:9.0f} exec/s of a processor, "
                    f"{row['per_wall_s']:.0f} of the clock")
    return rows


def summary(rows):
    """Medians; how many times as long an execution takes as one of the empty
    harness under the same engine."""
    result = []
    for (harness, engine), runs in rows.items():
        rates = [r["per_cpu_s"] for r in runs]
        nothing = statistics.median(
            r["per_cpu_s"] for r in rows[EMPTY, engine])
        median = statistics.median(rates)
        result.append({
            "harness": harness, "engine": engine, "rounds": len(runs),
            "per_cpu_s": round(median), "lowest": round(min(rates)),
            "highest": round(max(rates)),
            "per_wall_s": round(statistics.median(
                r["per_wall_s"] for r in runs)),
            "times_empty": round(nothing / median, 1),
            "execs": sum(r["execs"] for r in runs),
            "finds": sum(r["finds"] for r in runs)})
    return result


def cell(row):
    if row is None:
        return f"{'-':>9} {'-':>17} {'-':>8}"
    span = f"{row['lowest']}-{row['highest']}"
    return f"{row['per_cpu_s']:>9} {span:>17} {row['times_empty']:>8}"


def table(rows, engines):
    """The lines that people read."""
    by_key = {(r["harness"], r["engine"]): r for r in rows}
    lines = ["executions a second of the processor: median, all rounds, and how "
             "many times as long as under the empty harness"]
    lines.append(" " * 16 + "".join(
        f"  {e:>9} {'lowest-highest':>17} {'x empty':>8}" for e in engines))
    for harness in dict.fromkeys(r["harness"] for r in rows):
        lines.append(f"{harness:16}" + "".join(
            "  " + cell(by_key.get((harness, e))) for e in engines))
    return lines


def do_speed(args):
    unknown = [h for h in args.harnesses if h not in HARNESSES]
    if unknown:
        say(f"there is no harness \"{unknown[0]}\"; xenblk-fuzz list names them")
        return 2
    engines = [args.engine] if args.engine else list(ENGINES)
    for engine in engines:
        if shutil.which(NEEDS[engine]) is None:
            raise Trouble(f"{NEEDS[engine]} is not installed, which engine "
                          f"{engine} needs; run ci/setup")
    harnesses = args.harnesses or list(HARNESSES)
    base, lock = claim(os.path.join(ROOT, "build", "speed"))
    with lock:
        places = [Place(base, e, [h for h in harnesses if e in engines_of(h)])
                  for e in engines]
        rows = summary(measure(places, harnesses, args))
    if args.json:
        print(json.dumps({"seconds": args.seconds, "small": args.small,
                          "rows": rows}))
    else:
        print("\n".join(table(rows, engines)))
    return 1 if any(r["finds"] for r in rows) else 0


def add(commands):
    text = "measure executions a second beside a harness that does nothing"
    p = commands.add_parser("speed", help=text, description=text)
    p.set_defaults(function=do_speed)
    p.add_argument("harnesses", nargs="*", metavar="HARNESS",
                   help="default: all of them")
    p.add_argument("--json", action="store_true",
                   help="one JSON document on standard output")
    p.add_argument("--engine", choices=ENGINES, help="default: both")
    p.add_argument("--seconds", type=int, default=4,
                   help="of the processor, for each run (4)")
    p.add_argument("--rounds", type=int, default=3, help="(3)")
    p.add_argument("--small", action="store_true",
                   help="begin without the corpus: inputs that are still short")
    p.add_argument("--nice", type=int, default=0, metavar="N",
                   help="let other work go first: 1 a little, 19 always")
