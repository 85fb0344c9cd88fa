"""Scripts of the ring harness, played elsewhere than in process.

Each script becomes a tape in process (xenblk-tape), where model and oracles say
what it must lead to; xenblk-play then plays the tape as a real frontend: on the
drop-in simulator against xenblkd, or in a guest of the laboratory.  What no
guest can cause is left out and counted.  Used by "xenblk-fuzz replay --on".
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time

from tree import ROOT, Trouble, build, say

PLACES = ("inprocess", "sim", "lab")
PROGRAMS = {"sim": ("xenblk-tape", "xenblk-play", "xenblk-script", "xenblk-sim",
                    "xenblkd", "xenblk-worker"),
            "lab": ("all",)}
PRESETS = {"sim": "dev", "lab": "release"}
PATIENCE = {"sim": 20, "lab": 60}
HERE = os.path.dirname(os.path.abspath(__file__))
COUNTS = ("answered", "okay", "connections", "refused", "halts")


def scripts(paths, sample):
    """The files named and those of folders named; every k-th if there are more
    than wanted, always the same ones."""
    found = []
    for path in paths:
        if os.path.isdir(path):
            found += sorted(glob.glob(os.path.join(path, "**", "*"),
                                      recursive=True))
        elif os.path.exists(path):
            found.append(path)
        else:
            raise Trouble(f"{path} cannot be found")
    found = [path for path in found if os.path.isfile(path)
             and not path.endswith(".dict")]
    if not found:
        raise Trouble("there is no script in " + ", ".join(paths))
    if sample and len(found) > sample:
        found = [found[i * len(found) // sample] for i in range(sample)]
    return found


def plain(bins, path, where):
    """A script as bytes: texts are encoded on the way."""
    if not path.endswith(".txt"):
        return path
    tool = os.path.join(bins, "xenblk-script")
    done = subprocess.run([tool, "encode", "ring", path, where], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"{path} is no script: {done.stderr.strip()}")
    return where


def tape(bins, path, where):
    """Plays a script in process; its row, with a tape unless it was found out."""
    done = subprocess.run([os.path.join(bins, "xenblk-tape"),
                           plain(bins, path, where + ".bytes"), where],
                          check=False, capture_output=True, text=True)
    row = {"script": os.path.relpath(path, ROOT)}
    if done.returncode < 0:
        row["inprocess"] = {"verdict": "FAIL",
                            "reason": (done.stderr.strip().splitlines() or
                                       ["it ended by a signal"])[0]}
        os.unlink(where)
    elif done.returncode > 0:
        raise Trouble(done.stderr.strip())
    else:
        row["inprocess"] = {"verdict": "PASS", **json.loads(done.stdout)}
    return row


def lay_down(bins, paths, folder):
    """{name of a tape: row} of all scripts."""
    rows = {}
    for number, path in enumerate(paths):
        name = f"{number:05}.tape"
        rows[name] = tape(bins, path, os.path.join(folder, name))
    return rows


def on_sim(bins, folder, args):
    """Plays the folder's tapes on the drop-in simulator; lines of verdicts."""
    with tempfile.TemporaryDirectory(prefix="xenblk-sim-") as world:
        done = subprocess.run(
            [os.path.join(bins, "xenblk-sim"), "run", "--dir",
             os.path.join(world, "world"), "--", sys.executable,
             os.path.join(HERE, "play_world.py"), bins, folder,
             str(args.guests), str(args.patience)],
            check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1, 3):
        raise Trouble(f"the batch on the simulator ended with {done.returncode}")
    return done.stdout.splitlines()


def on_lab(bins, folder, args):
    """The same in a guest on real Xen; lines of verdicts."""
    lab = os.path.join(bins, "xenblk-lab")
    with tempfile.TemporaryDirectory(prefix="xenblk-lab-") as work:
        out = os.path.join(work, "results.json")
        code = subprocess.run(
            [lab, "run", "script", "--guest", args.guest, "--tapes", folder,
             "--patience", str(args.patience), "--out", out],
            check=False, stdout=sys.stderr).returncode
        if not os.path.exists(out):
            raise Trouble(f"the laboratory gave no results (exit {code})")
        with open(out, encoding="utf-8") as text:
            rows = json.load(text)["rows"]
    lines = [line for row in rows for line in row["details"].get("lines", ())]
    if not lines:
        raise Trouble("the guest played nothing: " +
                      "; ".join(row["reason"] for row in rows))
    return lines


def take(rows, lines, place):
    """Puts each line of xenblk-play to its script; what has none is LOST."""
    for line in lines:
        try:
            verdict = json.loads(line)
            rows[verdict.pop("tape")][place] = verdict
        except (ValueError, KeyError):
            say(f"what is this? {line[:200]}")
    for row in rows.values():
        if row["inprocess"]["verdict"] == "PASS":
            row.setdefault(place, {"verdict": "LOST", "reason":
                                   "xenblk-play said nothing of it"})


def sums(rows, place):
    """How many of each verdict, what was compared, what was left out."""
    verdicts, totals, left = {}, dict.fromkeys(COUNTS, 0), {}
    for row in rows:
        one = row.get(place, {})
        word = one.get("verdict", "NOT PLAYED")
        verdicts[word] = verdicts.get(word, 0) + 1
        for name in COUNTS:
            totals[name] += one.get(name, 0)
        for name, count in row["inprocess"].get("left_out", {}).items():
            left[name] = left.get(name, 0) + count
    return {"verdicts": verdicts, "totals": totals, "left_out": left}


def bad(row, place):
    """Whether a script went otherwise than it must, here or in process."""
    return (row["inprocess"]["verdict"] != "PASS"
            or row[place]["verdict"] not in ("PASS", "SKIP"))


def show(rows, place, seconds):
    for row in rows:
        if bad(row, place):
            one = row.get(place, row["inprocess"])
            print(f"{row['script']}: {one['verdict']} {one.get('oracle', '')} "
                  f"{one.get('reason', '')}")
    found = sums(rows, place)
    print(f"{len(rows)} scripts in {seconds:.0f} s on {place}: " + ", ".join(
        f"{count} {word}" for word, count in sorted(found["verdicts"].items())))
    print("compared: " + ", ".join(f"{count} {name}" for name, count
                                   in found["totals"].items()))
    print("left out, since no guest can cause it: " + (", ".join(
        f"{count} {name}" for name, count in sorted(found["left_out"].items())
        if count) or "nothing"))


def replay(args):
    """What "xenblk-fuzz replay ring --on sim|lab" does."""
    if args.harness != "ring":
        raise Trouble(f"only scripts of the harness ring can be played on "
                      f"{args.on}, not those of {args.harness}")
    preset = args.preset or PRESETS[args.on]
    args.patience = args.patience or PATIENCE[args.on]
    start = time.monotonic()
    paths = scripts(args.files, args.sample)
    bins = args.bins or build(preset, PROGRAMS[args.on])
    with tempfile.TemporaryDirectory(prefix="xenblk-tapes-") as folder:
        rows = lay_down(bins, paths, folder)
        lines = (on_sim if args.on == "sim" else on_lab)(bins, folder, args)
        take(rows, lines, args.on)
    rows = list(rows.values())
    seconds = time.monotonic() - start
    if args.json:
        print(json.dumps({"on": args.on, "seconds": round(seconds, 1),
                          "rows": rows, **sums(rows, args.on)}))
    else:
        show(rows, args.on, seconds)
    if not any(row.get(args.on, {}).get("verdict") == "PASS" for row in rows):
        say("nothing was played")
        return 3
    return 1 if any(bad(row, args.on) for row in rows) else 0


def add(parser):
    """The options of "replay" for other places."""
    parser.add_argument("--on", choices=PLACES, default="inprocess",
                        help="scripts of ring: on the drop-in simulator, or in "
                        "a guest of the laboratory (inprocess)")
    parser.add_argument("--sample", type=int, metavar="N",
                        help="of folders only so many, always the same")
    parser.add_argument("--guests", type=int, default=2, metavar="N",
                        help="with --on sim: so many at once (2)")
    parser.add_argument("--guest", default="linux-6.1", metavar="NAME",
                        help="with --on lab: which one (linux-6.1)")
    parser.add_argument("--patience", type=int, metavar="SECONDS",
                        help="how long to wait for what must come (20; 60 "
                        "with --on lab)")
    parser.add_argument("--bins", metavar="FOLDER",
                        help="programs that are built already")
