"""The guards themselves: each sabotage of fuzz/guards/ is planted into a copy of the
sources, and the guard that it is for must fail there with the sentence that it
promises; without it, it must hold.

Called by guard.py (`xenblk-fuzz guard --sabotage`), every night by ci/nightly.  The
guards run as a command of the copy, so that what is tried is what ./check runs.
The tree that we stand in is never changed."""

import contextlib
import glob
import json
import os
import re
import subprocess
import time

from bank_patch import patch, read_header
from bank_tree import mirror, mutant_tree
from tree import HARNESSES, ROOT, Trouble, claim, say

FOLDER = os.path.join(ROOT, "fuzz", "guards")
REQUIRED = ("what", "guard", "harness", "says")
OPTIONAL = ("env",)


def fault_of(fields, guards):
    """What a header lacks, as a sentence; None."""
    for key in REQUIRED:
        if not fields.get(key):
            return f"has no \"# {key}:\" in its header"
    for key in fields:
        if key not in REQUIRED + OPTIONAL:
            return f"has a field \"# {key}:\" that nobody reads"
    if fields["guard"] not in guards:
        return f"names the guard \"{fields['guard']}\", which does not exist"
    if fields["harness"] not in HARNESSES:
        return (f"names the harness \"{fields['harness']}\", which does not "
                "exist")
    if "env" in fields and not re.fullmatch(r"[A-Z_]+=\S+", fields["env"]):
        return f"sets \"{fields['env']}\", which is no NAME=VALUE"
    return None


def sabotages(guards, where=FOLDER):
    """All of them, as dictionaries; a header with only "# env:" has no patch."""
    found = []
    for path in sorted(glob.glob(os.path.join(where, "*.patch"))):
        fields, whole = read_header(path)
        fault = fault_of(fields, guards)
        if fault:
            raise Trouble(f"{path} {fault}")
        found.append(dict(fields, file=path, name=os.path.basename(path)[:-6],
                          patched="\n--- " in whole))
    return found


def chosen(guards, args):
    """Those of a harness, or for some guards."""
    only = args.only.split(",") if args.only else list(guards)
    found = [s for s in sabotages(guards) if s["guard"] in only
             and args.harness in ("all", s["harness"])]
    if not found:
        raise Trouble(f"fuzz/guards has no sabotage of {', '.join(only)} for "
                      f"{args.harness}")
    return found


def copy_into(base):
    """The sources, and what guards read and build beside them."""
    top = mutant_tree(base)
    for part in ("ci", "coverage"):
        mirror(os.path.join(ROOT, part), os.path.join(top, part))
    return top


@contextlib.contextmanager
def planted(top, sabotage):
    """The copy is as it was when the block ends."""
    if not sabotage["patched"]:
        yield
        return
    patch(top, sabotage)
    try:
        yield
    finally:
        patch(top, sabotage, "-R")


def run_guard(top, sabotage, env):
    """The row that the copy's own command reports."""
    words = [os.path.join(top, "fuzz", "xenblk-fuzz"), "guard",
             sabotage["harness"], "--only", sabotage["guard"], "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          env=dict(os.environ, **env))
    try:
        return json.loads(done.stdout)["guards"][0]
    except (ValueError, LookupError):
        raise Trouble(f"{' '.join(words)} ended with {done.returncode} and "
                      f"said of no guard:\n{done.stderr[-2000:]}") from None


def fault_without(row):
    """Of a guard that fails whether or not anything is wrong."""
    return None if row["ok"] else f"it fails anyway: {row['says']}"


def fault_with(row, sabotage):
    if row["ok"]:
        return f"it does not notice: {row['says']}"
    if not re.search(sabotage["says"], row["says"]):
        return (f"it says something else than \"{sabotage['says']}\": "
                f"{row['says']}")
    return None


def attempt(top, sabotage, sound):
    """One sabotage: a row of the report.  sound: what guards say of the copy
    without one, by harness and guard."""
    began = time.monotonic()
    key = sabotage["harness"], sabotage["guard"]
    if key not in sound:
        sound[key] = run_guard(top, sabotage, {})
    fault = fault_without(sound[key])
    says = ""
    if fault is None:
        name, _, value = sabotage.get("env", "").partition("=")
        with planted(top, sabotage):
            row = run_guard(top, sabotage, {name: value} if name else {})
        fault, says = fault_with(row, sabotage), row["says"]
    result = {"sabotage": sabotage["name"], "what": sabotage["what"],
              "guard": sabotage["guard"], "harness": sabotage["harness"],
              "noticed": fault is None, "says": fault or says,
              "seconds": round(time.monotonic() - began, 1)}
    say(f"{'ok  ' if fault is None else 'FAIL'} {sabotage['name']:22} "
        f"{sabotage['what']}: {result['says']}")
    return result


def try_all(guards, args):
    """Return: the exit status."""
    wanted = chosen(guards, args)
    base, lock = claim(os.path.join(ROOT, "build", "sabotage"))
    with lock:
        top = copy_into(base)
        sound = {}
        rows = [attempt(top, sabotage, sound) for sabotage in wanted]
    missed = [r for r in rows if not r["noticed"]]
    if args.json:
        print(json.dumps({"sabotages": rows, "missed": len(missed)}))
    else:
        print(f"{len(rows) - len(missed)} of {len(rows)} sabotages are noticed")
    return 1 if missed else 0
