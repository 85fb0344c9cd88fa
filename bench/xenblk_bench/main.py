"""The command line of xenblk-bench."""

import argparse
import json
import os
import signal
import sys

from . import against, cases, inside, machine, neighbours, outside, plot
from . import pools, table

OK, FAILED, USAGE, NOTHING, BROKEN = 0, 1, 2, 3, 4

# Commands with rows and tables of their own: module and what it measures.
COMPARISONS = {
    "pools": (pools, "what queues keep: their own, or the device's with a lock"),
    "against": (against, "this build beside another one"),
    "neighbours": (neighbours, "a polite guest, alone and beside hostile ones"),
}

EPILOG = """\
A row's name is CASE/BACKEND/qQUEUES/dDEPTH/PLACEMENT, as list prints it;
--case takes a CASE or a glob over names: --case 'null/*/d32/*'.
Exit status: 0 all chosen rows were measured, 1 a row failed, 2 usage,
3 nothing was measured, 4 the bench itself failed.  Rows that need a package
which is not installed are listed as skipped and are no failure.
"""


def _positive(kind):
    def parse(words):
        value = kind(words)
        if not 0 < value <= 3600:
            raise argparse.ArgumentTypeError(
                f"{words}: must be more than 0 and up to 3600"
            )
        return value

    parse.__name__ = "number"
    return parse


def _parser(version):
    parser = argparse.ArgumentParser(
        prog="xenblk-bench",
        description="What a disk costs: our backend beside bare limits and "
        "other backends, on the simulator.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"xenblk-bench {version}"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure")
    others = [
        commands.add_parser(name, help=help_)
        for name, (_, help_) in COMPARISONS.items()
    ]
    listing = commands.add_parser(
        "list", help="the rows that run would measure"
    )
    for command in (run, listing, *others):
        command.add_argument(
            "--quick", action="store_true", help="fewer rows, shorter runs"
        )
        command.add_argument(
            "--case", action="append", default=[], metavar="GLOB",
            help="only rows whose case or name matches (repeatable)",
        )
        command.add_argument(
            "--backend", action="append", default=[], metavar="NAME",
            help="only this backend (repeatable)",
        )
        command.add_argument(
            "--json", action="store_true", help="one JSON document"
        )
    commands.choices["against"].add_argument(
        "directory", metavar="DIRECTORY",
        help="where the other build has its programs, xenblkd among them",
    )
    show = commands.add_parser(
        "show", help="table and picture of an earlier run --json"
    )
    show.add_argument("document", metavar="FILE")
    for command in (run, show):
        command.add_argument(
            "--svg", metavar="FILE", help="draw the figures into this file"
        )
    for command in (run, *others):
        command.add_argument(
            "--repeats", type=_positive(int), metavar="N",
            help="rounds; the first is dropped (4; quick: 2)",
        )
        command.add_argument(
            "--seconds", type=_positive(float), metavar="S",
            help="length of one measurement (1; quick: 0.3)",
        )
    return parser


def _say(words):
    print(f"xenblk-bench: {words}", file=sys.stderr, flush=True)


def _list(rows, as_json):
    if as_json:
        json.dump({"rows": [row.name for row in rows]}, sys.stdout, indent=1)
        print()
    else:
        for row in rows:
            print(row.name)
    return OK


def _document(bench, description, command):
    return {
        "command": command,
        "machine": description,
        "rows": bench.results(),
        "skipped": [
            {"name": row.name, "case": row.case, "backend": row.backend,
             "reason": reason}
            for row, reason in bench.skipped.items()
        ],
    }


def _lines(document):
    """The report of whatever command measured it."""
    kind = COMPARISONS.get(document.get("command"))
    return table.of(document, kind[0]) if kind else table.text(document)


def _draw(path, document):
    if path:
        with open(path, "w", encoding="utf-8") as f:
            f.write(plot.draw(document))


def _show(arguments):
    try:
        with open(arguments.document, encoding="utf-8") as f:
            document = json.load(f)
        lines = _lines(document)
    except (ValueError, KeyError, TypeError) as error:
        _say(f"{arguments.document} is no output of run --json: {error!r}")
        return USAGE
    print("\n".join(lines))
    _draw(arguments.svg, document)
    return OK


def _run(arguments, rows, cpus):
    beside = os.path.dirname(os.path.abspath(sys.argv[0]))
    tools = machine.Tools(beside, getattr(arguments, "directory", None))
    plan = outside.Plan(arguments.quick, arguments.seconds, arguments.repeats)
    bench = outside.Bench(rows, plan, tools, cpus)
    description = machine.describe(cpus, bench.counter)
    svg = getattr(arguments, "svg", None)
    if svg:
        # Not after ten minutes: can it be written at all?
        open(svg, "a", encoding="utf-8").close()
    bench.run(_say)
    document = _document(bench, description, arguments.command)
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    else:
        print("\n".join(_lines(document)))
    _draw(svg, document)
    if not document["rows"]:
        return NOTHING
    return FAILED if bench.failed else OK


def main(version):
    """Runs the command; its exit status."""
    if sys.argv[1:2] == ["inside"] and len(sys.argv) == 3:
        return inside.main(sys.argv[2])
    arguments = _parser(version).parse_args()
    if arguments.command == "show":
        return _guarded(lambda: _show(arguments))
    cpus = machine.Cpus()
    kind = COMPARISONS.get(arguments.command)
    every = kind[0].rows if kind else cases.all_rows
    rows = every(cpus.placements, arguments.quick)
    rows = cases.chosen(rows, arguments.case, arguments.backend)
    if not rows:
        _say("no row matches --case and --backend; list, or a run, names them")
        return NOTHING
    if arguments.command == "list":
        return _list(rows, arguments.json)
    # A polite end is an interruption: worlds and files are cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return _guarded(lambda: _run(arguments, rows, cpus))


def _guarded(action):
    """What the action returns, or BROKEN with a sentence."""
    try:
        return action()
    except KeyboardInterrupt:
        _say("interrupted; nothing was left running")
    except OSError as error:
        _say(f"{error.filename or 'the bench'}: {error.strerror or error}")
    return BROKEN
