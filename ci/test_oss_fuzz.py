#!/usr/bin/env python3
"""Proof that ci/oss-fuzz/try objects to what OSS-Fuzz would object to."""
import importlib.machinery
import importlib.util
import shutil
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader('oss_fuzz_try', str(HERE / 'oss-fuzz' / 'try'))
attempt = importlib.util.module_from_spec(importlib.util.spec_from_loader('oss_fuzz_try', loader))
loader.exec_module(attempt)


class Objections(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.out = Path(temporary.name)
        shutil.copy('/bin/true', self.out / 'ring')
        (self.out / 'ring.options').write_text('[libfuzzer]\nmax_len = 64\n')
        with zipfile.ZipFile(self.out / 'ring_seed_corpus.zip', 'w') as seeds:
            seeds.writestr('one', b'1')

    def objects(self, words, function, *arguments):
        with self.assertRaisesRegex(attempt.Bad, words):
            function(*arguments)

    def test_a_form_that_is_right(self):
        self.assertEqual(attempt.check_form(self.out, 'ring'), 64)

    def test_names_programs_options_and_seeds(self):
        self.objects('other characters', attempt.check_form, self.out, 'ring.exe')
        (self.out / 'ring.options').write_text('max_len = 64\n')
        self.objects('not what libFuzzer reads', attempt.check_form, self.out, 'ring')
        (self.out / 'ring').write_text('#!/bin/sh\n')
        self.objects('is no program', attempt.check_form, self.out, 'ring')
        shutil.copy('/bin/true', self.out / 'ring')
        (self.out / 'ring.options').write_text('[libfuzzer]\nmax_len = 64\n')
        with zipfile.ZipFile(self.out / 'ring_seed_corpus.zip', 'w'):
            pass
        self.objects('empty or broken', attempt.check_form, self.out, 'ring')

    def test_a_program_without_instrumentation(self):
        self.objects('nothing in it calls the address', attempt.check_instrumentation, self.out / 'ring', 'address')

    def test_a_library_that_the_runner_lacks(self):
        attempt.check_libraries(self.out / 'ring')
        program = shutil.which('git')
        self.objects('which the runner lacks', attempt.check_libraries, program)

    def test_a_run_that_fails(self):
        self.objects('without seeds: status 1', attempt.check_run, ['/bin/false'], 'without seeds')

    def test_both_copies_of_the_contract_are_one(self):
        attempt.same_contract()


if __name__ == '__main__':
    unittest.main()
