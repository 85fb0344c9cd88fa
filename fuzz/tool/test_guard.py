#!/usr/bin/env python3
"""Proof that each guard fails when it should, and that the lists that they go by
are complete: every harness has its row, every place that reads what a guest can
write is listed."""

import argparse
import os
import stat
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import bank  # noqa: E402
import guard  # noqa: E402
import guard_objects  # noqa: E402
import guard_places  # noqa: E402
import guard_planted  # noqa: E402
import guard_plays  # noqa: E402
import tree  # noqa: E402

SOURCE = """/* One file. */
uint32_t first_look(const struct shared *memory)
{
	/* shared_load(memory, 8) in a comment is none */
	return shared_load(memory,
			   index(4));
}

static void second_look(struct ring *ring)
{
	ring->seen = shared_load(ring->memory, 0);
}
"""


class World:
    """What the guards ask of the real one, with answers made up."""

    def __init__(self, **answers):
        self.limits = {"ring": {"okay": [20, 95], "slowest": 10, "bug": "S13"}}
        self.found, self.rows, self.hashes, self.said = [], {}, "", ""
        self.__dict__.update(answers)

    def binary(self, preset, harness):
        return f"{self.bins}/{preset}-{harness}"

    def corpus(self, _preset, _harness):
        return self.inputs

    def counted(self, _harness):
        return self.counts, self.hashes, self.said


class Places(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = temporary.name
        worker = os.path.join(self.top, "backend", "worker")
        os.makedirs(worker)
        with open(os.path.join(worker, "ring.c"), "w",
                  encoding="ascii") as out:
            out.write(SOURCE)
        self.found = guard_places.in_sources(self.top)
        self.rows = {}
        for place in self.found:
            place.harnesses = "ring"
            self.rows[place.key()] = place

    def test_calls_are_found_with_their_function(self):
        self.assertEqual([p.key() for p in self.found], [
            ("backend/worker/ring.c", "first_look", "shared_load"),
            ("backend/worker/ring.c", "second_look", "shared_load")])
        self.assertEqual(self.found[0].text, "shared_load(memory, index(4))")
        self.assertEqual(self.found[0].lines, (5, 6))

    def test_the_second_call_of_a_function_is_another(self):
        with open(os.path.join(self.top, "backend/worker/ring.c"), "a",
                  encoding="ascii") as out:
            out.write("int f(void)\n{\n\treturn shared_load(a, 0) +\n"
                      "\t       shared_load(b, 0);\n}\n")
        found = guard_places.in_sources(self.top)
        self.assertEqual([(p.call, p.lines) for p in found[2:]],
                         [("shared_load", (15, 15)), ("shared_load 2", (16, 16))])

    def faults(self):
        return list(guard_places.faults(self.found, self.rows, ["ring"]))

    def test_a_place_that_is_not_listed(self):
        self.assertEqual(self.faults(), [])
        del self.rows[self.found[1].key()]
        self.assertRegex(self.faults()[0], r"ring.c:11: .*is not in fuzz/touch")

    def test_a_place_that_is_gone(self):
        self.found.pop()
        self.assertRegex(self.faults()[0], "which is not there any more")

    def test_a_place_that_nobody_must_reach_has_a_reason(self):
        for column, wrong in (("?", True), ("none: ", True), ("rings", True),
                              ("none: it is dead", False), ("", True)):
            self.found[0].harnesses = column
            self.assertEqual(bool(self.faults()), wrong, column)

    def test_a_list_is_written_and_read(self):
        path = os.path.join(self.top, "list.txt")
        guard_places.write(self.found, path)
        rows = guard_places.listed(path)
        self.assertEqual(rows[self.found[0].key()].names(), ["ring"])
        with open(path, "a", encoding="ascii") as out:
            out.write("backend/worker/ring.c shared_load(x)\n")
        with self.assertRaisesRegex(tree.Trouble, "a row is"):
            guard_places.listed(path)

    def test_a_place_that_the_corpus_does_not_reach(self):
        world = World(found=self.found, rows=self.rows,
                      counts={("backend/worker/ring.c", 6): 3,
                              ("backend/worker/ring.c", 11): 0})
        with self.assertRaisesRegex(
                guard.Failure, r"1 of 2 places .* second_look\(\): shared_load"):
            guard.touchpoints(world, "ring")
        world.counts["backend/worker/ring.c", 11] = 1
        self.assertEqual(guard.touchpoints(world, "ring"),
                         "2 of 2 places reached")

    def test_a_harness_without_a_place_says_why(self):
        world = World(counts={})
        with self.assertRaisesRegex(guard.Failure, "names no place for ring"):
            guard.touchpoints(world, "ring")
        world.limits["ring"]["no touchpoints"] = "it is a toy"
        self.assertIn("it is a toy", guard.touchpoints(world, "ring"))


class Okay(unittest.TestCase):
    def guard(self, requests, okay):
        said = (f"12 inputs played, {requests} requests answered, {okay} of "
                "them OKAY\n")
        return guard.okay(World(counts={}, hashes="", said=said), "ring")

    def test_shares(self):
        self.assertIn("50 % OKAY", self.guard(100, 50))
        with self.assertRaisesRegex(guard.Failure, "nothing gets deep"):
            self.guard(100, 2)
        with self.assertRaisesRegex(guard.Failure, "nothing gets deep"):
            self.guard(0, 0)
        with self.assertRaisesRegex(guard.Failure, "nothing is ever wrong"):
            self.guard(100, 99)

    def test_a_driver_that_says_nothing(self):
        with self.assertRaisesRegex(tree.Trouble, "says nothing of requests"):
            guard_plays.share_okay("done\n")


class Objects(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = temporary.name

    def compiled(self, name, code, *options):
        path = os.path.join(self.top, name)
        with open(path + ".c", "w", encoding="ascii") as out:
            out.write(code)
        subprocess.run(["gcc", *options, "-c", path + ".c", "-o", path],
                       check=True)
        return path

    def test_an_object_without_instrumentation_is_named(self):
        plain = self.compiled("plain.o", "int look(int *a) { return *a; }")
        table = self.compiled("table.o", "const int sizes[] = {1, 2};")
        asan = self.compiled("asan.o", "int look(int *a) { return *a; }",
                             "-fsanitize=address")
        symbols = guard_objects.symbols_of([plain, table, asan])
        wanted = {"AddressSanitizer": r"__asan_init"}
        found = list(guard_objects.objects_without(symbols, wanted))
        self.assertEqual(len(found), 1)
        self.assertIn("plain.o has no AddressSanitizer", found[0])

    def test_what_must_be_traced_and_what_must_not(self):
        self.compiled("f.o", "void __sanitizer_cov_trace_cmp4(void);"
                      "void f(void) { __sanitizer_cov_trace_cmp4(); }")
        for must, faults in ((True, 0), (False, 1)):
            table = (("*.o", "__sanitizer_cov_trace_cmp", must, "why"),)
            self.assertEqual(len(list(guard_objects.special_faults(
                self.top, table))), faults)

    def test_the_guard_passes_the_sentence_on(self):
        kept = guard_objects.faults
        self.addCleanup(setattr, guard_objects, "faults", kept)
        guard_objects.faults = lambda preset, binary: (
            [f"{binary} has no counters"] if preset == "afl" else [])
        with self.assertRaisesRegex(guard.Failure, "afl build .* no counters"):
            guard.instrumentation(World(bins="/b"), "ring")

    def test_a_file_that_is_no_object(self):
        with self.assertRaisesRegex(tree.Trouble, "nm failed"):
            guard_objects.symbols_of([os.path.join(self.top, "none.o")])


class Plays(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = temporary.name
        self.inputs = os.path.join(self.top, "inputs")
        os.mkdir(self.inputs)
        for name in "abc":
            with open(os.path.join(self.inputs, name), "wb") as out:
                out.write(name.encode())

    def program(self, name, text):
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return path

    def world(self, first):
        return World(bins=self.top, inputs=self.inputs, counts={}, said="",
                     hashes=first, limits={"ring": {"builds": ["fuzz"],
                                                    "slowest": 10}})

    def test_an_input_that_does_something_else(self):
        self.program("coverage-ring", "echo 11 x/a\necho 23 x/b\n")
        with self.assertRaisesRegex(guard.Failure, "1 inputs .* b first"):
            guard.stability(self.world("11 x/a\n22 x/b\n"), "ring")
        self.assertEqual(guard.stability(self.world("11 x/a\n23 x/b\n"),
                                         "ring"), "the same twice")

    def test_an_input_that_is_played_once_only(self):
        self.assertEqual(guard_plays.differing("1 x/a\n2 x/b\n", "1 x/a\n"),
                         ["b"])

    def test_edges_that_depend_on_what_came_before(self):
        """A fake afl-showmap; edge 9 is that of the first input alone."""
        kept = guard_plays.showmap
        self.addCleanup(setattr, guard_plays, "showmap", kept)

        def fake(_binary, inputs, _where):
            names = sorted(os.listdir(inputs))
            return {n: {"1"} | ({"9"} if i == 0 else set())
                    for i, n in enumerate(names)}

        guard_plays.showmap = fake
        wrong, edges = guard_plays.edges_again("x", self.inputs)
        self.assertEqual((wrong, edges), (["a", "c"], 2))
        guard_plays.showmap = lambda b, i, w: {n: {"1", "2"}
                                               for n in os.listdir(i)}
        self.assertEqual(guard_plays.edges_again("x", self.inputs), ([], 2))

    def test_a_harness_that_is_slow(self):
        """Each loop is some microseconds of the shell."""
        loop = ("n=0; runs=${1#-runs=}; while [ $n -lt $((runs * %d)) ]; do "
                "n=$((n + 1)); done\n")
        self.program("fuzz-empty", loop % 2000)
        self.program("fuzz-ring", loop % 60000)
        with self.assertRaisesRegex(guard.Failure, "not 10 times at most"):
            guard.speed(self.world(""), "ring")
        self.program("fuzz-ring", loop % 4000)
        self.assertIn("times the empty harness",
                      guard.speed(self.world(""), "ring"))

    def test_a_harness_that_fails_is_no_measurement(self):
        self.program("fuzz-ring", "exit 77\n")
        with self.assertRaisesRegex(tree.Trouble, "ended with 77"):
            guard.speed(self.world(""), "ring")


class Planted(unittest.TestCase):
    def guard(self, seconds):
        hunter = argparse.Namespace(hunt=lambda harness, corpus: (
            {"id": "S13", "what": "segments trade places"}, seconds, "oracle"))
        return guard.planted(World(planted=hunter, inputs="/c", bins="/b"), "ring")

    def test_found_and_not_found(self):
        self.assertIn("S13 found in 0.5 s", self.guard(0.5))
        with self.assertRaisesRegex(guard.Failure, "S13 .segments trade "
                                    "places. within 10 s"):
            self.guard(None)

    def test_a_row_without_a_bug(self):
        shop = guard_planted.Planted("/b", {"ring": {}}, 0)
        with self.assertRaisesRegex(tree.Trouble, "names no bug for ring"):
            shop.bug("ring")

    def test_a_bug_of_another_harness(self):
        shop = guard_planted.Planted("/b", {"link": {"bug": "S13"}}, 0)
        with self.assertRaisesRegex(tree.Trouble, "not for link"):
            shop.bug("link")


class Report(unittest.TestCase):
    def setUp(self):
        self.said = []
        kept = guard.say
        self.addCleanup(setattr, guard, "say", kept)
        guard.say = self.said.append

    def test_a_failure_has_a_sentence_and_a_command(self):
        world = World(counts={}, hashes="", said="1 requests answered, 0 of "
                      "them OKAY")
        row = guard.look(world, "ring", "okay")
        self.assertFalse(row["ok"])
        self.assertEqual(row["again"], "fuzz/xenblk-fuzz guard ring --only okay")
        self.assertIn("FAIL ring", self.said[0])
        self.assertIn(row["again"], self.said[1])

    def test_a_harness_without_a_row(self):
        row = guard.look(World(), "parade", "okay")
        self.assertIn("no row for parade", row["says"])

    def test_a_guard_that_does_not_apply_says_why(self):
        world = World(limits={"ring": {"without": {"speed": "it replays only"}}})
        row = guard.look(world, "ring", "speed")
        self.assertTrue(row["ok"])
        self.assertIn("it replays only", row["says"])

    def test_limits_that_cannot_be_read(self):
        with self.assertRaisesRegex(tree.Trouble, "cannot be read"):
            guard.read_limits("/no/limits.json")


class Complete(unittest.TestCase):
    """The lists of this tree."""

    def test_every_place_is_listed(self):
        self.assertEqual(list(guard_places.faults(
            guard_places.in_sources(), guard_places.listed(),
            tree.HARNESSES)), [])

    def test_every_harness_has_its_row_and_its_bug(self):
        limits = guard.read_limits()
        self.assertEqual(set(limits), set(tree.HARNESSES))
        shop = guard_planted.Planted("/b", limits, 0)
        for harness, row in limits.items():
            if "planted" not in row.get("without", {}):
                self.assertEqual(shop.bug(harness)["tier"], "A")
            self.assertLess(row["okay"][0], row["okay"][1])
            for reason in row.get("without", {}).values():
                self.assertGreater(len(reason), 20)

    def test_the_bank_offers_what_the_guard_needs(self):
        for name in ("Workshop", "hunt", "chosen"):
            self.assertTrue(hasattr(bank, name))


if __name__ == "__main__":
    unittest.main()
