"""A patch of the bug bank: its header, what is wrong with one, and how it is
put into a tree of sources.  Called by every other bank_*.py; never runs a
build."""

import glob
import hashlib
import os
import re
import subprocess

from tree import HARNESSES, REPLAYED, ROOT, Trouble, say

BANK = os.path.join(ROOT, "fuzz", "bugbank")
REQUIRED = ("id", "what", "class", "origin", "harness", "oracle", "tier")
OPTIONAL = ("test", "preset")
TIERS = {"A": 60, "B": 600, "C": 28800}  # seconds of one core for a hunt
# What a find is called when no oracle of ours spoke first (engines.reason_of).
OTHERS = ("asan", "ubsan", "check", "leak", "engine", "abort")
CANARY = re.compile(r"^\+.*\bplanted\(", re.M)


def words_of(text):
    """\"a, b\" as a list."""
    return [word for word in re.split(r"[,\s]+", text) if word]


def oracle_names(root=ROOT):
    """As they stand in the oracles' own table."""
    with open(os.path.join(root, "fuzz", "oracle", "oracle.c"),
              encoding="utf-8") as text:
        return re.findall(r"\[ORACLE_\w+\]\s*=\s*\"(\w+)\"", text.read())


def read_header(path):
    """(fields, the whole patch): nothing is judged yet."""
    with open(path, encoding="utf-8") as text:
        whole = text.read()
    fields = {}
    for line in whole.splitlines():
        if line.startswith("---"):
            break
        m = re.match(r"# (\w+): (.*)", line)
        if m:
            fields[m.group(1)] = m.group(2).strip()
    return fields, whole


def faults_of(path, fields, oracles):
    """What a header lacks, as sentences."""
    name = os.path.basename(path)
    faults = [f"has no \"# {key}:\" in its header"
              for key in REQUIRED if not fields.get(key)]
    faults += [f"has a field \"# {key}:\" that nobody reads; known are "
               f"{', '.join(REQUIRED + OPTIONAL)}"
               for key in fields if key not in REQUIRED + OPTIONAL]
    if faults:
        return faults
    if not re.fullmatch(r"[A-Z]\d\d[a-z]?", fields["id"]):
        faults.append(f"has the id \"{fields['id']}\"; one is a letter, two "
                      "digits and perhaps a small letter")
    elif not name.startswith(fields["id"].lower() + "-"):
        faults.append(f"is named {name}, which does not begin with its id")
    if fields["tier"] not in TIERS:
        faults.append(f"has the tier \"{fields['tier']}\"; it is one of "
                      f"{', '.join(TIERS)}")
    for key, known in (("harness", list(HARNESSES) + list(REPLAYED)),
                       ("oracle", oracles + list(OTHERS))):
        faults += [f"names the {key} \"{word}\", which does not exist"
                   for word in words_of(fields[key]) if word not in known]
    return faults


def read_patch(path, oracles=None):
    """A patch as a dictionary; raises Trouble when its header lacks something.

    "harness" is the first that may see it, "harnesses" are all."""
    fields, whole = read_header(path)
    faults = faults_of(path, fields, oracles or oracle_names())
    if faults:
        raise Trouble(f"{path} {faults[0]}")
    bug = dict(fields, file=path)
    bug["harnesses"] = words_of(fields["harness"])
    bug["harness"] = bug["harnesses"][0]
    bug["tests"] = words_of(fields.get("test", ""))
    bug["canary"] = CANARY.search(whole) is not None
    # What is built of it: another test or word in its header changes nothing.
    body = whole[whole.find("\n---"):]
    bug["sha"] = hashlib.sha256(body.encode()).hexdigest()[:16]
    return bug


def paths():
    return sorted(glob.glob(os.path.join(BANK, "*.patch")))


def chosen(args):
    """The bugs that are wanted, all unless some are named."""
    oracles = oracle_names()
    bugs = [read_patch(path, oracles) for path in paths()]
    if not args.only:
        return bugs
    wanted = set(args.only.split(","))
    unknown = wanted - {b["id"] for b in bugs}
    if unknown:
        raise Trouble(f"the bank has no bug {', '.join(sorted(unknown))}; "
                      "fuzz/bugbank/README.md lists them")
    return [b for b in bugs if b["id"] in wanted]


def patch(tree, bug, *how):
    """Puts a bug into a tree, or with "-R" takes it out again."""
    words = ["patch", "-p1", "-s", "-d", tree, "-i", bug["file"]]
    done = subprocess.run(words + list(how), check=False, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise Trouble(f"{bug['file']} does not apply any more:\n"
                      f"{done.stdout}{done.stderr}")


def applies(bugs):
    """Those whose patch does not fit the tree any more; nothing is changed."""
    misfits = []
    for bug in bugs:
        try:
            patch(ROOT, bug, "--dry-run")
        except Trouble as trouble:
            say(str(trouble).rstrip())
            misfits.append(bug["id"])
    return misfits


def misfits():
    """(number of patches, ids or file names of those that are not fit for
    use): header, a second one with the same id, or sources that have moved."""
    oracles, bad, bugs, seen = oracle_names(), [], [], {}
    for path in paths():
        fields, _ = read_header(path)
        faults = faults_of(path, fields, oracles)
        identity = fields.get("id", os.path.basename(path))
        if identity in seen:
            faults.append(f"has the id of {seen[identity]}")
        seen[identity] = os.path.basename(path)
        for fault in faults:
            say(f"{path} {fault}")
        if faults:
            bad.append(identity)
        else:
            bugs.append(read_patch(path, oracles))
    return len(paths()), bad + applies(bugs)
