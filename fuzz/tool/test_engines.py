#!/usr/bin/env python3
"""What of an engine's artifacts is a find: what crashed, and what is slow alone, too."""

import os
import stat
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import engines  # noqa: E402

# Fails for what has "bad" in it, sleeps for what has "slow".
HARNESS = """#!/bin/sh
case $(cat "$1") in
*bad*) echo "oracle memory: page 3 has changed"; exit 1;;
*slow*) exec sleep 30;;
esac
"""


class Finds(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.binary = self.put("harness", HARNESS)
        os.chmod(self.binary, stat.S_IRWXU)

    def put(self, name, text):
        path = os.path.join(self.place.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def libfuzzer(self):
        engine = engines.LibFuzzer.__new__(engines.LibFuzzer)
        engine.binary, engine.log = self.binary, self.put("log", "")
        engine.jobs = []
        engine.artifacts = os.path.join(self.place.name, "artifacts")
        return engine

    def afl(self):
        engine = engines.Afl.__new__(engines.Afl)
        engine.binary, engine.where = self.binary, self.place.name
        return engine

    def found(self, engine):
        return {os.path.basename(f["input"]): f["oracle"]
                for f in engine.finds()}

    def test_what_libfuzzer_kept(self):
        self.put("artifacts/crash-1", "fine when alone")
        self.put("artifacts/timeout-1", "fine when alone")
        self.put("artifacts/slow-unit-1", "fine when alone")
        self.put("artifacts/timeout-2", "bad")
        self.put("artifacts/timeout-3", "slow")
        with mock.patch.object(engines, "ALONE_S", 3):
            self.assertEqual(self.found(self.libfuzzer()), {
                "crash-1": "abort", "timeout-2": "memory",
                "timeout-3": "hang"})

    def test_progress_is_no_reason(self):
        log = self.put("log", "#500\tNEW    cov: 253 MS: 5 CMP- DE: "
                       "\"CHECK failed\"-\n"
                       "oracle resources: 1 tables are left\n")
        self.assertEqual(engines.reason_of(log), (
            "resources", "oracle resources: 1 tables are left"))

    def test_what_afl_kept(self):
        self.put("main/crashes/id:1", "bad")
        self.put("main/crashes/id:2", "fine when alone")
        self.put("main/hangs/id:3", "fine when alone")
        self.put("main/hangs/id:4", "slow")
        with mock.patch.object(engines, "ALONE_S", 3):
            self.assertEqual(self.found(self.afl()), {
                "id:1": "memory", "id:2": "none", "id:4": "hang"})


if __name__ == "__main__":
    unittest.main()
