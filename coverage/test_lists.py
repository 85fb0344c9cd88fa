#!/usr/bin/env python3
"""Proof that coverage/report reads lcov's files right and that its lists can fail."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import figures  # noqa: E402
import lists  # noqa: E402

INFO = '''TN:
SF:/top/backend/worker/a.c
FN:10,first
FN:20,second
FNDA:3,first
FNDA:0,second
DA:10,3
DA:11,0
DA:20,0
DA:21,0
BRDA:11,0,0,1
BRDA:11,0,1,0
BRDA:21,0,0,-
BRF:3
BRH:1
LF:4
LH:1
end_of_record
'''


class Lists(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.here, lists.HERE = lists.HERE, Path(self.temporary.name)
        self.addCleanup(setattr, lists, 'HERE', self.here)
        (lists.HERE / 'info').write_text(INFO)
        self.files = figures.read(lists.HERE / 'info', '/top')

    def write(self, name, text):
        (lists.HERE / name).write_text(text)

    def test_functions_know_what_was_missed(self):
        first, second = self.files['backend/worker/a.c'].functions()
        self.assertEqual((first.lines, first.missed_lines, first.branches, first.missed_branches), (2, [11], 2, 1))
        self.assertFalse(first.unreached)
        self.assertTrue(second.unreached)

    def test_totals_of_a_folder_and_of_the_whole(self):
        table = figures.totals(self.files)
        self.assertEqual(table['backend/worker'], [4, 1, 3, 1])
        self.assertEqual(table['backend'], table['backend/worker'])

    def test_a_floor_that_does_not_hold_is_named(self):
        self.write('floors.txt', 'corpora backend/worker 25 33\ncorpora backend/base 1 1\ntests backend/worker 26 0\n')
        table = figures.totals(self.files)
        self.assertEqual(lists.below('corpora', table), ['floors.txt names backend/base, which there is not'])
        self.assertIn('its floor is 26 / 0', lists.below('tests', table)[0])

    def test_what_no_corpus_reaches_needs_a_row(self):
        self.write('left.txt', '# none\n')
        self.assertEqual(lists.judge_left(self.files), [
            'backend/worker/a.c:second is reached by no corpus, and left.txt does not say why'])
        self.write('left.txt', 'open backend/worker/a.c:second needs a second disk\n')
        self.assertEqual(lists.judge_left(self.files), [])
        self.write('left.txt', 'outside backend/worker/a.c the whole file\n')
        self.assertEqual(lists.judge_left(self.files), [])
        self.assertEqual(lists.without_outside(self.files), [2, 1, 2, 1])
        self.write('left.txt', 'chance backend/worker/a.c as threads run\nchance backend/worker/a.c:first it is reached\n')
        self.assertEqual(lists.judge_left(self.files), [])

    def test_a_row_that_nothing_needs_is_named(self):
        self.write('left.txt', 'open backend/worker/a.c x\nopen backend/worker/a.c:first y\nopen backend/b.c z\n')
        found = lists.judge_left(self.files)
        self.assertEqual(len(found), 2)
        self.assertIn('a.c:first, which the corpora reach by now', found[0])
        self.assertIn('backend/b.c, which there is not', found[1])

    def test_a_row_without_reason_is_a_sentence(self):
        self.write('exclusions.txt', 'files */test_*\n')
        with self.assertRaisesRegex(lists.Bad, 'exclusions.txt:1: a row is'):
            lists.exclusions()
        self.write('left.txt', 'perhaps backend/a.c why\n')
        with self.assertRaisesRegex(lists.Bad, 'left.txt:1'):
            lists.left()


class Committed(unittest.TestCase):
    def test_the_lists_of_the_tree_can_be_read(self):
        self.assertTrue(lists.floors())
        self.assertTrue(all(lists.exclusions()))
        lists.left()


if __name__ == '__main__':
    unittest.main()
