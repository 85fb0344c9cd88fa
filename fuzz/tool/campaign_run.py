"""Runs a campaign: turns of instances, until its time is used up.

One runner per folder, in the foreground.  Every second it looks at its
instances, every few seconds it writes where it stands; an end at any moment
loses nothing but what was not written in those seconds.  It never waits for
anything without a bound.
"""

import glob
import os
import shutil
import signal
import time

import campaign_builds as builds
import campaign_engines as engines
import campaign_state as states
import finds
from campaign_lineup import turn
from campaign_status import table
from engines import only_late
from tree import Trouble, say

WRITE_S = 5
EXCHANGE_S = 20
# An instance that ends so often without a find is not started again.
DEATHS = 3
# A bug that is found all the time is known by then: beyond, finds are counted.
FINDS_OF_A_HARNESS = 200


class Stop(Exception):
    """The campaign ends early, with a sentence."""


class Runner:
    def __init__(self, campaign, plan, options):
        self.campaign, self.plan, self.options = campaign, plan, options
        self.homes = {h: engines.Home(campaign.where, h)
                      for h in plan["harnesses"]}
        self.state = campaign.state() or states.new_state(plan["harnesses"])
        for name in plan["harnesses"]:
            harness = self.state["harnesses"].setdefault(
                name, states.new_harness())
            for record in harness["instances"].values():
                record["deaths"] = 0
        self.running, self.known, self.seen = [], set(), set()
        self.told, self.written, self.exchanged, self.said = None, 0, 0, 0
        self.share = options.share

    # --- the whole of it ---------------------------------------------------

    def run(self):
        """Exit code 0, or 1 if something was found; Trouble and Stop pass."""
        self.state.update(status="running", pid=os.getpid(), message="")
        self.state["seconds"] = self.plan["seconds"]
        self.known = {f["digest"] for f in self.state["finds"]}
        self.look_at_disk()
        self.write()
        try:
            while self.left() > 0:
                self.take_turn()
            self.finish()
        except Stop as stop:
            self.rest("stopped", str(stop))
            raise
        except BaseException as error:
            self.rest("failed", str(error))
            raise
        return 1 if self.state["finds"] else 0

    def finish(self):
        self.rest("merging", "")
        if self.plan["seconds"] >= self.options.merge_from:
            for home in self.homes.values():
                self.merge(home)
        self.rest("done", "")

    def merge(self, home):
        """A signal ends it as well, and the next start merges."""
        failure = None
        if not self.told:
            try:
                builds.merge(home, "libfuzzer" in self.plan["engines"])
            except Trouble as trouble:
                failure = trouble
        if self.told:
            raise Stop(f"{self.told}: stopped while merging; the same "
                       "command goes on with it, nothing is lost")
        if failure:
            raise failure

    def rest(self, status, message):
        self.end_instances()
        self.state.update(status=status, message=message, pid=0)
        self.write()

    def left(self):
        return self.plan["seconds"] - self.state["elapsed"]

    def interrupt(self, number, _frame):
        """A signal: remembered, and acted on within a second."""
        self.told = signal.Signals(number).name

    # --- one turn ------------------------------------------------------------

    def take_turn(self):
        """One slice of time for some harnesses."""
        chosen = turn(self.plan, self.state["turn"])
        self.pull(name for name, _ in chosen)
        for name, roles in chosen:
            for role in roles:
                self.begin(name, role)
        self.last = time.monotonic()
        end = self.last + min(self.plan["slice_s"], self.left())
        while time.monotonic() < end:
            time.sleep(min(1.0, max(0.05, end - time.monotonic())))
            self.tick()
        self.end_instances()
        for name, _ in chosen:
            self.state["harnesses"][name]["turns"] += 1
        self.state["turn"] += 1
        self.write()

    def begin(self, name, role):
        """Unless it has died too often before."""
        home = self.homes[name]
        record = states.instance_of(self.state["harnesses"][name],
                                    role["name"])
        if record["deaths"] >= DEATHS:
            return
        # It counts from zero, or from where it was: count() sees to both.
        self.running.append((name, engines.begin(home, role, self.options)))

    def end_instances(self):
        """All are told first, then waited for."""
        for _, instance in self.running:
            instance.tell()
        for _, instance in self.running:
            instance.wait()
        self.account()
        for name in {name for name, _ in self.running}:
            self.exchange(name)
            self.look_for_finds(name)
        self.running = []

    # --- every second --------------------------------------------------------

    def tick(self):
        if self.told:
            raise Stop(f"{self.told}: stopped; the same command goes on with "
                       "it, nothing is lost")
        self.account()
        self.look_at_disk()
        now = time.monotonic()
        if now - self.exchanged >= EXCHANGE_S:
            self.exchanged = now
            for name in {name for name, _ in self.running}:
                self.exchange(name)
            if self.share and self.share.due(now):
                self.push()
                self.pull({name for name, _ in self.running})
        self.replace_ended()
        if now - self.written >= WRITE_S:
            self.written = now
            for name in {name for name, _ in self.running}:
                self.look_for_finds(name)
            self.write(figures=True)
        if now - self.said >= self.options.every:
            self.said = now
            say(table(self.plan, self.state, True))

    def account(self):
        """Time and figures since the last look."""
        if not self.running:
            return
        now = time.monotonic()
        passed, self.last = now - self.last, now
        self.state["elapsed"] += passed
        for name in {name for name, _ in self.running}:
            self.state["harnesses"][name]["seconds"] += passed
        for name, instance in self.running:
            self.read_figures(self.state["harnesses"][name], instance)

    def read_figures(self, harness, instance):
        figures = instance.figures()
        record = states.instance_of(harness, instance.name)
        if "execs" in figures:
            states.count(record, figures["execs"])
        record["execs_per_s"] = (figures.get("execs_per_s", 0)
                                 if instance.running() else 0)
        record["edges"] = max(record["edges"], figures.get("edges", 0))
        harness["corpus"] = max(harness["corpus"], figures.get("corpus", 0))
        # Builds count edges differently: each is compared with itself.
        build = instance.role["build"]
        if figures.get("edges", 0) > harness["edges"].get(build, 0):
            harness["edges"][build] = figures["edges"]
            harness["last_new_edge"] = round(self.state["elapsed"], 1)

    def look_at_disk(self):
        free = shutil.disk_usage(self.campaign.where).free
        least = self.options.keep_free_mib << 20
        if free < least:
            raise Stop(f"the disk of {self.campaign.where} is filling up: "
                       f"{free >> 20} MiB are free, and --keep-free asks for "
                       f"{self.options.keep_free_mib}; make room, and the "
                       "same command goes on")

    def replace_ended(self):
        """libFuzzer ends at a find; the rest of the turn is not wasted."""
        for place, (name, instance) in enumerate(self.running):
            if instance.running():
                continue
            instance.wait()
            home = self.homes[name]
            record = states.instance_of(self.state["harnesses"][name],
                                        instance.name)
            found = self.look_for_finds(name)
            if self.state["harnesses"][name]["finds"] > FINDS_OF_A_HARNESS:
                record["deaths"] = DEATHS
            elif found == 0:
                record["deaths"] += 1
                say(f"{name}: {instance.name} ended by itself "
                    f"(exit {instance.process.returncode}); see "
                    f"{home.log(instance.name)}")
            if record["deaths"] < DEATHS:
                self.running[place] = (name, engines.begin(
                    home, instance.role, self.options))
            else:
                self.give_up(name, place, instance)
                return

    def give_up(self, name, place, instance):
        """One instance less; with none left, the campaign is broken."""
        say(f"{name}: {instance.name} is not started again; its last lines:\n"
            f"{instance.tail()}")
        del self.running[place]
        if not self.running:
            raise Trouble(f"no instance of {name} keeps running; the last "
                          f"was {instance.name}:\n{instance.tail()}")

    # --- what is found, and where it goes -------------------------------------

    def exchange(self, name):
        home = self.homes[name]
        if "libfuzzer" in self.plan["engines"]:
            engines.exchange(home)
            if "afl" in self.plan["engines"] and \
                    "F" not in self.options.features:
                engines.give_back(home)

    def look_for_finds(self, name):
        """Keeps what is new; how many files were."""
        home, new = self.homes[name], 0
        paths = glob.glob(os.path.join(home.artifacts, "*"))
        for kind in ("crashes", "hangs"):
            paths += glob.glob(os.path.join(home.afl, "*", kind, "id*"))
        for path in sorted(paths):
            try:
                mark = (path, os.path.getsize(path))
                if mark in self.seen:
                    continue
                digest, copy = finds.snapshot(path, home.where)
            except FileNotFoundError:
                continue  # the engine has renamed it: the next look finds it
            self.seen.add(mark)
            if digest not in self.known:
                self.known.add(digest)
                new += 1
                self.keep_find(home, copy, digest, path)
            os.unlink(copy)
        return new

    def keep_find(self, home, copy, digest, path):
        """Judged, kept, told; and taken out of what engines begin with."""
        harness = self.state["harnesses"][home.harness]
        harness["finds"] += 1
        if harness["finds"] > FINDS_OF_A_HARNESS:
            return
        find = {"input": copy, "harness": home.harness, "digest": digest,
                "by": os.path.relpath(path, home.where).split(os.sep)[1],
                "at": round(self.state["elapsed"], 1)}
        find["oracle"], find["reason"] = finds.judge(
            home.judge(), copy, home.where)
        if find["oracle"] == "none" and only_late(path):
            harness["finds"] -= 1
            return
        finds.keep(home.harness, find, self.options.findings)
        self.state["finds"].append(find)
        for place in (home.seeds, home.corpus):
            held = os.path.join(place, digest)
            if os.path.exists(held):
                os.unlink(held)
        say(f"{home.harness}: FOUND by {find['oracle']}: {find['reason']}\n"
            f"  play it again: {find['repro']}")

    def pull(self, names):
        if self.share:
            for name in names:
                self.shared("pulled", self.share.pull(self.homes[name]))

    def push(self):
        if self.share:
            for home in self.homes.values():
                self.shared("pushed", self.share.push(home))

    def shared(self, way, count):
        sums = self.state.setdefault("shared", {"pushed": 0, "pulled": 0})
        sums[way] += count

    def write(self, figures=False):
        """Where it stands, and what it looks like over time."""
        if figures or not self.running:
            self.campaign.append(self.rows())
        self.campaign.write_state(self.state)

    def rows(self):
        rows = []
        for name in sorted({name for name, _ in self.running}):
            harness = self.state["harnesses"][name]
            for build, edges in sorted(harness["edges"].items()):
                speed = sum(i["execs_per_s"] for i in
                            harness["instances"].values())
                rows.append((round(harness["seconds"], 1), name, build,
                             states.executions(harness), speed, edges,
                             harness["corpus"], harness["finds"]))
        return rows


def run(campaign, plan, options):
    """Prepares and runs; the signals are the runner's while it runs."""
    runner = Runner(campaign, plan, options)
    for sentence in builds.prepare(plan, runner.homes, options.corpora):
        say(f"xenblk-fuzz: {sentence}")
    before = {n: signal.signal(n, runner.interrupt)
              for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        return runner.run()
    finally:
        runner.push()
        campaign.write_state(runner.state)
        for number, handler in before.items():
            signal.signal(number, handler)
