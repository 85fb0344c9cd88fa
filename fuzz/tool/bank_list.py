"""The list of the bank, fuzz/bugbank/README.md: every known bug, whether it is
planted, and why not.  Written from the patches' headers and absent.txt;
"bugbank --applies" fails when it is out of date."""

import os

from bank_patch import BANK
from tree import Trouble

README = os.path.join(BANK, "README.md")
ABSENT = os.path.join(BANK, "absent.txt")
HEAD = """# The bug bank

Known ways in which a block backend goes wrong, each as a patch that plants it into ours, so that the
fuzzers can be judged: `xenblk-fuzz bugbank` (doc/fuzzing.md, "Bug bank"). Written by
`xenblk-fuzz bugbank --list`; what is not planted stands in absent.txt.

A patch begins with its header:

    # id: S01                       a letter, two digits, perhaps a small letter for a variant
    # what: ...                     the fault, in one line
    # class: ...                    of causes, for the rates
    # origin: ...                   where it really happened, or "invented"
    # harness: ring, ops            those that may see it, the one that should first
    # oracle: responses             that should speak
    # tier: A                       A: a minute of one core, B: ten, C: eight hours
    # test: unit.worker.request     directed tests, each of which must fail with it
    # preset: asan-ubsan            which build these need, if not dev

Where the sound code would have done something else, the patch says `planted(CONDITION)` (planted.h): the
report then tells reached from triggered from found. No production source knows that word.
"""


def absent():
    """[(id, what, why)] of what is not planted."""
    rows = []
    with open(ABSENT, encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = [f.strip() for f in line.split("|")]
            if len(fields) != 3:
                raise Trouble(f"{ABSENT}:{number}: a line is \"ID | what | "
                              "why it is not planted\"")
            rows.append(tuple(fields))
    return rows


def text_of(bugs, missing):
    planted = {b["id"] for b in bugs}
    lines = [HEAD, f"## Planted: {len(bugs)}", "",
             "| id | what | class | origin | harness | oracle | tier | test |",
             "|---|---|---|---|---|---|---|---|"]
    lines += [f"| {b['id']} | {b['what']} | {b['class']} | {b['origin']} | "
              f"{', '.join(b['harnesses'])} | {b['oracle']} | {b['tier']} | "
              f"{', '.join(b['tests']) or 'none yet: unproven'} |"
              for b in sorted(bugs, key=lambda b: b["id"])]
    left = [row for row in missing if row[0] not in planted]
    lines += ["", f"## Not planted: {len(left)}", "", "| id | what | why |",
              "|---|---|---|"]
    lines += [f"| {i} | {what} | {why} |" for i, what, why in sorted(left)]
    return "\n".join(lines) + "\n"


def is_current(bugs):
    try:
        with open(README, encoding="utf-8") as text:
            return text.read() == text_of(bugs, absent())
    except OSError:
        return False


def write(bugs):
    with open(README, "w", encoding="utf-8") as out:
        out.write(text_of(bugs, absent()))
    return README
