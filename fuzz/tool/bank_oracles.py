"""The table of oracles: what each one catches alone, and what only it catches.

The input that found a bug is played again by the same binary with oracles
switched (XENBLK_ORACLES): with all, then without the one that spoke, then
without the next that spoke, too, until a check, a sanitizer or nobody speaks.
Those cannot be switched off here and so stand beside every oracle.  It is one
input for each bug: an oracle may well see the bug by another input.

A play is the same up to where somebody speaks, whoever listens.  So this chain
says everything: who spoke in it says the same alone, and who did not has
nothing to say before its end.
"""

import concurrent.futures
import math
import os
import subprocess
import tempfile
import time

from bank_patch import oracle_names
from engines import reason_of

BASE = "checks, sanitizers"
FIRST_S = 20  # what a play may take of which nothing is known yet
LEAST_S = 3
SLOWER = 20  # who takes so many times as long as with all oracles hangs
MARGIN_S = 40  # for an engine that does not keep its own time


def play(binary, witness, value, limit=FIRST_S):
    """(who spoke or None, seconds)."""
    env = dict(os.environ, XENBLK_ORACLES=value, ASAN_OPTIONS="symbolize=0",
               UBSAN_OPTIONS="symbolize=0")
    begin = time.monotonic()
    with tempfile.NamedTemporaryFile() as log:
        try:
            done = subprocess.run([binary, f"-timeout={limit}", witness],
                                  env=env, stdout=log, stderr=log, check=False,
                                  timeout=limit + MARGIN_S)
            who = None if done.returncode == 0 else reason_of(log.name)[0]
        except subprocess.TimeoutExpired:
            who = "engine"
    return who, time.monotonic() - begin


def witnesses(rows, bugs):
    """The first find of every bug: in the harness that should see it first,
    if that has any, of the lowest seed."""
    rank = {(b["id"], h): i for b in bugs for i, h in
            enumerate(b["harnesses"])}
    first = {}
    for row in sorted(rows, key=lambda r: (
            rank.get((r["bug"], r["harness"]), 99), r["start"], r["seed"])):
        if row["end"] == "found" and row.get("witness"):
            first.setdefault(row["bug"], row)
    return [first[key] for key in sorted(first)]


def chain(binary, witness, oracles):
    """Who spoke with all oracles, without the first of these, and so on; the
    last is no oracle, or could not be switched off."""
    speaker, seconds = play(binary, witness, "")
    limit = max(LEAST_S, math.ceil(SLOWER * seconds))
    spoken = [speaker]
    while spoken[-1] in oracles and spoken[-1] not in spoken[:-1]:
        speaker, _ = play(binary, witness,
                          ",".join("-" + o for o in spoken), limit)
        spoken.append(speaker)
    return spoken


def hear(binary, witness, oracles):
    """{play: who spoke or None} of one input."""
    spoken = chain(binary, witness, oracles)
    first, last = spoken[0], spoken[-1]
    plays = {"all": first, "none": last}
    for o in oracles:
        plays["alone " + o] = o if o in spoken else last
        plays["without " + o] = spoken[1] if o == first else first
    return plays


def replay_all(rows, kept_path, jobs):
    """{(bug, harness): {play: who spoke or None}}"""
    oracles = oracle_names()
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        waiting = {
            (row["bug"], row["harness"]): pool.submit(
                hear, kept_path(row["bug"], row["harness"]), row["witness"],
                oracles) for row in rows}
        return {key: result.result() for key, result in waiting.items()}
    finally:  # who wants to leave waits for what is played, not for all
        pool.shutdown(cancel_futures=True)


def base_row(heard):
    """What is seen with no oracle; only: no oracle said anything in any
    play."""
    alone = sorted({bug for (bug, _), plays in heard.items() if plays["none"]})
    spoken = {bug for (bug, _), plays in heard.items()
              if any(who in names_in(plays) for who in plays.values())}
    only = [bug for bug in alone if bug not in spoken]
    return {"oracle": BASE, "alone": len(alone), "only": len(only),
            "alone_ids": alone, "only_ids": only}


def names_in(plays):
    return {p.removeprefix("alone ") for p in plays if p.startswith("alone ")}


def make(heard):
    """Rows of the table, the base last.  Only what the whole set catches
    counts; an oracle catches alone what it says itself, and only it catches
    what nothing says without it."""
    sound = {key: plays for key, plays in heard.items() if plays["all"]}
    oracles = sorted(set().union(*(names_in(p) for p in sound.values()))
                     if sound else [])
    rows = []
    for o in oracles:
        alone = sorted({bug for (bug, _), plays in sound.items()
                        if plays["alone " + o] == o})
        bugs = {bug for bug, _ in sound}
        only = sorted(bug for bug in bugs if all(
            plays["without " + o] is None
            for (b, _), plays in sound.items() if b == bug))
        rows.append({"oracle": o, "alone": len(alone), "only": len(only),
                     "alone_ids": alone, "only_ids": only})
    return rows + [base_row(sound)]


def unshown(rows):
    """Oracles that no bug shows: nothing is caught by them only."""
    return [r["oracle"] for r in rows if r["oracle"] != BASE and not r["only"]]


def as_text(rows, lost, whole):
    """whole: of all bugs, not of some."""
    lines = ["oracle               alone  only it  which only it catches"]
    lines += [f"{r['oracle']:20} {r['alone']:5} {r['only']:8}  "
              f"{', '.join(r['only_ids'])}" for r in rows]
    if lost:
        lines.append("their input does not find them again: " +
                     ", ".join(lost))
    if whole and unshown(rows):
        lines.append("nothing is caught only by: " + ", ".join(unshown(rows)) +
                     "; each oracle needs a bug in fuzz/bugbank that shows it")
    return "\n".join(lines) + "\n"


def lost(heard):
    return sorted({f"{bug} ({harness})" for (bug, harness), plays
                   in heard.items() if not plays["all"]})
