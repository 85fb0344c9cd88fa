#!/usr/bin/env python3
"""Proof that a guard that fails anyway, notices nothing, or says something else is no
guard, and that a copy is whole again after each sabotage."""

import argparse
import json
import os
import stat
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import guard  # noqa: E402
import guard_sabotage  # noqa: E402
import tree  # noqa: E402

PATCH = """\
# what: a word is another one
# guard: okay
# harness: link
# says: nothing gets deep
--- a/word
+++ b/word
@@ -1 +1 @@
-good
+bad
"""
# A guard of a copy: fails where the word is bad, or the environment says so.
COMMAND = """#!/bin/sh
word=$(cat "$(dirname "$0")/../word")
[ "$word" = good ] && [ -z "${XENBLK_ORACLES:-}" ] && ok=true || ok=false
echo "{\\"guards\\": [{\\"ok\\": $ok, \\"says\\": \\"$word: %s\\"}]}"
"""


class Sabotage(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.top = os.path.join(place.name, "top")
        self.where = os.path.join(place.name, "guards")
        os.makedirs(os.path.join(self.top, "fuzz"))
        os.mkdir(self.where)
        self.write(os.path.join(self.top, "word"), "good\n")
        self.command("nothing gets deep")
        patcher = mock.patch.object(guard_sabotage, "say", lambda text: None)
        patcher.start()
        self.addCleanup(patcher.stop)

    def write(self, path, text):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)

    def command(self, says, text=COMMAND):
        path = os.path.join(self.top, "fuzz", "xenblk-fuzz")
        self.write(path, text.replace("%s", says))
        os.chmod(path, stat.S_IRWXU)

    def sabotage(self, text=PATCH):
        self.write(os.path.join(self.where, "one.patch"), text)
        return guard_sabotage.sabotages(guard.GUARDS, self.where)[0]

    def attempt(self, text=PATCH):
        return guard_sabotage.attempt(self.top, self.sabotage(text), {})

    def test_what_is_noticed_as_promised(self):
        row = self.attempt()
        self.assertTrue(row["noticed"], row)
        self.assertEqual(row["says"], "bad: nothing gets deep")
        with open(os.path.join(self.top, "word"), encoding="ascii") as text:
            self.assertEqual(text.read(), "good\n")

    def test_what_is_not_noticed(self):
        row = self.attempt(PATCH.replace("+bad", "+good"))
        self.assertFalse(row["noticed"])
        self.assertIn("does not notice", row["says"])

    def test_another_sentence(self):
        self.command("nothing is ever wrong")
        row = self.attempt()
        self.assertFalse(row["noticed"])
        self.assertIn("says something else", row["says"])

    def test_a_guard_that_fails_anyway(self):
        self.write(os.path.join(self.top, "word"), "bad\n")
        row = self.attempt()
        self.assertFalse(row["noticed"])
        self.assertIn("fails anyway", row["says"])

    def test_an_environment_is_one_too(self):
        text = PATCH[:PATCH.index("---")] + "# env: XENBLK_ORACLES=-memory\n"
        self.assertTrue(self.attempt(text)["noticed"])

    def test_a_command_that_breaks_is_no_guard_that_failed(self):
        self.command("", "#!/bin/sh\necho no compiler >&2\nexit 4\n")
        with self.assertRaisesRegex(tree.Trouble, "no compiler"):
            self.attempt()

    def test_headers(self):
        for old, new, says in (
                ("# guard: okay", "# guard: oka", "does not exist"),
                ("# harness: link", "# harness: lin", "does not exist"),
                ("# says: ", "# sais: ", "has no .# says"),
                ("# what", "# test: x\n# what", "that nobody reads"),
                ("# what", "# env: x\n# what", "no NAME=VALUE")):
            with self.assertRaisesRegex(tree.Trouble, says):
                self.sabotage(PATCH.replace(old, new))


class Complete(unittest.TestCase):
    """The sabotages of this tree."""

    def test_every_guard_has_one_that_fits_the_sources(self):
        found = guard_sabotage.sabotages(guard.GUARDS)
        self.assertEqual({s["guard"] for s in found}, set(guard.GUARDS))
        for sabotage in found:
            if sabotage["patched"]:
                guard_sabotage.patch(tree.ROOT, sabotage, "--dry-run")

    def test_those_that_are_wanted(self):
        def names(harness, only):
            return [s["name"] for s in guard_sabotage.chosen(
                guard.GUARDS, argparse.Namespace(harness=harness, only=only))]

        self.assertEqual(names("all", "planted"), ["planted-oracles"])
        self.assertEqual(names("link", "okay"),
                         ["okay-everything", "okay-nothing"])
        with self.assertRaisesRegex(tree.Trouble, "no sabotage of okay"):
            names("io", "okay")

    def test_the_report(self):
        rows = [{"noticed": True}, {"noticed": False}]
        args = argparse.Namespace(harness="link", only="okay", json=True)
        said = []
        with mock.patch.object(guard_sabotage, "attempt",
                               lambda top, sabotage, sound: rows.pop()), \
             mock.patch.object(guard_sabotage, "copy_into", lambda base: base), \
             mock.patch.object(guard_sabotage, "claim", lambda path: (
                 path, open(os.devnull, encoding="ascii"))), \
             mock.patch("builtins.print", said.append):
            self.assertEqual(guard_sabotage.try_all(guard.GUARDS, args), 1)
        self.assertEqual(json.loads(said[0])["missed"], 1)


if __name__ == "__main__":
    unittest.main()
