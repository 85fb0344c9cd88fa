"""Finds: where they are kept, under which name, and how they are told apart.

Used by `xenblk-fuzz run` and by campaigns.  A find is a dict with input,
oracle and reason; what is kept stays until somebody removes it.
"""

import hashlib
import os
import re
import shutil

from engines import play_alone
from tree import ROOT, folder


def digest_of(path):
    with open(path, "rb") as data:
        return hashlib.sha1(data.read()).hexdigest()


def snapshot(path, where):
    """(digest, a copy in where): an engine may still be writing to path."""
    copy = os.path.join(where, "find")
    shutil.copyfile(path, copy)
    return digest_of(copy), copy


def keep(harness, find, base=None):
    """Copies it where the next run will not overwrite it."""
    base = base or os.path.join(ROOT, "build", "findings")
    where = folder(os.path.join(base, harness))
    kept = os.path.join(where, digest_of(find["input"]))
    shutil.copy(find["input"], kept)
    find["input"] = kept
    find["repro"] = f"build/fuzz/bin/xenblk-fuzz replay {harness} {kept}"
    return find


def judge(binary, path, where):
    """Plays an input once: (oracle, reason); ("none", ...) if it passes."""
    return play_alone(binary, path, os.path.join(where, "judge.log"))


def bucket(find):
    """What two finds of one cause have in common: numbers and paths differ."""
    words = re.sub(r"0x[0-9a-f]+|==\d+==|\d+", "#", find["reason"])
    return f"{find['oracle']}: {words}"
