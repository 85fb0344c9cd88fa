"""The last guard: a bug that is known is planted, and the harness finds it
within seconds.  Whatever the others say, this is what fuzzing is for."""

import argparse
import os

from bank import Workshop, chosen, hunt
from tree import Trouble, folder

BUDGET_S = 10  # of one core


class Planted:
    """Mutants are built once each, for all harnesses that want one."""

    def __init__(self, base, limits, nice):
        self.base, self.limits, self.nice = base, limits, nice
        self.shop, self.mutants = None, {}

    def workshop(self):
        if self.shop is None:
            self.shop = Workshop(folder(self.base))
        return self.shop

    def bug(self, harness):
        name = self.limits[harness].get("bug")
        if not name:
            raise Trouble(f"fuzz/guards.json names no bug for {harness}")
        bug = chosen(argparse.Namespace(only=name))[0]
        if harness not in bug["harnesses"]:
            raise Trouble(f"bug {name} is for {', '.join(bug['harnesses'])}, "
                          f"not for {harness}, for which fuzz/guards.json "
                          "names it")
        return bug

    def binary(self, harness):
        bug = self.bug(harness)
        if bug["id"] not in self.mutants:
            wanted = sorted(h for h, row in self.limits.items()
                            if row.get("bug") == bug["id"])
            self.mutants[bug["id"]] = self.workshop().mutant(
                dict(bug, harnesses=wanted))
        return bug, self.mutants[bug["id"]][harness]

    def hunt(self, harness, corpus):
        """(bug, seconds or None, reason)"""
        bug, binary = self.binary(harness)
        args = argparse.Namespace(budget=BUDGET_S, nice=self.nice, empty=False)
        seconds, _, reason = hunt(binary, harness, corpus,
                                  os.path.join(self.base, "hunts"), 1, args)
        return bug, seconds, reason
