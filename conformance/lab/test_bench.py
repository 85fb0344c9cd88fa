#!/usr/bin/env python3
"""ctest lab.bench: fio's words and output, medians, ratios and tables from
made-up samples; nothing is booted."""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "dom0"))
import fio  # noqa: E402

from xenblk_lab import bench, bench_rows, bench_table  # noqa: E402
from xenblk_lab.errors import LabError  # noqa: E402

PLAN = {
    "backends": ["xenblk", "xenblk-copy", "blkback", "qemu"],
    "loads": [{"case": "randread", "depth": 32}, {"case": "write", "depth": 1}],
    "queues": [1, 2],
}


def output(**other):
    """What fio prints, cut down to what we read."""
    none = {"total_ios": 0, "iops": 0.0, "runtime": 0}
    read = {"total_ios": 250, "iops": 500.5, "runtime": 500, "lat_ns": {
        "percentile": {"50.000000": 64000, "99.000000": 1250000}}}
    job = {"error": 0, "read": read, "write": none} | other
    return "fio: a note\n" + json.dumps({"fio version": "3.33", "jobs": [job]})


def sample(backend, iops, cpu, case="randread", queues=1, depth=32, **other):
    return {"backend": backend, "case": case, "queues": queues, "depth": depth,
            "round": 0, "ios": 100, "iops": iops, "dom0_cpu_us": cpu * 100,
            "process_cpu_us": cpu * 50, "p50_us": 10.0, "p99_us": 20.0,
            "p999_us": None, **other}


class Fio(unittest.TestCase):
    def test_figures_of_a_run(self):
        found = fio.result(output())
        self.assertEqual(found, {"ios": 250, "iops": 500.5, "runtime_s": 0.5,
                                 "p50_us": 64.0, "p99_us": 1250.0,
                                 "p999_us": None})

    def test_writes_are_read_from_their_side(self):
        document = json.loads(output()[len("fio: a note\n"):])
        job = document["jobs"][0]
        found = fio.result(output(read=job["write"], write=job["read"]))
        self.assertEqual(found["ios"], 250)

    def test_no_figures_is_an_error(self):
        idle = {"total_ios": 0, "iops": 0.0, "runtime": 500}
        for text, why in (
            ("fio: not found", "no document"),
            ('{"jobs": []}', "0 groups"),
            (output(error=5), "error 5"),
            (output(read=idle), "no I/O"),
            (output()[:-30], ""),
        ):
            with self.assertRaisesRegex(ValueError, why):
                fio.result(text)

    def test_each_queue_has_a_job_a_cpu_and_a_part_of_the_disk(self):
        words = fio.words({"case": "read", "queues": 4, "depth": 32},
                          "/dev/xvdc", 32 << 20, 0.5)
        for word in ("--rw=read", "--bs=131072", "--numjobs=4", "--iodepth=32",
                     "--cpus_allowed=0-3", f"--size={8 << 20}",
                     f"--offset_increment={8 << 20}", "--runtime=500ms",
                     "--filename=/dev/xvdc", "--direct=1"):
            self.assertIn(word, words)

    def test_both_sides_know_the_same_cases(self):
        self.assertEqual({case: block for case, (_, block) in fio.CASES.items()},
                         bench_rows.BLOCKS)
        self.assertEqual(set(fio.CASES), set(bench_table.TITLES))


class Rows(unittest.TestCase):
    def test_medians_and_spreads(self):
        rows = bench_rows.rows(
            [sample("xenblk", iops, 1000 / iops) for iops in (10, 50, 20, 40, 1000)],
            PLAN)
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertEqual((row["iops"], row["repeats"]), (40, 5))
        self.assertEqual(row["iops_spread"], [10, 1000])
        self.assertEqual(row["cpu_us_per_io"], 25)
        self.assertEqual(row["process_cpu_us_per_io"], 12.5)
        self.assertEqual((row["block_bytes"], row["p999_us"]), (4096, None))

    def test_rows_have_the_keys_of_xenblk_bench(self):
        keys = {"case", "backend", "queues", "depth", "block_bytes", "placement",
                "iops", "cpu_us_per_io", "p50_us", "p99_us", "p999_us",
                "syscalls_per_io", "repeats"}
        row = bench_rows.rows([sample("qemu", 1, 1)], PLAN)[0]
        self.assertLessEqual(keys, set(row))

    def test_order_is_the_plans(self):
        rows = bench_rows.rows(
            [sample("qemu", 1, 1), sample("xenblk", 1, 1, queues=2),
             sample("xenblk", 1, 1), sample("qemu", 1, 1, case="write", depth=1)],
            PLAN)
        self.assertEqual([bench_rows.name(r) for r in rows],
                         ["randread/xenblk/q1/d32", "randread/qemu/q1/d32",
                          "randread/xenblk/q2/d32", "write/qemu/q1/d1"])

    def test_each_row_that_is_missing_says_why(self):
        samples = [sample(b, 1, 1, case=case, depth=depth)
                   for b in ("xenblk", "xenblk-copy", "qemu")
                   for case, depth in (("randread", 32), ("write", 1))]
        samples.append({"backend": "blkback", "case": "randread", "queues": 1,
                        "depth": 32, "round": 0, "error": "it hangs"})
        found = {s["name"]: s["reason"] for s in bench_rows.skipped(samples, PLAN)}
        self.assertEqual(found["randread/blkback/q1/d32"], "it hangs")
        self.assertEqual(found["write/blkback/q1/d1"], "it hangs")
        self.assertEqual(found["write/qemu/q2/d1"], "the time was over before")
        self.assertEqual(len(found), 2 + 8)
        samples.append({"queues": 2, "error": "no guest"})
        found = {s["name"]: s["reason"] for s in bench_rows.skipped(samples, PLAN)}
        self.assertEqual(found["write/qemu/q2/d1"], "no guest")

    def test_a_failed_run_spoils_no_median(self):
        samples = [sample("qemu", 100, 1), {"backend": "qemu", "case": "randread",
                   "queues": 1, "depth": 32, "round": 1, "error": "once"}]
        self.assertEqual(bench_rows.rows(samples, PLAN)[0]["repeats"], 1)
        names = [s["name"] for s in bench_rows.skipped(samples, PLAN)]
        self.assertNotIn("randread/qemu/q1/d32", names)


class Tables(unittest.TestCase):
    def document(self):
        samples = [
            sample("xenblk", 600, 500), sample("xenblk-copy", 400, 1000),
            sample("blkback", 500, 400), sample("qemu", 200, 2000),
            sample("qemu", 900, 1, queues=2),
        ]
        return {"rows": bench_rows.rows(samples, PLAN),
                "skipped": [{"name": "x/y", "reason": "no time"}]}

    def test_ratios_are_with_the_same_load(self):
        _, head, lines = next(bench_table.tables(self.document()))
        ours = dict(zip(head, lines[0]))
        self.assertEqual(ours["speed / blkback"], "1.20")
        self.assertEqual(ours["speed / qemu"], "3.00")
        self.assertEqual(ours["CPU / blkback"], "1.25")
        self.assertEqual(ours["CPU / qemu"], "0.25")
        self.assertEqual(ours["dom0 CPU ms/IO"], "0.500")
        theirs = dict(zip(head, lines[2]))
        self.assertEqual((theirs["backend"], theirs["speed / blkback"]),
                         ("blkback", "-"))
        alone = dict(zip(head, lines[4]))
        self.assertEqual((alone["queues"], alone["speed / blkback"]), ("2", "-"))

    def test_text_and_markdown(self):
        text = "\n".join(bench_table.text(self.document()))
        for part in ("4 KiB random read", "x/y: no time", "xenblk-copy"):
            self.assertIn(part, text)
        self.assertNotIn("sequential", text)
        many = {"rows": [], "skipped": [{"name": f"r{n}", "reason": "late"}
                                        for n in range(5)]}
        self.assertIn("  r0, r1 and 3 more: late", list(bench_table.text(many)))
        lines = list(bench_table.markdown(self.document()))
        rows = [line for line in lines if line.startswith("| ")]
        self.assertEqual(len(rows), 6)
        self.assertEqual({line.count("|") for line in rows},
                         {len(bench_table.HEAD) + 1})

    def test_lessons_are_medians_of_ratios(self):
        lessons = list(bench_rows.lessons(self.document()["rows"]))
        self.assertIn("throughput, xenblk / qemu: 3.00 (3.00 to 3.00, 1 loads)",
                      lessons)
        self.assertEqual(list(bench_rows.lessons([])), [])


class Command(unittest.TestCase):
    def parse(self, *words):
        parser = argparse.ArgumentParser()
        bench.register(parser.add_subparsers())
        return parser.parse_args(["bench", *map(str, words)])

    def test_the_whole_plan_and_parts_of_it(self):
        whole = bench.plan(self.parse())
        self.assertEqual(len(bench_rows.planned(whole)), 4 * 2 * 3 * 4)
        self.assertEqual((whole["rounds"], whole["limit_s"]), (5, 1320))
        part = bench.plan(self.parse("--queues", 2, "--case", "read", "--depth", 1,
                                     "--backend", "qemu", "--repeats", 2))
        self.assertEqual(bench_rows.planned(part), ["read/qemu/q2/d1"])
        self.assertEqual(bench.plan(self.parse("--quick"))["queues"], [1])

    def test_what_dom0_says_becomes_a_document(self):
        plan = bench.plan(self.parse("--queues", 1, "--case", "randread"))
        progress = bench.Progress(plan)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            for message in (
                {"started": 1.0, "ledger": {"ports": 0}},
                {"bench_guest": {"queues": 1, "boot_s": 20.0, "idle": 0.01}},
                {"bench": sample("xenblk", 100, 10)},
                {"bench": {"backend": "qemu", "case": "randread", "queues": 1,
                           "depth": 1, "round": 0, "error": "it hangs"}},
                {"trouble": "xenblkd did not end"},
                {"ended": 2.0, "ledger": {"ports": 1}},
            ):
                progress.message(message)
        for part in ("up after 20.0 s", "round 1 of 5", "it hangs", "did not end"):
            self.assertIn(part, said.getvalue())
        results = bench.document(progress, bench.machine("tcg"), 12.34)
        self.assertEqual([r["backend"] for r in results["rows"]], ["xenblk"])
        self.assertEqual(results["ledgers"], [{"ports": 0}, {"ports": 1}])
        self.assertIn({"name": "randread/qemu/q1/d1", "reason": "it hangs"},
                      results["skipped"])
        shown = "\n".join(bench.text(results))
        self.assertIn("4 KiB random read", shown)
        self.assertIn("QEMU has one queue", shown)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(results, file)
            file.flush()
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                status = bench.show(self.parse("--show", file.name))
        self.assertEqual((status, out.getvalue().strip()), (0, shown.strip()))

    def test_show_names_what_is_no_document(self):
        with self.assertRaisesRegex(LabError, "is no output of bench --json"):
            bench.show(self.parse("--show", __file__))


if __name__ == "__main__":
    sys.exit(unittest.main())
