#!/usr/bin/env python3
"""Proof that triage tells causes apart, reduces what they need no more of, and
says a sentence about every file that there can be."""

import argparse
import contextlib
import io
import json
import os
import random
import stat
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import play  # noqa: E402
import reduce  # noqa: E402
import severity  # noqa: E402
import tree  # noqa: E402
import triage  # noqa: E402

# A harness that objects to a 7 and a 9 in this order, to "!" and, by never
# coming back, to "~".
HARNESS = r"""#!/usr/bin/env python3
import os, sys, time
sys.stdout.reconfigure(line_buffering=True)  # abort() loses what is buffered
data = open(sys.argv[1], "rb").read()
if b"~" in data:
    time.sleep(60)
if b"\x07" in data and b"\x09" in data[data.index(b"\x07"):]:
    print("oracle storage: sector", data.index(b"\x07"), "was lost")
    print("    #1 0x55aa in storage_check /src/fuzz/oracle/storage.c:10:2")
    os.abort()
if b"!" in data:
    print("==1==ERROR: AddressSanitizer: heap-use-after-free on 0x60")
    print("    #0 0x55ab in put /src/backend/worker/persistent.c:10:2")
    print("    #1 0x55ac in libc_start (libc.so+0x1)")
    print("    #2 0x55ad in turn /src/backend/worker/queue.c:9:1")
    print()
    print("    #0 0x55ae in later /src/backend/worker/vbd.c:9:1")
    os.abort()
"""


def forever():
    return reduce.Clock(3600)


class Reduce(unittest.TestCase):
    def test_a_script_keeps_the_operations_that_matter(self):
        dice = random.Random(1)
        data = bytearray(dice.randbytes(16 * 60))
        data[11] = 0  # no payload
        wanted = [bytes([7]) + bytes([42]) + bytes(dice.randbytes(14)),
                  bytes([9]) + bytes(dice.randbytes(15))]
        data[16 * 20:16 * 21], data[16 * 40:16 * 41] = wanted

        def still(d):
            found = [d[at:at + 2] for at in range(16, len(d), 16)]
            return (b"\x07\x2a" in found and
                    any(f[:1] == b"\x09" for f in
                        found[found.index(b"\x07\x2a"):]))

        small = reduce.script(bytes(data), still, forever())
        self.assertEqual(small, bytes(16) + b"\x07\x2a" + bytes(14) +
                         b"\x09" + bytes(15))

    def test_a_payload_goes_when_nothing_needs_it(self):
        device = bytes(11) + b"\x02" + bytes(4)
        data = device + b"\x06" * 16 * 3 + b"\xee" * 32
        small = reduce.script(data, lambda d: d[16:17] == b"\x06", forever())
        self.assertEqual(small, bytes(16) + b"\x06" + bytes(15))
        small = reduce.script(data, lambda d: d.endswith(b"\xee" * 16),
                              forever())
        self.assertTrue(small.endswith(b"\xee" * 16))

    def test_bytes_that_matter_stay(self):
        data = b"abc7defg9hij"
        small = reduce.plain_bytes(
            data, lambda d: b"7" in d and d.endswith(b"j"), forever())
        self.assertEqual(small, b"7j")

    def test_pairs_that_need_each_other_go_in_the_end(self):
        parts = reduce.without_parts(
            list("a(x)b"), lambda p: ("(" in p) == (")" in p) and "b" in p,
            forever())
        self.assertEqual(parts, ["b"])

    def test_time_ends_it_and_what_there_is_counts(self):
        clock = reduce.Clock(-1)
        data = bytes(range(200))
        self.assertEqual(reduce.script(data, lambda d: True, clock), data)

    def test_it_never_grows(self):
        dice = random.Random(2)
        for _ in range(50):
            data = dice.randbytes(dice.randrange(200))
            sample = dice.randrange(256)
            small = reduce.script(data, lambda d, s=sample: s in d or not d,
                                  forever())
            self.assertLessEqual(len(small), max(16, len(data)))


class Play(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.where = temporary.name
        self.binary = os.path.join(self.where, "fuzz-ring")
        with open(self.binary, "w", encoding="ascii") as out:
            out.write(HARNESS)
        os.chmod(self.binary, stat.S_IRWXU)

    def input(self, name, data):
        path = os.path.join(self.where, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(data)
        return path

    def test_what_an_oracle_said(self):
        outcome = play.play_file(self.binary, self.input("a", b"xx\7\x09"))
        self.assertEqual(outcome.oracle, "storage")
        self.assertEqual(outcome.frames,
                         ["storage_check fuzz/oracle/storage.c"])
        again = play.play_bytes(self.binary, b"\7\x09")
        self.assertNotEqual(outcome.reason, again.reason)
        self.assertTrue(outcome.same_as(again))

    def test_frames_are_ours_and_of_the_first_stack(self):
        outcome = play.play_bytes(self.binary, b"!")
        self.assertEqual(outcome.oracle, "asan")
        self.assertEqual(outcome.frames,
                         ["put backend/worker/persistent.c",
                          "turn backend/worker/queue.c"])

    def test_nothing_and_forever(self):
        self.assertEqual(play.play_bytes(self.binary, b"").oracle, "none")
        self.assertEqual(play.play_bytes(self.binary, b"~", 1).oracle, "hang")

    def triage(self, *words):
        """(exit, report, what was said)"""
        said = []
        triage.say = said.append
        triage.build = lambda preset, targets: self.where
        triage.text_of = lambda tool, harness, path: "device\n"
        parser = argparse.ArgumentParser()
        triage.add(parser.add_subparsers())
        out = os.path.join(self.where, "out")
        args = parser.parse_args(["triage", "--json", "--binary", self.binary,
                                  "--out", out, "--repeat", "3", *words])
        with contextlib.redirect_stdout(io.StringIO()) as text:
            status = args.function(args)
        report = json.loads(text.getvalue()) if text.getvalue() else None
        return status, report, "\n".join(said)

    def test_two_causes_are_two_buckets(self):
        self.input("ring/a", b"\0" * 20 + b"\7\x09")
        self.input("ring/b", b"\7\x09\1")
        self.input("ring/c", b"\0" * 30 + b"!")
        self.input("ring/d", b"fine")
        status, report, _ = self.triage(os.path.join(self.where, "ring"))
        self.assertEqual(status, 1)
        self.assertEqual([(b["severity"], b["oracle"], len(b["inputs"]),
                           b["reproducible"]) for b in report["buckets"]],
                         [("host memory", "asan", 1, "3/3"),
                          ("self", "storage", 2, "3/3")])
        self.assertEqual(len(report["without"]), 1)
        for bucket in report["buckets"]:
            self.assertTrue(os.path.exists(bucket["reduced"] + ".txt"))
            self.assertIn("replay ring", bucket["repro"])
            # The device's record and one operation are what is left.
            self.assertLessEqual(bucket["reduced_bytes"], 32)

    def test_a_hang_is_a_bucket(self):
        self.input("ring/h", b"\0" * 4 + b"~")
        _, report, _ = self.triage("--timeout", "1", "--reduce", "2",
                                   os.path.join(self.where, "ring"))
        self.assertEqual(report["buckets"][0]["oracle"], "hang")
        self.assertEqual(report["buckets"][0]["reproducible"], "3/3")
        self.assertEqual(report["buckets"][0]["severity"],
                         "host crash or hang")

    def test_files_that_are_none(self):
        huge = self.input("ring/huge", b"")
        os.truncate(huge, (1 << 20) + 1)
        os.mkfifo(os.path.join(self.where, "ring", "pipe"))
        os.symlink("nowhere", os.path.join(self.where, "ring", "dangling"))
        status, report, said = self.triage(os.path.join(self.where, "ring"))
        self.assertEqual((status, report["buckets"]), (0, []))
        self.assertIn("more than 1048576 are never played", said)
        self.assertEqual(said.count("is no plain file"), 2)

    def test_what_is_not_there(self):
        with self.assertRaisesRegex(tree.Trouble, "cannot be found"):
            self.triage(os.path.join(self.where, "no", "ring"))
        with self.assertRaisesRegex(tree.Trouble, "--harness NAME"):
            self.triage(self.input("somewhere/x", b"!"))
        os.mkdir(os.path.join(self.where, "ring"))
        self.assertEqual(self.triage(os.path.join(self.where, "ring"))[0], 3)


class Severity(unittest.TestCase):
    def of(self, oracle, reason="", frames=()):
        return severity.of(play.Outcome(oracle, reason, list(frames)))[0]

    def test_each_rule(self):
        worker = "vbd_attach backend/worker/vbd.c"
        supervisor = "launch backend/supervisor/launch.c"
        self.assertEqual(self.of("asan", frames=[worker]), "host memory")
        self.assertEqual(self.of("memory"), "host memory")
        self.assertEqual(self.of("responses", "padding is not zero"),
                         "host memory")
        self.assertEqual(self.of("decode"), "host memory")
        self.assertEqual(self.of("hang"), "host crash or hang")
        self.assertEqual(self.of("check", frames=[supervisor]),
                         "host crash or hang")
        self.assertEqual(self.of("check", frames=[worker]), "self")
        self.assertEqual(self.of("grants"), "other guests")
        self.assertEqual(self.of("responses", "answered twice"), "self")
        self.assertEqual(self.of("asan", frames=[
            "describe conformance/recording/describe.c"]), "self")

    def test_every_level_has_a_rule(self):
        self.assertEqual({rule[0] for rule in severity.RULES},
                         set(severity.LEVELS))


if __name__ == "__main__":
    unittest.main()
