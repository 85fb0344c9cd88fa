"""The command `xenblk-fuzz campaign`, and what it can do: plan, build, start,
status, stop, report, slurm.

Reads what the user wants, asks the modules campaign_*.py, prints.  A campaign
is a folder; everything about it is in there, and start goes on with it.
"""

import json
import os
import shutil
import signal
import socket
import time

import campaign_builds
import campaign_features
import campaign_lineup
import campaign_run
import campaign_slurm
import orphans
from campaign_page import page
from campaign_share import Share
from campaign_state import Campaign
from campaign_status import plan_text, table
from tree import ELSEWHERE, HARNESSES, NEEDS, ROOT, Trouble, say

DEFAULT_FOLDER = os.path.join(ROOT, "build", "campaign")
STOP_S = 300


def harnesses_of(words):
    """The names that were given, all of them without any."""
    names = [n for word in words for n in word.split(",")] or [
        h for h in HARNESSES if h not in ELSEWHERE]
    for name in names:
        if name in ELSEWHERE:
            raise Trouble(f"{name} is for no campaign: {ELSEWHERE[name]}; "
                          "xenblk-fuzz run attacks it")
        if name not in HARNESSES:
            raise Trouble(f"there is no harness \"{name}\"; xenblk-fuzz list "
                          "names them")
    return list(dict.fromkeys(names))


def engines_of(word, features):
    """Those that are wanted; one that was named must be there."""
    there = {"afl": features is not None,
             "libfuzzer": shutil.which(NEEDS["libfuzzer"]) is not None}
    wanted = ["afl", "libfuzzer"] if word in ("auto", "both") else [word]
    missing = [e for e in wanted if not there[e]]
    if missing and (word != "auto" or len(missing) == 2):
        raise Trouble(f"{' and '.join(NEEDS[e] for e in missing)} cannot be "
                      "used here: not installed, or its compiler is missing; "
                      "run ci/setup, or name another --engines")
    return [e for e in wanted if there[e]]


def seconds_of(args):
    return int(args.seconds or args.hours * 3600)


def make_plan(args):
    """A document from the options and from what is installed."""
    features = None
    if args.engines != "libfuzzer":
        features = campaign_features.probe()
    engines = engines_of(args.engines, features)
    cores = args.cores or os.cpu_count() or 1
    return campaign_lineup.plan(
        harnesses_of(args.harness), cores, seconds_of(args),
        {"features": features or campaign_features.Features(),
         "engines": engines, "host": args.host, "slice": args.slice})


def do_plan(args):
    document = make_plan(args)
    print(json.dumps(document, indent=1) if args.json else
          plan_text(document))
    return 0


def warn_about_cores():
    """afl-fuzz refuses to start then; we have it start all the same."""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as text:
        if text.read().startswith("|"):
            say("core_pattern is a pipe: crashes are seen all the same, but "
                "later, and some may be taken for hangs; \"echo core "
                ">/proc/sys/kernel/core_pattern\" as root makes it quick")


def need(program, package):
    if shutil.which(program) is None:
        raise Trouble(f"{program} is not installed, which a campaign needs "
                      f"(package {package})")


def do_start(args):
    """Begins, or goes on; with other options than before it goes on so."""
    need("setpriv", "util-linux")
    campaign = Campaign(args.folder)
    # Left by an engine that was killed: they would hold the lock for ever.
    orphans.end_orphans(campaign.where)
    campaign.take()
    with campaign.lock:
        return go_on(campaign, args)


def go_on(campaign, args):
    """From where it is, or from nothing."""
    before = campaign.state()
    document = make_plan(args)
    if before and before["status"] == "done" and \
            before["elapsed"] >= document["seconds"]:
        raise Trouble(f"the campaign in {campaign.where} is done "
                      f"({before['elapsed']:.0f} s); give it more --hours, or "
                      "another --folder")
    for word in args.corpus:
        if not os.path.isdir(word):
            raise Trouble(f"{word} is no folder of inputs")
    warn_about_cores()
    say(plan_text(document))
    if before:
        say(f"going on with {campaign.where}, {before['elapsed']:.0f} s of it "
            "are over")
    campaign.write_plan(document)
    args.features = set(document["features"]["options"])
    args.variables = set(document["features"]["variables"])
    args.keep_open = [campaign.lock.fileno()]
    args.corpora = args.corpus
    args.share = Share(args.share, args.host, args.share_every) \
        if args.share else None
    try:
        status = campaign_run.run(campaign, document, args)
    except campaign_run.Stop as stop:
        raise Trouble(str(stop)) from stop
    except OSError as e:
        raise Trouble(f"{e.filename or campaign.where}: {e.strerror}; the "
                      "engines are ended, and the same command goes on with "
                      "what there is") from e
    write_page(campaign)
    print(table(document, campaign.state(), False))
    return status


def do_status(args):
    campaign = Campaign(args.folder)
    while True:
        plan, state = campaign.known()
        alive = campaign.running()
        if args.json:
            print(json.dumps({"running": alive, "state": state}))
        else:
            print(table(plan, state, alive), flush=True)
        if not (args.follow and alive):
            return 0
        time.sleep(args.every)


def do_stop(args):
    """The runner ends its instances and writes everything down."""
    campaign = Campaign(args.folder)
    _, state = campaign.known()
    if not campaign.running():
        print(f"no campaign is running in {campaign.where}")
        return 3
    if not state["pid"]:
        raise Trouble("the campaign is merging what it found, or has only "
                      "just begun; that takes minutes at most, stop it then")
    os.kill(state["pid"], signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while campaign.running():
        if time.monotonic() > end:
            raise Trouble(f"process {state['pid']} did not end in {STOP_S} s")
        time.sleep(0.2)
    _, state = campaign.known()
    print(f"{state['status']}: {state['message']}")
    return 0


def write_page(campaign, out=None):
    plan, state = campaign.known()
    path = out or campaign.path("report.html")
    try:
        with open(path, "w", encoding="utf-8") as text:
            text.write(page(plan, state, campaign.series(),
                            campaign.running()))
    except OSError as e:
        raise Trouble(f"{path} cannot be written: {e.strerror}") from e
    return path


def do_report(args):
    print(write_page(Campaign(args.folder), args.out))
    return 0


def do_build(args):
    campaign_builds.build(make_plan(args), {})
    return 0


def do_slurm(args):
    document = make_plan(args)
    text = campaign_slurm.script(document, args)
    if args.out is None:
        print(text, end="")
        return 0
    try:
        with open(args.out, "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as e:
        raise Trouble(f"{args.out} cannot be written: {e.strerror}") from e
    os.chmod(args.out, 0o755)
    print(f"sbatch {args.out}")
    return 0


# --- the command line ---------------------------------------------------------

def option_folder(p):
    p.add_argument("--folder", default=DEFAULT_FOLDER,
                   help="where the campaign lives (build/campaign)")


def options_of_plan(p):
    p.add_argument("harness", nargs="*",
                   help="harnesses (default: all of them)")
    p.add_argument("--engines", default="auto",
                   choices=("auto", "both", "afl", "libfuzzer"),
                   help="auto: what is installed")
    p.add_argument("--cores", type=int, metavar="N",
                   help="instances at once (default: all cores)")
    p.add_argument("--hours", type=float, default=8.0,
                   help="in all, with what is over already (8)")
    p.add_argument("--seconds", type=int, help="instead of --hours")
    p.add_argument("--slice", type=int, metavar="SECONDS",
                   help="one turn (default: from the time there is)")
    p.add_argument("--host", default=socket.gethostname().split(".")[0],
                   help="the name of the main instance (this host's)")


def options_of_start(p):
    p.add_argument("--corpus", action="append", default=[], metavar="FOLDER",
                   help="more inputs to begin with (repeatable)")
    p.add_argument("--every", type=float, default=30, metavar="SECONDS",
                   help="between two tables of the status")
    p.add_argument("--keep-free", dest="keep_free_mib", type=int,
                   default=1024, metavar="MIB",
                   help="stop before the disk has less than this")
    p.add_argument("--merge-from", type=int, default=0, metavar="SECONDS",
                   help="merge at the end only of a campaign of so long")
    p.add_argument("--share", metavar="FOLDER",
                   help="exchange with campaigns of other hosts there")
    p.add_argument("--share-every", type=float, default=1800,
                   metavar="SECONDS")
    p.add_argument("--findings", metavar="FOLDER",
                   help="where finds are kept (build/findings)")
    p.add_argument("--nice", type=int, default=0, metavar="N",
                   help="let other work go first: 1 a little, 19 always")


def check(parser, args):
    """What argparse cannot say."""
    for name in ("cores", "seconds", "slice", "every", "share_every",
                 "hours", "tasks", "minutes"):
        value = getattr(args, name, None)
        if value is not None and value <= 0:
            parser.error(f"--{name.replace('_', '-')} must be more than 0")
    if not 0 <= getattr(args, "nice", 0) <= 19:
        parser.error("--nice must be 0 to 19")


def add(commands):
    """The command and its own commands."""
    top = commands.add_parser(
        "campaign", help="plan and run a line-up of engines for hours",
        description="Plan and run a line-up of engines for hours, on one host "
        "or on many.")
    steps = top.add_subparsers(dest="step", required=True)

    def step(name, function, text):
        p = steps.add_parser(name, help=text, description=text)
        p.set_defaults(function=checked(p, function))
        return p

    p = step("plan", do_plan, "print the line-up for this host")
    options_of_plan(p)
    p.add_argument("--json", action="store_true")
    p = step("build", do_build, "build what start would; for a job that "
             "finds it built")
    options_of_plan(p)
    p = step("start", do_start, "run it here; go on with what is there")
    options_of_plan(p)
    option_folder(p)
    options_of_start(p)
    p = step("status", do_status, "how it stands")
    option_folder(p)
    p.add_argument("--follow", action="store_true",
                   help="again and again, as long as it runs")
    p.add_argument("--every", type=float, default=5, metavar="SECONDS")
    p.add_argument("--json", action="store_true")
    p = step("stop", do_stop, "end it; start goes on later")
    option_folder(p)
    p = step("report", do_report, "a page with plots and finds")
    option_folder(p)
    p.add_argument("--out", metavar="FILE",
                   help="default: report.html in the folder")
    p = step("slurm", do_slurm, "write an array job for Slurm")
    options_of_plan(p)
    campaign_slurm.options(p)


def checked(parser, function):
    def call(args):
        check(parser, args)
        return function(args)
    return call
