"""The core of the laboratory without a machine: records, plans, rows, jobs."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from xenblk_lab import job, machine, place, plan, records, run  # noqa: E402
from xenblk_lab.errors import LabError  # noqa: E402


class Records(unittest.TestCase):
    """What dom0 writes is what the host reads, and nothing else is."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "disk")
        with open(self.path, "wb") as disk:
            disk.truncate(1 << 20)

    def test_both_kinds_come_back_in_order(self):
        writer = records.Writer(self.path, "run-1")
        self.assertTrue(writer.message(row={"verdict": "PASS"}))
        self.assertTrue(writer.file("a/b.log", b"\0line\nline" * 1000))
        found = records.Reader(self.path, "run-1").new()
        self.assertEqual(found[0], (records.JSON, {"row": {"verdict": "PASS"}}))
        self.assertEqual(found[1], (records.FILE, ("a/b.log", b"\0line\nline" * 1000)))

    def test_each_record_is_read_once(self):
        writer = records.Writer(self.path, "run-1")
        reader = records.Reader(self.path, "run-1")
        self.assertEqual(reader.new(), [])
        writer.message(n=1)
        self.assertEqual(len(reader.new()), 1)
        self.assertEqual(reader.new(), [])
        writer.message(n=2)
        self.assertEqual(reader.new(), [(records.JSON, {"n": 2})])

    def test_another_runs_records_are_none(self):
        records.Writer(self.path, "run-1").message(n=1)
        self.assertEqual(records.Reader(self.path, "run-2").new(), [])

    def test_a_changed_byte_ends_the_records(self):
        writer = records.Writer(self.path, "run-1")
        writer.message(n=1)
        writer.message(n=2)
        with open(self.path, "r+b") as disk:
            disk.seek(records.BLOCK + records.HEADER.size + 2)
            disk.write(b"!")
        self.assertEqual(records.Reader(self.path, "run-1").new(), [(records.JSON, {"n": 1})])

    def test_a_full_disk_refuses_and_stays_readable(self):
        writer = records.Writer(self.path, "run-1")
        self.assertTrue(writer.message(n=1))
        self.assertFalse(writer.file("big", bytes(2 << 20)))
        self.assertTrue(writer.message(n=2))
        self.assertEqual(len(records.Reader(self.path, "run-1").new()), 2)

    def test_a_long_file_loses_its_middle(self):
        data = records._shorten(b"a" * records.FILE_BYTES + b"z" * records.FILE_BYTES)
        self.assertLess(len(data), records.FILE_BYTES + 100)
        self.assertTrue(data.startswith(b"aaa") and data.endswith(b"zzz"))
        self.assertIn(b"bytes left out", data)


class Plans(unittest.TestCase):
    """Every cell of the matrix, and no other."""

    def test_every_guest_meets_every_backend(self):
        sessions = plan.matrix({"linux-5.10": "pv", "grub64": "grub64"}, plan.BACKENDS)
        self.assertEqual(len(sessions), 6)
        self.assertIn("filesystem", sessions[0]["checks"])
        self.assertNotIn("filesystem", sessions[3]["checks"])

    def test_suites_run_on_one_guest_before_the_last_look(self):
        (ours, theirs) = plan.matrix({plan.SUITE_GUEST: "pv"}, ("xenblkd", "qemu"))
        self.assertIn("contract", ours["checks"])
        self.assertNotIn("contract", theirs["checks"])
        self.assertEqual(ours["checks"][-1], "leaks")

    def test_an_unknown_backend_is_named(self):
        with self.assertRaisesRegex(LabError, "no backend tapdisk"):
            plan.matrix({"linux-6.1": "pv"}, ("tapdisk",))

    def test_words_expand_once(self):
        self.assertEqual(plan.expand(["smoke", "negotiate"], "pv"), list(plan.SMOKE))


class Rows(unittest.TestCase):
    """A planned check has a row whatever happened."""

    def make(self):
        one = run.Run([{"guest": "g", "backend": "b", "checks": ["x", "y"]}], say=lambda _: None)
        one.folder = Path("somewhere")
        return one

    def test_lost_rows_are_filled_in_with_the_reason(self):
        one = self.make()
        one._take({"row": {"guest": "g", "backend": "b", "check": "x", "verdict": "PASS",
                           "reason": "", "seconds": 1.0, "details": {}}})
        one.troubles.append("dom0 was silent")
        one._fill_in()
        self.assertEqual([row["verdict"] for row in one.rows], ["PASS", "LOST"])
        self.assertIn("silent", one.rows[1]["reason"])
        self.assertEqual(one.rows[1]["repro"], "xenblk-lab run y --guest g --backend b")

    def test_a_silent_machine_is_given_up(self):
        one = self.make()
        one._limit = -1
        with mock.patch.object(run, "SILENCE_SECONDS", -1):
            reader = types.SimpleNamespace(new=lambda: [])
            one._follow(types.SimpleNamespace(ended=lambda: False), reader)
        self.assertIn("silent", one.troubles[0])

    def test_a_machine_can_be_ended_from_outside(self):
        one, ended = self.make(), []
        one.stop()  # nothing runs yet
        one._machine = types.SimpleNamespace(stop=lambda: ended.append(True))
        one.stop()
        self.assertEqual(ended, [True])

    def test_a_files_name_never_leaves_the_runs_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            one = self.make()
            one.folder = Path(folder) / "run"
            one._keep("../../etc/passwd", b"x")
            self.assertTrue((Path(folder) / "run" / "etc" / "passwd").exists())


class Jobs(unittest.TestCase):
    """The job's disk is what dom0's init expects."""

    def test_header_and_archive(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(place, "program", lambda name: Path(__file__)), \
                mock.patch.object(job, "scripts", lambda: []):
            disk = Path(folder) / "job"
            job.pack(disk, {"run": "r", "plan": []}, {"extra/file": b"bytes"})
            data = disk.read_bytes()
        word, length = data[:job.HEADER_BYTES].rstrip(b"\0").split()
        self.assertEqual(word, b"xenblk-lab-job")
        with tarfile.open(fileobj=io.BytesIO(data[job.HEADER_BYTES:][:int(length)])) as tar:
            names = tar.getnames()
            self.assertEqual(json.load(tar.extractfile("job.json")), {"run": "r", "plan": []})
        for name in ("dom0/runner.py", "dom0/records.py", "bin/xenblkd", "extra/file", "date"):
            self.assertIn(name, names)

    def test_tapes_come_with_their_player_and_disks(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(place, "program", lambda name: Path(__file__)), \
                mock.patch.object(job, "image", lambda sectors: bytes(512 * sectors)):
            (Path(folder) / "a.tape").write_bytes(b"tape")
            extra = job.tapes(folder)
        with tarfile.open(fileobj=io.BytesIO(extra["tapes.tgz"])) as tar:
            self.assertEqual(tar.getnames(), ["xenblk-play", "tapes/a.tape"])
        self.assertEqual(len(extra["disks/8"]), 4096)

    def test_a_folder_without_tapes_names_the_way_out(self):
        with tempfile.TemporaryDirectory() as folder, \
                self.assertRaisesRegex(LabError, "has no tape; xenblk-tape makes one"):
            job.tapes(folder)


class Machines(unittest.TestCase):
    """QEMU's words, and what keeps one from starting."""

    def test_the_fpu_is_never_switched_lazily(self):
        words = " ".join(machine.Shape(Path("x"), Path("k"), Path("i"), "tcg").command())
        self.assertIn("spec-ctrl=eager-fpu", words)
        self.assertIn("max,-smap", words)

    def test_too_little_memory_is_said_with_both_numbers(self):
        with mock.patch.object(place, "memory_mib", lambda: 100), \
                self.assertRaisesRegex(LabError, r"4352 MiB of memory, and 100 MiB"):
            place.need_memory(4096)

    def test_too_little_disk_names_the_folder(self):
        with self.assertRaisesRegex(LabError, "MiB are free"):
            place.need_disk(Path("/"), 1 << 40, "everything")

    def test_a_missing_qemu_is_a_sentence(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.dict(os.environ, {"PATH": folder}):
            disks = {name: (Path("x"), "raw", True) for name in machine.DISKS}
            one = machine.Machine(machine.Shape(Path("x"), Path("k"), Path("i"), "tcg"), disks,
                                  Path(folder))
            with self.assertRaisesRegex(LabError, "ci/setup lab"):
                one.start()


class Output(unittest.TestCase):
    def test_who_reads_no_more_ends_it_without_a_trace(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from xenblk_lab.main import "
             "main; sys.exit(main('0'))", "list"], cwd=HERE, stdout=write,
            stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (141, ""))


if __name__ == "__main__":
    unittest.main()
