#!/usr/bin/env python3
"""ctest bench.smoke: a very short run; its structure is checked, no speed.

usage: smoke.py XENBLK_BENCH SVG_FILE
"""

import json
import os
import subprocess
import sys
import xml.dom.minidom

ROWS = (
    "ring/ring-event/q1/d32/*",
    "null/xenblk/q1/d32/*",
    "null/xenblk/q4/d32/one-cpu",
    "null/xenblk-copy/q1/d32/one-cpu",
    "tmpfs/xenblk/q1/d32/one-cpu",
    "null/qemu/q1/d32/one-cpu",
    "grants",
)
POOLS = (
    "null/xenblk/q16/d32/one-cpu",
    "null/xenblk-shared/q16/d32/one-cpu",
    "null/xenblk-shared-copy/q16/d32/one-cpu",
)
AGAINST = ("null/xenblk/q1/d32/one-cpu", "null/other/q1/d32/one-cpu")
NEIGHBOURS = ("neighbours/alone/*", "neighbours/refused-limited/*")
KEYS = {
    "case": str,
    "backend": str,
    "queues": int,
    "depth": int,
    "block_bytes": int,
    "placement": str,
    "iops": float,
    "cpu_us_per_io": float,
    "p50_us": float,
    "p99_us": float,
    "p999_us": float,
    "syscalls_per_io": float,
    "repeats": int,
}
MAY_BE_MISSING = ("qemu", "fio")


class Wrong(Exception):
    """What the bench got wrong, as a sentence."""


def need(condition, sentence):
    if not condition:
        raise Wrong(sentence)


def check_row(row, counter):
    for key, kind in KEYS.items():
        need(key in row, f"{row} has no {key}")
        value = row[key]
        optional = row["case"] == "grants" or (
            key == "syscalls_per_io" and not counter
        )
        if value is None and optional:
            continue
        good = isinstance(value, (kind, int) if kind is float else kind)
        need(good, f"{key} of {row} is no {kind.__name__}")
    need(row["iops"] > 0, f"{row} has no throughput")
    need(row["cpu_us_per_io"] > 0, f"{row} used no CPU")
    if row["case"] != "grants":
        need(
            0 < row["p50_us"] <= row["p99_us"] <= row["p999_us"],
            f"the percentiles of {row} are out of order",
        )


def check(document):
    machine = document["machine"]
    need(machine["cpus"] >= 1, "the machine has no CPU")
    rows = document["rows"]
    for row in rows:
        check_row(row, machine["system_call_counter"])
    for entry in document["skipped"]:
        need(
            entry["backend"] in MAY_BE_MISSING and "install" in entry["reason"],
            f"{entry['name']} was skipped: {entry['reason']}",
        )
    seen = {(row["case"], row["backend"], row["queues"]) for row in rows}
    for wanted in (
        ("ring", "ring-event", 1),
        ("null", "xenblk", 1),
        ("null", "xenblk", 4),
        ("null", "xenblk-copy", 1),
        ("tmpfs", "xenblk", 1),
        ("grants", "map+unmap x1", 1),
    ):
        need(wanted in seen, f"no row {wanted}")


def check_pools(document):
    """Both designs were measured, and only one of them has a lock."""
    found = {row["backend"]: row for row in document["rows"]}
    need(len(found) == len(POOLS), f"rows of pools: {', '.join(found)}")
    for backend, row in found.items():
        check_row(row, document["machine"]["system_call_counter"])
        need(
            ("shared" in backend) == ("lock_waited" in row),
            f"{backend}: locks were counted where there is none, or not",
        )


def check_against(document):
    """Another build that is this one: both were measured."""
    found = {row["backend"] for row in document["rows"]}
    need(found == {"xenblk", "other"}, f"against: {', '.join(found)}")
    for row in document["rows"]:
        check_row(row, None)


def check_neighbours(document):
    """The polite guest was served, and the other one as its limit allows."""
    found = {row["backend"]: row for row in document["rows"]}
    need(len(found) == len(NEIGHBOURS), f"neighbours: {', '.join(found)}")
    for row in found.values():
        check_row(row, None)
    need(
        0 < found["refused-limited"]["neighbour_iops"] < 100000,
        f"a limited disk was asked {found['refused-limited']}",
    )


def measured(bench, command, rows, options=()):
    """The document of a short run of these rows."""
    words = [bench, command, "--quick", "--json", *options]
    words += ["--seconds", "0.1", "--repeats", "1"]
    for row in rows:
        words += ["--case", row]
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=140)
    need(done.returncode == 0, f"{command}: exit status {done.returncode}")
    return json.loads(done.stdout)


def main():
    bench, svg = sys.argv[1:3]
    try:
        document = measured(bench, "run", ROWS, ["--svg", svg])
        check(document)
        check_pools(measured(bench, "pools", POOLS))
        same = [os.path.dirname(os.path.abspath(bench))]
        check_against(measured(bench, "against", AGAINST, same))
        check_neighbours(measured(bench, "neighbours", NEIGHBOURS))
        picture = xml.dom.minidom.parse(svg).documentElement
        need(picture.tagName == "svg", f"{svg} is no SVG")
        need(picture.getElementsByTagName("polyline"), "nothing was drawn")
    except (Wrong, ValueError) as error:
        print(f"bench.smoke: {error}", file=sys.stderr)
        return 1
    print(f"{len(document['rows'])} rows, {len(document['skipped'])} skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
