#!/usr/bin/env python3
"""Who is an orphan: what is stopped, runs a program of the folder, and has lost
its engine; nobody else."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import orphans  # noqa: E402


class Orphans(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = os.path.realpath(place.name)
        self.inside = shutil.copy(shutil.which("sleep"),
                                  os.path.join(self.folder, "harness"))
        self.started = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for pid in self.started:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def left_behind(self, program):
        """A process whose parent has ended."""
        done = subprocess.run(["sh", "-c", '"$0" 60 >/dev/null 2>&1 & echo $!',
                               program], capture_output=True, check=True,
                              text=True)
        self.started.append(int(done.stdout))
        return self.started[-1]

    def stopped(self, pid):
        # Until then it is still the shell.
        self.wait(lambda: os.path.basename(orphans.program_of(pid)) in
                  ("harness", "sleep"))
        os.kill(pid, signal.SIGSTOP)
        self.wait(lambda: (orphans.stat_of(pid) or "T")[0] == "T")
        return pid

    def wait(self, true):
        end = time.monotonic() + 30
        while not true():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def gone(self, pid):
        state = orphans.stat_of(pid)
        return state is None or state[0] in "ZX"

    def test_a_stopped_one_without_its_engine_is_ended(self):
        orphan = self.stopped(self.left_behind(self.inside))
        self.assertEqual(orphans.end_orphans(self.folder), 1)
        self.wait(lambda: self.gone(orphan))
        self.assertEqual(orphans.end_orphans(self.folder), 0)

    def test_others_are_let_be(self):
        runs = self.left_behind(self.inside)
        elsewhere = self.stopped(self.left_behind(shutil.which("sleep")))
        # Its parent runs a program of the folder, as a fork server does.
        shell = shutil.copy(shutil.which("sh"),
                            os.path.join(self.folder, "server"))
        server = subprocess.Popen(
            [shell, "-c", '"$0" 60 >/dev/null & echo $!; wait', self.inside],
            stdout=subprocess.PIPE, text=True)
        child = int(server.stdout.readline())
        server.stdout.close()
        self.started += [server.pid, child]
        self.addCleanup(server.wait)
        self.addCleanup(self.end_all)  # before that
        self.stopped(child)
        self.assertEqual(orphans.end_orphans(self.folder), 0)
        for pid in (runs, elsewhere, child):
            self.assertFalse(self.gone(pid))

    def test_what_is_gone_is_no_orphan(self):
        self.assertFalse(orphans.is_orphan(1 << 30, self.folder))


if __name__ == "__main__":
    unittest.main()
