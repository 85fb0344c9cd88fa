#!/usr/bin/env python3
"""ctest bench.report: rows, medians, table, goals and picture from made-up
figures; nothing is measured."""

import dataclasses
import os
import sys
import tempfile
import unittest
import xml.dom.minidom

from xenblk_bench import against, cases, machine, neighbours, outside, pairs
from xenblk_bench import plot, pools, table

BOTH = (cases.ONE_CPU, cases.ONE_EACH)
MACHINE = {
    "processor": "a <processor> & more",
    "cpus": 2,
    "virtual": True,
    "kernel": "6.1",
    "distribution": "Debian",
    "qemu": "7.2",
    "fio": None,
    "load_at_start": 0.0,
    "system_call_counter": None,
}


def sample(cpu):
    return {
        "iops": 1e6 / cpu,
        "cpu_us_per_io": cpu,
        "p50_us": 1.0,
        "p99_us": 2.0,
        "p999_us": 3.0,
    }


def document(rows):
    return {"machine": MACHINE, "rows": rows, "skipped": []}


def summary(case, backend, cpu, **other):
    row = cases.Row(case, backend, **other)
    return outside._summary(row, [sample(9.0), sample(cpu)])


class Rows(unittest.TestCase):
    def test_names_are_unique_and_every_case_is_there(self):
        rows = cases.all_rows(BOTH, quick=False)
        names = [row.name for row in rows]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(
            {row.case for row in rows},
            {"ring", "null", "ram", "cached", "tmpfs",
             "grants", "memory", "idle"},
        )

    def test_one_cpu_has_no_other_placement(self):
        rows = cases.all_rows((cases.ONE_CPU,), quick=False)
        self.assertEqual({row.placement for row in rows}, {cases.ONE_CPU})

    def test_selection_by_case_glob_and_backend(self):
        rows = cases.all_rows(BOTH, quick=True)
        self.assertEqual(
            {row.case for row in cases.chosen(rows, ["null"], [])}, {"null"}
        )
        few = cases.chosen(rows, ["null/*/d1/*"], ["qemu"])
        self.assertEqual({(r.backend, r.depth) for r in few}, {("qemu", 1)})
        self.assertEqual(cases.chosen(rows, ["nothing"], []), [])


class Medians(unittest.TestCase):
    def test_first_round_is_dropped(self):
        row = outside._summary(
            cases.Row("null", "xenblk"),
            [sample(50.0), sample(1.0), sample(3.0), sample(2.0)],
        )
        self.assertEqual(row["cpu_us_per_io"], 2.0)
        self.assertEqual(row["cpu_us_per_io_spread"], [1.0, 3.0])
        self.assertEqual(row["repeats"], 3)
        self.assertIsNone(row["syscalls_per_io"])

    def test_a_single_round_is_kept(self):
        row = outside._summary(cases.Row("null", "xenblk"), [sample(4.0)])
        self.assertEqual((row["cpu_us_per_io"], row["repeats"]), (4.0, 1))

    def test_calls_counted_in_one_round_only(self):
        last = sample(1.0) | {"syscalls_per_io": 0.5}
        row = outside._summary(
            cases.Row("null", "xenblk"), [sample(1.0), sample(1.0), last]
        )
        self.assertEqual(row["syscalls_per_io"], 0.5)


class Pools(unittest.TestCase):
    def test_each_row_has_its_other_design_beside_it(self):
        rows = pools.rows(BOTH, quick=False)
        for own, shared in zip(rows[::2], rows[1::2]):
            self.assertIn("-shared", shared.backend)
            self.assertEqual(
                own, dataclasses.replace(shared, backend=own.backend)
            )
            self.assertEqual(pools.worker(own.backend), "xenblk-worker")
            self.assertEqual(
                pools.worker(shared.backend), "xenblk-worker-shared"
            )
        self.assertIn(cases.BOTH, {row.placement for row in rows})
        one = pools.rows((cases.ONE_CPU,), quick=False)
        self.assertEqual({row.placement for row in one}, {cases.ONE_CPU})

    def test_ratio_is_the_median_of_the_rounds(self):
        own, shared = (
            outside._summary(cases.Row("null", b), [sample(c) for c in cpus])
            for b, cpus in (
                ("xenblk", (9.0, 1.0, 4.0, 1.0)),
                ("xenblk-shared", (9.0, 2.0, 4.0, 3.0)),
            )
        )
        self.assertEqual(pairs.ratio(shared, own, "cpu_us_per_io"), 2.0)
        text = table.of(document([own, shared]), pools)
        line = next(line for line in text if line.startswith("  1 "))
        self.assertIn("  2.00", line)

    def test_locks_are_read_from_the_log(self):
        line = "xenblk-worker-shared: locked 400 waited 1"
        self.assertEqual(pools.locks(f"a\n{line}\n"), {"lock_waited": 0.0025})
        self.assertEqual(pools.locks("nothing"), {})


class Against(unittest.TestCase):
    def test_only_the_servers_are_the_other_builds(self):
        with tempfile.TemporaryDirectory() as here, (
            tempfile.TemporaryDirectory()
        ) as there:
            for place in (here, there):
                for name in ("xenblkd", "xenblk-worker", "xenblk-sim"):
                    path = os.path.join(place, name)
                    with open(path, "w", encoding="utf-8"):
                        os.chmod(path, 0o755)
            tools = machine.Tools(here, there)
            for backend, name, place in (
                ("other", "xenblkd", there),
                ("other-copy", "xenblk-worker", there),
                ("other", "xenblk-sim", here),
                ("xenblk", "xenblkd", here),
            ):
                self.assertEqual(
                    tools.find(name, backend), os.path.join(place, name)
                )
            os.unlink(os.path.join(there, "xenblkd"))
            reason = outside.packages(cases.Row("null", "other"), tools)
            self.assertIn(there, reason)

    def test_each_row_has_the_other_builds_beside_it(self):
        rows = against.rows(BOTH, quick=True)
        for one, other in zip(rows[::2], rows[1::2]):
            self.assertEqual(
                other.backend, one.backend.replace("xenblk", against.OTHER)
            )
        found = [summary("null", b, cpu) for b, cpu in (("xenblk", 1.0), ("other", 1.5))]
        text = table.of(document(found), against)
        self.assertTrue(any("  1.50" in line for line in text))


class Neighbours(unittest.TestCase):
    def test_rows_begin_alone_and_every_neighbour_is_explained(self):
        for quick in (False, True):
            rows = neighbours.rows(BOTH, quick)
            self.assertEqual(rows[0].backend, neighbours.ALONE)
            self.assertEqual(
                {row.placement for row in rows}, {cases.ONE_EACH}
            )
            for row in rows:
                name = row.backend.removesuffix(neighbours.LIMITED)
                self.assertIn(name, neighbours.WHO)

    def test_ratios_are_of_alone_in_the_same_round(self):
        rows = [
            outside._summary(
                cases.Row(neighbours.CASE, name),
                [
                    sample(c) | {"neighbour_cpu": 0.25, "daemon_cpu": 0.0}
                    for c in cpus
                ],
            )
            for name, cpus in (
                ("alone", (9.0, 1.0, 2.0, 4.0)),
                ("events", (9.0, 2.0, 8.0, 4.0)),
            )
        ]
        self.assertEqual(pairs.ratio(rows[1], rows[0], "iops"), 0.5)
        text = table.of(document(rows), neighbours)
        line = next(line for line in text if line.startswith("  events "))
        self.assertIn(" 0.50 ", line)
        self.assertIn(" 25 ", line)
        # Without the row to compare with there is a table all the same.
        self.assertTrue(table.of(document(rows[1:]), neighbours))


class Report(unittest.TestCase):
    ROWS = (
        ("ring", "ring-event", 0.08, {}),
        ("null", "xenblk", 0.16, {}),
        ("null", "xenblk", 0.20, {"queues": 16}),
        ("null", "qemu", 1.6, {}),
        ("tmpfs", "xenblk", 1.5, {}),
        ("tmpfs", "fio", 1.0, {}),
    )

    def rows(self):
        return [summary(c, b, cpu, **o) for c, b, cpu, o in self.ROWS]

    def test_ratios_compare_with_the_right_rows(self):
        rows = self.rows()
        results = table.Results(rows)
        self.assertEqual(
            [r and round(r, 3) for r in table.ratios(results, rows[1])],
            [0.1, 0.5, None],
        )
        self.assertEqual(table.ratios(results, rows[2])[1], None)
        self.assertEqual(table.ratios(results, rows[4])[2], 1.5)
        self.assertEqual(table.ratios(results, rows[3]), (None, None, None))

    def test_another_placement_is_no_peer(self):
        rows = [
            summary("null", "xenblk", 0.2),
            summary("null", "qemu", 2.0, placement=cases.ONE_EACH),
        ]
        self.assertIsNone(table.ratios(table.Results(rows), rows[0])[0])

    def test_goals_say_met_or_not(self):
        found = {what: met for what, _, _, met in table.goals(self.rows())}
        where = "null, 1 queue, depth 32, one CPU"
        self.assertFalse(found[f"CPU us/IO: {where}"])
        self.assertFalse(found[f"speed / ring: {where}"])
        self.assertTrue(found[f"CPU / QEMU: {where}"])
        self.assertFalse(found["16 queues / best: null, depth 32, one CPU"])

    def test_text_names_skipped_rows(self):
        whole = document(self.rows())
        whole["skipped"] = [{"name": "x/y", "reason": "install it"}]
        text = "\n".join(table.text(whole))
        self.assertIn("x/y: install it", text)
        self.assertIn("System calls were not counted", text)
        self.assertIn("one CPU", text)

    def test_picture_is_well_formed_and_runs_nothing(self):
        for rows in (self.rows(), self.rows()[:1], []):
            text = plot.draw(document(rows))
            picture = xml.dom.minidom.parseString(text)
            self.assertFalse(picture.getElementsByTagName("script"))
        self.assertIn("a &lt;processor&gt; &amp; more", text)


if __name__ == "__main__":
    sys.exit(unittest.main())
