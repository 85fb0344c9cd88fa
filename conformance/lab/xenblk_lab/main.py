"""The command line of xenblk-lab."""

import argparse
import os
import signal
import sys

from . import bench, commands, report
from .errors import LabError

OK, FAILED, USAGE, NOTHING, BROKEN = 0, 1, 2, 3, 4


def _parser(version):
    parser = argparse.ArgumentParser(
        prog="xenblk-lab",
        description="Real Xen with real guest kernels, in QEMU, against "
        "block backends in dom0.",
        epilog="Exit status: 0 all well, 1 a check failed, 2 usage, 3 nothing "
        "was run, 4 the laboratory itself failed.",
    )
    parser.add_argument(
        "--version", action="version", version=f"xenblk-lab {version}"
    )
    added = parser.add_subparsers(dest="command", required=True)
    commands.register(added)
    bench.register(added)
    report.register(added)
    return parser


def _unread():
    """Who reads has enough, as head does: Python would try once more at the
    end, and print what went wrong."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def main(version):
    """Runs one command; an exit status."""
    arguments = _parser(version).parse_args()
    # A polite end is an interruption: disks of a run are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        return _unread()
    except LabError as error:
        print(f"xenblk-lab: {error}", file=sys.stderr)
        return BROKEN
    except KeyboardInterrupt:
        print("xenblk-lab: interrupted", file=sys.stderr)
        return BROKEN
