"""Seeds out of recordings of xenblkd, under the names of their contents."""

import glob
import hashlib
import json
import os
import shutil
import subprocess
import tempfile

from tree import ROOT, Trouble, build, folder, say


def convert(tool, recording, where):
    done = subprocess.run([tool, "recording", recording, where], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(done.stderr.strip() or f"{tool} ended with "
                      f"{done.returncode} for {recording}")
    say(f"{recording}: {done.stdout.strip()}")


def keep(path, harness, into):
    """Whether it is new: not among the harness's committed inputs yet."""
    with open(path, "rb") as data:
        digest = hashlib.sha1(data.read()).hexdigest()
    if glob.glob(os.path.join(into, harness, "*", digest)):
        return False
    shutil.copyfile(path, os.path.join(
        folder(os.path.join(into, harness, "seeds")), digest))
    return True


def seeds(args):
    into = args.into or os.path.join(ROOT, "corpora")
    tool = os.path.join(build(args.preset, ["xenblk-script"]), "xenblk-script")
    fresh = {}
    for recording in args.recordings:
        with tempfile.TemporaryDirectory(prefix="xenblk-seeds-") as where:
            convert(tool, recording, where)
            for path in sorted(glob.glob(os.path.join(where, "*", "*"))):
                harness = os.path.basename(os.path.dirname(path))
                fresh[harness] = fresh.get(harness, 0) + keep(path, harness, into)
    if args.json:
        print(json.dumps({"into": into, "new": fresh}))
    else:
        print(", ".join(f"{count} new seeds for {harness}" for harness, count
                        in sorted(fresh.items())) or "no seeds", f"in {into}")
    return 0 if fresh else 3
