"""Guards against fuzzing that tests nothing: for each harness, whether its
corpus gets where a guest gets, requests are served, the instrumentation is
there, plays repeat, it is fast enough, and a planted bug is found in seconds.

What each harness must keep stands in fuzz/guards.json; each guard that fails
says so in a sentence, with the command that repeats it."""

import json
import os
import shutil
import time

import guard_objects
import guard_places
import guard_plays
import guard_planted
import guard_sabotage
from tree import (ELSEWHERE, HARNESSES, NEEDS, ROOT, Trouble, build_dir, built,
                  claim, say, targets_of)

LIMITS = os.path.join(ROOT, "fuzz", "guards.json")
SPEED_TRIES = 4


class Failure(Exception):
    """A guard that does not hold; the sentence says what is wrong."""


def read_limits(path=LIMITS):
    try:
        with open(path, encoding="utf-8") as text:
            return json.load(text)
    except (OSError, ValueError) as e:
        raise Trouble(f"{path} cannot be read: {e}") from e


class World:
    """The builds that the guards look at, each made once, with everything that
    the harnesses of this run need."""

    def __init__(self, harnesses, args):
        self.harnesses, self.limits = harnesses, read_limits()
        self.bins = {}
        self.found = guard_places.in_sources()
        self.rows = guard_places.listed()
        self.planted = guard_planted.Planted(args.base, self.limits, args.nice)

    def binary(self, preset, harness):
        if preset not in self.bins:
            targets = [t for h in self.harnesses for t in targets_of(h)
                       if preset in self.limits[h].get("builds", [preset])
                       or preset == "coverage"]
            if preset == "fuzz":
                targets.append("fuzz-empty")
            with built(preset, targets) as bins:
                self.bins[preset] = bins
        return os.path.join(self.bins[preset], f"fuzz-{harness}")

    def corpus(self, preset, harness):
        return os.path.join(build_dir(preset), "corpora", harness)

    def counted(self, harness):
        """What a play of the corpus reaches, prints and says; kept, because
        three guards ask for it."""
        if getattr(self, "last", (None,))[0] != harness:
            self.last = harness, guard_places.reached(
                self.binary("coverage", harness),
                self.corpus("coverage", harness))
        return self.last[1]


def touchpoints(world, harness):
    wrong = list(guard_places.faults(world.found, world.rows, HARNESSES))
    if wrong:
        raise Failure(wrong[0] + (f" (and {len(wrong) - 1} more)"
                                  if len(wrong) > 1 else ""))
    wanted = [r for r in world.rows.values() if harness in r.names()]
    if not wanted:
        reason = world.limits[harness].get("no touchpoints")
        if reason:
            return f"none: {reason}"
        raise Failure(f"fuzz/touchpoints.txt names no place for {harness}, and "
                      "fuzz/guards.json has no \"no touchpoints\" with a reason")
    missed = guard_places.missed(harness, world.found, world.rows,
                                 world.counted(harness)[0])
    if missed:
        where = "; ".join(f"{p.path}:{p.lines[0]} in {p.function}(): {p.text}"
                          for p in missed[:4])
        raise Failure(f"{len(missed)} of {len(wanted)} places that read what a "
                      f"guest can write are never reached by the corpus of "
                      f"{harness}: {where}")
    return f"{len(wanted)} of {len(wanted)} places reached"


def okay(world, harness):
    low, high = world.limits[harness]["okay"]
    share = guard_plays.share_okay(world.counted(harness)[2])
    if not low <= share <= high:
        raise Failure(f"{share:.1f} % of the requests in the corpus of "
                      f"{harness} are answered OKAY, not {low} to {high} %: "
                      + ("nothing gets deep" if share < low else
                         "nothing is ever wrong"))
    return f"{share:.0f} % OKAY ({low} to {high})"


def instrumentation(world, harness):
    for preset in world.limits[harness].get("builds", ["fuzz", "afl"]):
        wrong = guard_objects.faults(preset, world.binary(preset, harness))
        if wrong:
            raise Failure(f"the {preset} build is not instrumented as it must "
                          f"be: {wrong[0]}" + (f" (and {len(wrong) - 1} more)"
                                               if len(wrong) > 1 else ""))
    return "there in every object"


def stability(world, harness):
    wrong = guard_plays.hashes_again(
        world.binary("coverage", harness), world.corpus("coverage", harness),
        world.counted(harness)[1])
    if wrong:
        raise Failure(f"{len(wrong)} inputs of {harness} do something else when "
                      f"they are played again, {wrong[0]} first")
    if "afl" not in world.limits[harness].get("builds", ["afl"]):
        return "the same twice"
    wrong, edges = guard_plays.edges_again(world.binary("afl", harness),
                                           world.corpus("afl", harness))
    if wrong:
        raise Failure(f"{len(wrong)} inputs of {harness} reach other edges when "
                      f"they are played after others, {wrong[0]} first")
    return f"the same twice, {edges} edges"


def speed(world, harness):
    most = world.limits[harness]["slowest"]
    # What the empty harness takes is little beside the noise of a process: what is
    # too slow must be so each time.
    for _ in range(SPEED_TRIES):
        times, execs = guard_plays.slowness(
            world.binary("fuzz", harness), world.binary("fuzz", "empty"),
            world.corpus("fuzz", harness),
            harness in ELSEWHERE)
        if times <= most:
            break
    else:
        raise Failure(f"an execution of {harness} takes {times:.0f} times as "
                      f"long as one of the empty harness, not {most} times at "
                      f"most ({execs:.0f} a second)")
    return f"{times:.0f} times the empty harness (at most {most}), " \
           f"{execs:.0f} exec/s"


def planted(world, harness):
    world.binary("fuzz", harness)  # and its corpus
    bug, seconds, reason = world.planted.hunt(
        harness, world.corpus("fuzz", harness))
    if seconds is None:
        raise Failure(f"{harness} does not find bug {bug['id']} ({bug['what']}) "
                      f"within {guard_planted.BUDGET_S} s, though it is planted")
    return f"{bug['id']} found in {seconds:.1f} s: {reason[:60]}"


GUARDS = {
    "touchpoints": (touchpoints, "every place that reads what a guest can write "
                    "is reached by the corpus"),
    "okay": (okay, "neither nothing nor everything is answered OKAY"),
    "instrumentation": (instrumentation, "the objects of both engines are "
                        "instrumented"),
    "stability": (stability, "the same input does and reaches the same"),
    "speed": (speed, "not much slower than a harness that does nothing"),
    "planted": (planted, "a planted bug is found within 10 seconds"),
}


def look(world, harness, name):
    """One guard: a row of the report."""
    row = {"harness": harness, "guard": name, "ok": True,
           "again": f"fuzz/xenblk-fuzz guard {harness} --only {name}"}
    began = time.monotonic()
    try:
        limits = world.limits.get(harness)
        if limits is None:
            raise Failure(f"fuzz/guards.json has no row for {harness}")
        excuse = limits.get("without", {}).get(name)
        row["says"] = (f"does not apply: {excuse}" if excuse
                       else GUARDS[name][0](world, harness))
    except (Failure, Trouble) as failure:
        row.update(ok=False, says=str(failure))
    row["seconds"] = round(time.monotonic() - began, 1)
    word = "ok  " if row["ok"] else "FAIL"
    say(f"{word} {harness:16} {name:16} {row['says']}")
    if not row["ok"]:
        say(f"     again: {row['again']}")
    return row


def needs(only):
    tools = {NEEDS["libfuzzer"], NEEDS["afl"]}
    if set(only) & {"touchpoints", "okay", "stability"}:
        tools.add("gcov")
    for tool in sorted(tools):
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is not installed, which the guards need; run "
                          "ci/setup")


def write_places():
    found = guard_places.in_sources()
    guard_places.write(found)
    wrong = list(guard_places.faults(found, guard_places.listed(), HARNESSES))
    for sentence in wrong:
        say(sentence)
    print(f"{len(found)} places in fuzz/touchpoints.txt")
    return 1 if wrong else 0


def do_guard(args):
    if args.touchpoints:
        return write_places()
    only = args.only.split(",") if args.only else list(GUARDS)
    unknown = set(only) - set(GUARDS)
    if unknown or (args.harness != "all" and args.harness not in HARNESSES):
        say(f"there is no guard \"{', '.join(sorted(unknown))}\"; they are "
            f"{', '.join(GUARDS)}" if unknown else
            f"there is no harness \"{args.harness}\"; xenblk-fuzz list names "
            "them")
        return 2
    needs(only)
    if args.sabotage:
        return guard_sabotage.try_all(GUARDS, args)
    harnesses = list(HARNESSES) if args.harness == "all" else [args.harness]
    args.base, lock = claim(os.path.join(ROOT, "build", "guard"))
    with lock:
        world = World(harnesses, args)
        rows = [look(world, h, name) for h in harnesses for name in only]
    bad = [r for r in rows if not r["ok"]]
    if args.json:
        print(json.dumps({"guards": rows, "failed": len(bad)}))
    else:
        print(f"{len(rows) - len(bad)} of {len(rows)} guards hold for "
              f"{len(harnesses)} harnesses")
    return 1 if bad else 0


def add(commands):
    text = "see whether the harnesses test what they should"
    p = commands.add_parser(
        "guard", help=text, description=text, epilog="Guards: " + "; ".join(
            f"{name}: {sentence}" for name, (_, sentence) in GUARDS.items()))
    p.set_defaults(function=do_guard)
    p.add_argument("--json", action="store_true",
                   help="one JSON document on standard output")
    p.add_argument("harness", nargs="?", default="all",
                   help="a harness, or all (default)")
    p.add_argument("--only", metavar="GUARD,...")
    p.add_argument("--touchpoints", action="store_true",
                   help="bring fuzz/touchpoints.txt up to date with the sources")
    p.add_argument("--sabotage", action="store_true",
                   help="plant what each guard is for into a copy of the "
                   "sources, and see whether it fails there")
    p.add_argument("--nice", type=int, default=0, metavar="N",
                   help="let other work go first: 1 a little, 19 always")
