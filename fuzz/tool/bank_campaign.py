"""A campaign of the bug bank: builders plant and build while hunters hunt, at
most --jobs at once, from the corpus before from nothing, and seed by seed over
all bugs, so that a campaign that ends early has tried every bug as often as the
others."""

import argparse
import os
import queue
import tempfile
import threading
import time
import zlib

from bank_hunt import chase
from bank_patch import TIERS
from bank_tree import corpus_sha, file_sha
from engines import play_alone
from tree import REPLAYED, Trouble, folder, say

CLEAN_FROM_EMPTY = 10  # seconds: the corpus is where a find would be
LAST = "last"  # after every start


def wait_for(threads):
    """Until all have ended.  Not by join(): Python takes a thread for ended
    whose join() was interrupted, and leaves without it."""
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.05)


class Campaign:
    def __init__(self, bugs, shops, results, args):
        self.bugs, self.shops, self.results, self.args = (bugs, shops, results,
                                                          args)
        self.base = shops[0].base
        self.stop = threading.Event()
        self.tasks = queue.PriorityQueue()
        self.troubles = []
        self.rows = []
        self.clean = []
        self.deadline = (time.monotonic() + 60 * args.minutes
                         if args.minutes else None)

    def starts(self, harness):
        if harness in REPLAYED or not self.args.empty:
            return ("corpus",)
        return ("corpus", "empty")

    def seeds(self, harness):
        return 1 if harness in REPLAYED else self.args.seeds

    def budget(self, bug, start):
        if start == "empty" and self.args.empty_budget:
            return self.args.empty_budget
        return self.args.budget or TIERS[bug["tier"]]

    def harnesses(self, bug):
        return bug["harnesses"][:1] if self.args.first else bug["harnesses"]

    # --- building ---

    def prepare(self):
        """The clean harnesses, and what their corpora are."""
        harnesses = sorted({h for b in self.bugs for h in self.harnesses(b)})
        for shop in self.shops:
            binaries = shop.clean(harnesses)
            if shop is self.shops[0]:
                self.clean_binaries = binaries
        self.corpora = {h: corpus_sha(self.shops[0].corpus(h))
                        for h in harnesses}

    def shop_of(self, bug):
        """Always the same one: paths are in the binary."""
        return self.shops[zlib.crc32(bug["id"].encode()) % len(self.shops)]

    def key(self, name, patch, binary, harness, start, seed, budget):
        return {"bug": name, "harness": harness, "start": start, "seed": seed,
                "budget": budget, "patch": patch, "binary": binary,
                "corpus": self.corpora[harness] if start == "corpus" else ""}

    def tasks_of(self, order, bug, binaries):
        for rank, harness in enumerate(self.harnesses(bug)):
            binary = binaries[harness]
            sha = file_sha(binary)
            for start in self.starts(harness):
                for seed in range(1, self.seeds(harness) + 1):
                    key = self.key(bug["id"], bug["sha"], sha, harness, start,
                                   seed, self.budget(bug, start))
                    yield (start, seed, rank, order), key, binary

    def build(self, shop):
        """One builder: every bug of its own shop."""
        for order, bug in enumerate(self.bugs):
            if self.is_over():
                return
            if self.shop_of(bug) is not shop:
                continue
            try:
                binaries = shop.mutant(dict(bug,
                                            harnesses=self.harnesses(bug)))
            except Trouble as trouble:
                self.troubles.append(f"{bug['id']} cannot be built: {trouble}")
                continue
            for priority, key, binary in self.tasks_of(order, bug, binaries):
                self.offer(priority, key, binary, self.rows)

    def offer(self, priority, key, binary, into):
        known = self.results.known(key)
        if known and known["end"] in ("found", "budget"):
            into.append(known)
        else:
            self.tasks.put((priority, key, binary))

    # --- hunting ---

    def witness(self, key):
        return os.path.join(self.base, "witness", "-".join(
            (key["bug"], key["harness"], key["start"], str(key["seed"]))))

    def hunt(self, key, binary):
        witness = self.witness(key)
        inputs = ([self.shops[0].corpus(key["harness"])]
                  if key["start"] == "corpus" else [])
        options = argparse.Namespace(
            base=folder(os.path.join(self.base, "hunts")),
            budget=key["budget"], nice=self.args.nice, stop=self.stop,
            witness=witness)
        row = dict(key, **chase(binary, key["harness"], inputs, key["seed"],
                                options))
        if row["end"] == "found":
            row["witness"] = witness
        return row

    def is_false(self, row):
        """Whether the clean build shows it, too: then it is not this bug that
        was found, and the clean build has a find."""
        if row["end"] != "found" or row["bug"] == "clean" or \
           row["harness"] in REPLAYED:
            return False
        with tempfile.NamedTemporaryFile() as log:
            oracle, reason = play_alone(self.clean_binaries[row["harness"]],
                                        row["witness"], log.name)
        if oracle == "none":
            return False
        self.clean.append(dict(row, bug="clean", oracle=oracle, reason=reason))
        self.troubles.append(
            f"{row['bug']} in {row['harness']}, seed {row['seed']}: the clean "
            f"build shows {row['witness']}, too: {reason}")
        return True

    def hunter(self, into):
        """Takes tasks until the last one."""
        while True:
            priority, key, binary = self.tasks.get()
            if priority[0] == LAST or self.is_over():
                return
            if self.is_settled(key, into):
                continue
            try:
                row = self.hunt(key, binary)
                if self.is_false(row):
                    continue
            except Exception as trouble:  # a thread must not end in silence
                self.troubles.append(f"{key['bug']} in {key['harness']}: "
                                     f"{trouble!r}")
                continue
            if row["end"] in ("stopped", "starved", "lost"):
                if row["end"] != "stopped":
                    self.troubles.append(
                        f"{key['bug']} in {key['harness']}, seed "
                        f"{key['seed']}: the hunt was {row['end']}; run it "
                        "again")
                continue
            self.results.add(row)
            into.append(row)
            say(line_of(row))

    def is_settled(self, key, rows):
        """Whether the median is beyond the budget, whatever else is found:
        more than half of the seeds found nothing."""
        if key["bug"] == "clean":
            return False
        same = ("bug", "harness", "start", "budget")
        vain = sum(r["end"] == "budget" and all(r[k] == key[k] for k in same)
                   for r in list(rows))
        return 2 * vain > self.args.seeds

    def is_over(self):
        return self.stop.is_set() or (self.deadline is not None and
                                      time.monotonic() > self.deadline)

    def together(self, builders, into):
        """Builders and hunters, until both are through."""
        hunters = [threading.Thread(target=self.hunter, args=(into,))
                   for _ in range(self.args.jobs)]
        try:
            for thread in builders + hunters:
                thread.start()
            wait_for(builders)
            self.tell(LAST, hunters)
            wait_for(hunters)
        except KeyboardInterrupt:
            self.stop.set()
            self.tell("", hunters)
            wait_for(builders + hunters)
            raise

    def tell(self, priority, hunters):
        """A task for each hunter that is none."""
        for number in range(len(hunters)):
            self.tasks.put(((priority, number, 0, 0), {}, ""))

    def run(self):
        self.prepare()
        builders = [threading.Thread(target=self.build, args=(shop,))
                    for shop in self.shops]
        self.together(builders, self.rows)
        self.tasks = queue.PriorityQueue()
        self.deadline = None  # a campaign without these shows nothing
        self.hunt_clean()

    def hunt_clean(self):
        """Each clean harness as long as its mutants were hunted in all, and
        at least for one budget."""
        for harness, binary in self.clean_binaries.items():
            for start in self.starts(harness):
                own = [r["seconds"] for r in self.rows if
                       (r["harness"], r["start"]) == (harness, start)]
                if own:
                    self.offer_clean(harness, binary, start, sum(own))
        self.together([], self.clean)

    def offer_clean(self, harness, binary, start, spent):
        """Bugs that are found at once would say little about it."""
        least = (CLEAN_FROM_EMPTY if start == "empty" else
                 self.args.budget or TIERS["A"])
        spent = max(spent, least)
        seeds = max(1, min(self.seeds(harness), int(spent)))
        for seed in range(1, seeds + 1):
            key = self.key("clean", "", file_sha(binary), harness, start, seed,
                           int(spent / seeds) + 1)
            self.offer((start, seed, 0, harness), key, binary, self.clean)


def line_of(row):
    what = (f"{row['oracle']}: {row['reason']}" if row["end"] == "found"
            else f"nothing within {row['budget']} s")
    return (f"{row['bug']:5} {row['harness']:15} {row['start']:6} seed "
            f"{row['seed']:<3} {row['seconds']:8.2f} s  {what[:110]}")
