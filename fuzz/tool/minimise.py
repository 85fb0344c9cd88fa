"""The committed corpora: what runs of both engines and campaigns have found,
merged into the fewest inputs that reach what the seeds do not, named by their
contents.

corpora/HARNESS/seeds and regressions are never changed here: seeds are written
by tests, recordings and people, a regression stays for ever.  corpora/ as a
whole stays small enough to be cloned by everybody (ci/tidy holds it, too)."""

import glob
import json
import os
import shutil

from campaign_builds import merged_folders
from finds import digest_of
from tree import (HARNESSES, MAX_LENGTH, NEEDS, ROOT, Trouble, build_dir,
                  built, claim, command, folder, targets_of)

TOTAL_MAX = 5 << 20


def grown(name):
    """Folders with what runs have found, also those that ran side by side."""
    work = (build_dir("fuzz"), "work", name, "libfuzzer*", "corpus")
    queues = (build_dir("afl"), "work", name, "afl*", "out", "*", "queue")
    return (glob.glob(os.path.join(*work)) + glob.glob(os.path.join(*queues)) +
            merged_folders(name))


def named(name, sources, single):
    """What of the folders on the command line is for this harness: those with
    its name inside, or all of them where there is only this one."""
    found = []
    for source in sources:
        if not os.path.isdir(source):
            raise Trouble(f"{source} is no folder")
        inner = os.path.join(source, name)
        if os.path.isdir(inner):
            found.append(inner)
        elif single:
            found.append(source)
    return found


def is_kept(path):
    """Of the build's corpus: what is committed whatever a merge says."""
    return not os.path.basename(path).startswith("corpus-")


def begin(collected, merged):
    """The seeds and regressions come first: what they reach needs no other
    input.  Return: the names that are there already."""
    shutil.rmtree(merged, ignore_errors=True)
    folder(merged)
    for path in sorted(glob.glob(collected + "/*")):
        if is_kept(path):
            shutil.copy(path, os.path.join(merged, digest_of(path)))
    return set(os.listdir(merged))


def merge(name, merged, sources):
    """The names of the inputs that reach more than what was kept."""
    log = os.path.join(merged, "..", "minimise.log")
    collected = os.path.join(build_dir("fuzz"), "corpora", name)
    with built("fuzz", targets_of(name)) as bins:
        kept = begin(collected, merged)
        command([os.path.join(bins, f"fuzz-{name}"), "-merge=1",
                 f"-max_len={MAX_LENGTH.get(name, 4096)}", merged,
                 collected] + sources, log)
    return sorted(set(os.listdir(merged)) - kept)


def bytes_of(path):
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(path) for name in names)


def replace(merged, fresh, target):
    """corpus/ is what was merged, under content hashes; nothing goes before
    everything new is there."""
    names = set()
    for name in fresh:
        digest = digest_of(os.path.join(merged, name))
        shutil.copy(os.path.join(merged, name), os.path.join(target, digest))
        names.add(digest)
    for path in glob.glob(target + "/*"):
        if os.path.basename(path) not in names:
            os.unlink(path)
    return names


def minimise(name, sources, corpora):
    target = folder(os.path.join(corpora, name, "corpus"))
    where, lock = claim(os.path.join(build_dir("fuzz"), "merged", name))
    merged = os.path.join(where, "corpus")
    with lock:
        fresh = merge(name, merged, sources)
        others = bytes_of(corpora) - bytes_of(target)
        size = sum(os.path.getsize(os.path.join(merged, n)) for n in fresh)
        if others + size > TOTAL_MAX:
            raise Trouble(
                f"corpora/ would have {others + size} bytes with the {size} of "
                f"{name}, and may have {TOTAL_MAX}; nothing was changed: "
                f"{merged} has what was merged")
        names = replace(merged, fresh, target)
    return {"harness": name, "inputs": len(names), "bytes": size,
            "merged_from": sources}


def do_minimise(args):
    if shutil.which(NEEDS["libfuzzer"]) is None:
        raise Trouble(f"{NEEDS['libfuzzer']} is not installed, which merging "
                      "needs; run ci/setup")
    names = list(HARNESSES) if args.harness == "all" else [args.harness]
    corpora = os.path.join(ROOT, "corpora")
    rows = []
    for name in names:
        sources = grown(name) + named(name, args.sources, len(names) == 1)
        rows.append(minimise(name, sources, corpora))
        if not args.json:
            print(f"{name}: {rows[-1]['inputs']} inputs, {rows[-1]['bytes']} "
                  f"bytes, from {len(sources)} folders", flush=True)
    total = bytes_of(corpora)
    print(json.dumps({"corpora": rows, "total_bytes": total}) if args.json else
          f"corpora/ has {total} of at most {TOTAL_MAX} bytes")
    return 0


def add(commands):
    text = "merge what runs have found into the committed corpora"
    p = commands.add_parser("minimise", help=text, description=text)
    p.set_defaults(function=do_minimise)
    p.add_argument("--json", action="store_true",
                   help="one JSON document on standard output")
    p.add_argument("harness", choices=[*HARNESSES, "all"])
    p.add_argument("sources", nargs="*", metavar="FOLDER",
                   help="more inputs, or folders that are named like harnesses")
