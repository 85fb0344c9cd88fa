#!/usr/bin/env python3
"""ctest lab.nightly: ci/nightly with a laboratory that is made up."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

NIGHTLY = Path(__file__).resolve().parent.parent.parent / "ci" / "nightly"

# Prints what it is asked for; "matrix" copies the document of this night.
FAKE = """#!/usr/bin/env python3
import json, os, shutil, sys, time
command, words = sys.argv[1], sys.argv[2:]
place = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(f"{place}/called", "a") as f:
    f.write(" ".join(sys.argv[1:]) + "\\n")
if command == "build":
    sys.exit(4)
if command == "bench":
    print(json.dumps({"rows": []}))
    sys.exit(0)
tonight = json.load(open(f"{place}/tonight"))
if tonight["document"] is not None:
    with open(words[words.index("--out") + 1], "w") as f:
        json.dump(tonight["document"], f)
if tonight["hangs"]:
    open(f"{place}/pid", "w").write(str(os.getpid()))
    time.sleep(600)
sys.exit(tonight["status"])
"""


def row(check, verdict, backend="xenblkd"):
    return {"guest": "linux-6.1", "backend": backend, "check": check,
            "verdict": verdict, "reason": "because", "seconds": 1.0}


class Nightly(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="xenblk-lab.")
        self.addCleanup(temporary.cleanup)
        self.place = Path(temporary.name)
        self.lab = self.place / "lab"
        self.lab.write_text(FAKE)
        self.lab.chmod(0o755)
        self.cache = self.place / "cache"

    def night(self, rows, *options, status=0, hangs=False, planned=()):
        document = None if rows is None else {
            "machine": {}, "commit": "abc", "started": "2026-11-25T01:00:00",
            "rows": rows, "planned": list(planned)}
        (self.place / "tonight").write_text(json.dumps(
            {"document": document, "status": status, "hangs": hangs}))
        done = subprocess.run(
            [NIGHTLY, "--no-build", "--lab", self.lab, *options],
            env={**os.environ, "XENBLK_LAB_CACHE": str(self.cache)},
            capture_output=True, text=True, timeout=50)
        return done.returncode, done.stdout + done.stderr

    def next_second(self):
        """Nights have names to the second."""
        time.sleep(1.05)

    def test_only_what_is_new_and_bad_fails(self):
        status, said = self.night([row("io", "FAIL"), row("flush", "PASS")], status=1)
        self.assertEqual(status, 1, said)
        self.assertIn("There is no earlier night", said)
        self.next_second()
        status, said = self.night([row("io", "FAIL"), row("flush", "PASS")], status=1)
        self.assertEqual(status, 0, said)
        self.assertIn("Nothing is new since", said)
        self.next_second()
        status, said = self.night([row("io", "PASS"), row("flush", "FAIL")], status=1)
        self.assertEqual(status, 1, said)
        self.assertIn("linux-6.1 xenblkd flush: PASS -> FAIL", said)
        self.assertIn("linux-6.1 xenblkd io: FAIL -> PASS", said)

    def test_everything_is_left_in_one_folder_and_the_night_is_kept(self):
        out = self.place / "out"
        status, said = self.night([row("io", "PASS")], "--out", out, "--bench",
                                  "--guest", "linux-6.1", "--backend", "xenblkd")
        self.assertEqual(status, 0, said)
        names = {path.name for path in out.iterdir()}
        self.assertLessEqual({"results.json", "report.txt", "junit.xml",
                              "index.html", "new.txt"}, names)
        results = json.loads((out / "results.json").read_text())
        self.assertEqual([r["check"] for r in results["rows"]], ["io", "bench"])
        self.assertEqual(len(list((self.cache / "nights").glob("*/results.json"))), 1)
        called = (self.place / "called").read_text()
        self.assertIn("build --guest linux-6.1\n", called)
        self.assertIn("--guest linux-6.1 --backend xenblkd", called)

    def test_images_that_cannot_be_built_cost_no_night(self):
        status, said = self.night([row("io", "PASS")])
        self.assertEqual(status, 0, said)
        self.assertIn("not every image could be built (ended with status 4)", said)

    def test_no_results_and_no_rows(self):
        status, said = self.night(None, status=4)
        self.assertEqual(status, 4, said)
        self.assertIn("ended with status 4 and left no results", said)
        self.next_second()
        status, said = self.night([])
        self.assertEqual(status, 3, said)

    def test_what_hangs_is_ended_and_its_rows_are_lost(self):
        planned = [{"guest": "linux-6.1", "backend": "qemu", "check": "io"}]
        before = time.monotonic()
        status, said = self.night([row("io", "PASS")], "--minutes", "0.55",
                                  hangs=True, planned=planned)
        self.assertEqual(status, 1, said)
        self.assertIn("took too long and was ended", said)
        self.assertIn("linux-6.1 qemu io: LOST", said)
        self.assertLess(time.monotonic() - before, 30)
        pid = int((self.place / "pid").read_text())
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def test_two_at_once_are_refused(self):
        import fcntl
        nights = self.cache / "nights"
        nights.mkdir(parents=True)
        with open(nights / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            status, said = self.night([row("io", "PASS")])
        self.assertEqual(status, 4, said)
        self.assertIn("another nightly is running", said)

    def test_usage(self):
        self.assertEqual(self.night([], "--minutes", "0")[0], 2)


if __name__ == "__main__":
    sys.exit(unittest.main())
