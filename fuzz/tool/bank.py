"""The bug bank: known bugs, each a patch, planted into a copy of the sources
and hunted.  This is the command; the parts are bank_*.py.

For who wants a single hunt (a guard, a test):

    shop = Workshop(base)                       # copies the sources
    binary = shop.mutant(bug)[harness]          # bug: one of chosen(args)
    shop.clean([harness])                       # builds the corpus, too
    hunt(binary, harness, shop.corpus(harness), base, seed, args)
"""

import json
import os
import shutil

import bank_compiles
import bank_directed
import bank_list
import bank_oracles
import bank_page
import bank_report
from bank_campaign import Campaign
from bank_hunt import hunt  # noqa: F401
from bank_patch import applies, chosen, misfits  # noqa: F401
from bank_results import Results
from bank_tree import Workshop, kept_of, mutant_tree, shop_folder  # noqa: F401
from tree import NEEDS, ROOT, Trouble, claim, say


def do_applies(args):
    """Whether every patch is fit for use, and the list up to date."""
    count, bad = misfits()
    args.only = None
    wrong = []
    if not bad:
        bugs = chosen(args)
        wrong = bank_directed.check_tests(bugs)
        if not bank_list.is_current(bugs):
            wrong.append("fuzz/bugbank/README.md is out of date; \"fuzz/"
                         "xenblk-fuzz bugbank --list\" writes it anew")
    for sentence in wrong:
        say(sentence)
    print(json.dumps({"patches": count, "misfits": bad, "wrong": wrong})
          if args.json else f"{count - len(bad)} of {count} patches apply")
    return 1 if bad or wrong else 0


def do_list(args):
    args.only = None
    path = bank_list.write(chosen(args))
    print(json.dumps({"written": path}) if args.json else path)
    return 0


def do_directed(bugs, base, args):
    shops = {}

    def shop_of(preset):
        if preset not in shops:
            shops[preset] = Workshop(base, preset)
        return shops[preset]

    results = Results(os.path.join(base, "directed.jsonl"))
    proven = bank_directed.prove(bugs, bank_directed.Prover(shop_of, results))
    bad = sorted(i for i, is_proven in proven.items() if is_proven is False)
    none = sorted(i for i, is_proven in proven.items() if is_proven is None)
    if args.json:
        print(json.dumps({"proven": proven}))
    else:
        print(f"{len(bugs) - len(bad) - len(none)} of {len(bugs)} bugs are "
              "proven" + (f"; not killed by their test: {', '.join(bad)}"
                          if bad else "") +
              (f"; without a test: {', '.join(none)}" if none else ""))
    return 1 if bad else 0


def proven_of(bugs, base, shop):
    rows = Results(os.path.join(base, "directed.jsonl")).rows.values()
    return bank_directed.known_proven(bugs, rows, shop.sources)


def write_report(base, report, oracles):
    """report.json, report.txt and index.html, beside the hunts."""
    report = dict(report, oracle_table=oracles)
    texts = {
        "report.json": json.dumps(report, indent=1, sort_keys=True) + "\n",
        "report.txt": bank_report.as_text(report),
        "index.html": bank_page.page(report, oracles),
    }
    for name, text in texts.items():
        with open(os.path.join(base, name), "w", encoding="utf-8") as out:
            out.write(text)
    say(f"the report: {base}/index.html, report.txt, report.json")


def earlier_table(base):
    try:
        with open(os.path.join(base, "oracles.json"),
                  encoding="utf-8") as text:
            return json.load(text)
    except (OSError, ValueError):
        return []


def do_hunt(bugs, base, args):
    shops = [Workshop(shop_folder(base, n)) for n in range(args.builders)]
    campaign = Campaign(bugs, shops, Results(os.path.join(base, "hunts.jsonl")),
                        args)
    campaign.run()
    settings = {"seeds": args.seeds, "budget_s": args.budget or "by tier",
                "empty": args.empty, "minutes": args.minutes,
                "first_harness_only": args.first,
                "budget_from_nothing_s": args.empty_budget or "the same"}
    report = bank_report.make(bugs, campaign.rows, campaign.clean,
                              proven_of(bugs, base, shops[0]), settings)
    oracles = earlier_table(base)
    write_report(base, report, oracles)
    print(json.dumps(report) if args.json else bank_report.as_text(report),
          end="\n" if args.json else "")
    if campaign.troubles:
        raise Trouble("\n".join(campaign.troubles))
    missed = [e for e in report["bugs"] if e["hunted"] and not e["killed"]]
    return 1 if missed or report["false_positives"] else 0


def do_oracles(bugs, base, args):
    kept_path = kept_of(base)
    patches = {b["id"]: b["sha"] for b in bugs}
    rows = [r for r in Results(os.path.join(base, "hunts.jsonl")).rows.values()
            if patches.get(r["bug"]) == r["patch"]]
    first = [r for r in bank_oracles.witnesses(rows, bugs)
             if os.path.exists(r["witness"]) and
             os.path.exists(kept_path(r["bug"], r["harness"]))]
    if not first:
        raise Trouble(f"{base} holds no finds of these bugs; run xenblk-fuzz "
                      "bugbank first")
    heard = bank_oracles.replay_all(first, kept_path, args.jobs)
    table = bank_oracles.make(heard)
    with open(os.path.join(base, "oracles.json"), "w", encoding="utf-8") as out:
        json.dump(table, out, indent=1)
    lost = bank_oracles.lost(heard)
    print(json.dumps({"oracles": table, "lost": lost}) if args.json
          else bank_oracles.as_text(table, lost, not args.only),
          end="\n" if args.json else "")
    # Some bugs show none of theirs, and one input may want the play before it.
    return 1 if bank_oracles.unshown(table) and not args.only else 0


def do_compiles(args):
    bugs = chosen(args)
    bad = bank_compiles.misfits(bugs, os.path.abspath(
        args.build or os.path.join(ROOT, "build", "dev")))
    if args.json:
        print(json.dumps({"bugs": len(bugs), "bad": bad}))
    else:
        print(f"{len(bugs) - len(bad)} of {len(bugs)} patches compile")
    return 1 if bad else 0


def do_bugbank(args):
    if args.applies:
        return do_applies(args)
    if args.compiles:
        return do_compiles(args)
    if args.list:
        return do_list(args)
    bugs = chosen(args)
    if not bugs:
        say("the bug bank is empty")
        return 3
    if shutil.which(NEEDS["libfuzzer"]) is None:
        raise Trouble(f"{NEEDS['libfuzzer']} is not installed, which the hunts "
                      "need; run ci/setup")
    base, lock = claim(os.path.abspath(args.work) if args.work else
                       os.path.join(ROOT, "build", "bugbank"))
    with lock:
        for mode, function in (("directed", do_directed),
                               ("oracles", do_oracles)):
            if getattr(args, mode):
                return function(bugs, base, args)
        return do_hunt(bugs, base, args)


def add(commands):
    """The command line; commands is what add_subparsers() gave."""
    text = "plant known bugs and see whether they are found"
    p = commands.add_parser("bugbank", help=text, description=text)
    p.set_defaults(function=do_bugbank)
    p.add_argument("--json", action="store_true",
                   help="one JSON document on standard output")
    p.add_argument("--only", metavar="ID,...")
    mode = p.add_mutually_exclusive_group()
    mode.add_argument("--applies", action="store_true",
                      help="only look whether every patch is fit for use")
    mode.add_argument("--compiles", action="store_true",
                      help="only let the compiler look at what every patch "
                      "makes of the sources")
    mode.add_argument("--directed", action="store_true",
                      help="show that each bug's own test fails with it and "
                      "passes without")
    mode.add_argument("--oracles", action="store_true",
                      help="play the finds again with oracles switched: what "
                      "each one alone catches")
    mode.add_argument("--list", action="store_true",
                      help="write fuzz/bugbank/README.md")
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--budget", type=int, metavar="SECONDS",
                   help="of one core for each hunt (default: by tier, A 60, "
                   "B 600, C 28800)")
    p.add_argument("--jobs", type=int, default=1, help="hunts at once")
    p.add_argument("--builders", type=int, default=1,
                   help="copies of the sources in which mutants are built")
    p.add_argument("--minutes", type=int, metavar="N",
                   help="begin no hunt after that; what is missing is said")
    p.add_argument("--empty", action="store_true",
                   help="hunt without the committed corpus, too")
    p.add_argument("--empty-budget", type=int, metavar="SECONDS",
                   help="for hunts without the corpus (default: the same)")
    p.add_argument("--first", action="store_true",
                   help="only the harness that should see a bug first")
    p.add_argument("--work", metavar="FOLDER",
                   help="where builds, hunts and the report are kept "
                   "(build/bugbank)")
    p.add_argument("--build", metavar="FOLDER",
                   help="for --compiles: a configured build (build/dev)")
    p.add_argument("--nice", type=int, default=0, metavar="N",
                   help="let other work go first: 1 a little, 19 always")
    return p
