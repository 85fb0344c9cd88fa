"""The builds of a campaign: a preset for each kind of instance.

Builds what a plan's roles run and copies it into the campaign's folder, so that
who builds meanwhile is not in the way.  Called by campaign_run.py before the
first turn; the merge at the end is here as well, since it runs a build.
"""

import glob
import os
import shutil

from campaign_engines import LARGEST_INPUT, collect
from finds import digest_of
from tree import (MAX_LENGTH, MUTATOR, ROOT, build_dir, built, command, folder,
                  is_mutated, say, targets_of)


def presets_of(plan):
    """Every preset that the roster runs, the one for finds among them."""
    wanted = {r["build"] for r in plan["roster"]}
    for role in plan["roster"]:
        if "{cmplog}" in role["options"]:
            wanted.add("afl-cmplog")
    return sorted(wanted)


def build(plan, homes):
    """Every preset of the plan; binaries go to the homes there are."""
    targets = [t for h in plan["harnesses"] for t in targets_of(h)]
    for preset in presets_of(plan):
        with built(preset, targets) as bins:
            for name, home in homes.items():
                install(os.path.join(bins, f"fuzz-{name}"),
                        home.binary(preset))
                if is_mutated(name):
                    install(os.path.join(bins, "..", "lib", MUTATOR),
                            home.mutator())


def prepare(plan, homes, extra):
    """Binaries and seeds of every harness; sentences about what is left out."""
    build(plan, homes)
    left_out = []
    for name, home in homes.items():
        committed = os.path.join(build_dir(presets_of(plan)[0]), "corpora",
                                 name)
        left_out += collect(home, [committed] + list(extra))
    return left_out


def install(source, target):
    """Beside, then in its place: an instance may still run the old one."""
    shutil.copy(source, target + ".new")
    os.replace(target + ".new", target)


def sources_of(home):
    """Folders with everything that the engines have found."""
    return [home.seeds, home.corpus] + sorted(
        glob.glob(os.path.join(home.afl, "*", "queue")))


def merge(home, have_libfuzzer):
    """HARNESS/merged: the fewest inputs that reach what all of them do."""
    merged, fresh = (os.path.join(home.where, n) for n in ("merged", "merging"))
    shutil.rmtree(fresh, ignore_errors=True)
    folder(fresh)
    log = home.log("merge")
    open(log, "wb").close()
    if have_libfuzzer:
        command([home.binary("fuzz"), "-merge=1", "-timeout=20",
                 f"-max_len={MAX_LENGTH.get(home.harness, 4096)}", fresh] +
                sources_of(home), log)
    else:
        minimise_with_afl(home, fresh, log)
    for path in glob.glob(os.path.join(fresh, "*")):
        os.rename(path, os.path.join(fresh, digest_of(path)))
    shutil.rmtree(merged, ignore_errors=True)
    os.rename(fresh, merged)
    count = len(os.listdir(merged))
    say(f"{home.harness:16} merged: {count} inputs in {merged}")
    return count


def minimise_with_afl(home, fresh, log):
    """afl-cmin wants one folder, and one that it can make itself."""
    gathered = os.path.join(home.where, "gathered")
    shutil.rmtree(gathered, ignore_errors=True)
    folder(gathered)
    for source in sources_of(home):
        for path in glob.glob(os.path.join(source, "*")):
            if os.path.isfile(path) and 0 < os.path.getsize(
                    path) <= LARGEST_INPUT:
                shutil.copy(path, os.path.join(gathered, digest_of(path)))
    os.rmdir(fresh)
    command(["afl-cmin", "-i", gathered, "-o", fresh, "-m", "none", "-t",
             "2000", "--", home.binary("afl-plain")], log)
    shutil.rmtree(gathered)


def merged_folders(name):
    """What the campaigns of this tree have merged for a harness."""
    return sorted(glob.glob(os.path.join(ROOT, "build", "campaign*", name,
                                         "merged")))
