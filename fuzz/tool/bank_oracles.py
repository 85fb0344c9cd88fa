"""The table of oracles: what each one catches alone, and what only it catches.

The input that found a bug is played again by the same binary with oracles
switched (XENBLK_ORACLES): each one alone, all but the one that spoke, none.
What is caught with none is seen by the backend's own checks and the sanitizers,
which cannot be switched off here and so stand beside every oracle.  It is one
input for each bug: an oracle may well see the bug by another input.

A play is the same up to where somebody speaks.  So if that is a check or a
sanitizer, no oracle has anything to say before; and if it is an oracle, leaving
out another changes nothing.
"""

import concurrent.futures
import os
import subprocess
import tempfile

from bank_patch import oracle_names
from engines import reason_of

BASE = "checks, sanitizers"
LIMIT = 60


def play(binary, witness, value):
    """Who spoke, or None."""
    env = dict(os.environ, XENBLK_ORACLES=value, ASAN_OPTIONS="symbolize=0",
               UBSAN_OPTIONS="symbolize=0")
    with tempfile.NamedTemporaryFile() as log:
        try:
            done = subprocess.run([binary, "-timeout=20", witness], env=env,
                                  stdout=log, stderr=log, check=False,
                                  timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return "engine"
        return None if done.returncode == 0 else reason_of(log.name)[0]


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


def hear(binary, witness, oracles):
    """{play: who spoke or None} of one input."""
    speaker = play(binary, witness, "")
    plays = {"all": speaker}
    for o in oracles:
        plays["alone " + o] = plays["without " + o] = speaker
    plays["none"] = speaker
    if speaker not in oracles:
        return plays
    plays["none"] = play(binary, witness, ",".join("-" + o for o in oracles))
    plays["without " + speaker] = play(binary, witness, "-" + speaker)
    for o in oracles:
        if o != speaker:
            plays["alone " + o] = play(binary, witness, o)
    return plays


def replay_all(rows, kept_path, jobs):
    """{(bug, harness): {play: who spoke or None}}"""
    oracles = oracle_names()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {
            (row["bug"], row["harness"]): pool.submit(
                hear, kept_path(row["bug"], row["harness"]), row["witness"],
                oracles) for row in rows}
        return {key: result.result() for key, result in waiting.items()}


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


def as_text(rows, lost):
    lines = ["oracle               alone  only it  which only it catches"]
    lines += [f"{r['oracle']:20} {r['alone']:5} {r['only']:8}  "
              f"{', '.join(r['only_ids'])}" for r in rows]
    if lost:
        lines.append("their input does not find them again: " +
                     ", ".join(lost))
    return "\n".join(lines) + "\n"


def lost(heard):
    return sorted({f"{bug} ({harness})" for (bug, harness), plays
                   in heard.items() if not plays["all"]})
