#!/usr/bin/env python3
"""Proof that every rule of ci/tidy can be tripped.

For each rule: a small tree that breaks it (the rule must name file and line)
and one that looks alike and keeps it (the rule must stay silent).  A rule
without such a pair fails the last test: a rule that nobody can trip is none.
"""
import importlib.machinery
import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
from tidy_rules import RULES  # noqa: E402

loader = importlib.machinery.SourceFileLoader('tidy', str(HERE / 'tidy'))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader('tidy', loader))
loader.exec_module(tidy)

TOP = '/* owns nothing */\n'


def function(lines, name='queue_f', arguments='void'):
    body = ''.join(f'\tx{i}();\n' for i in range(lines - 3))
    return f'int {name}({arguments})\n{{\n{body}}}\n'


ROW = 'REFUSAL(TOO_LONG, "{}", -1, "too long")\n'
CLAUSE = 'CLAUSE("A1", "B", "MUST", "blkif.h, x",\n       "Do a|b.", "done", "")\n'
CLAUSE_ROW = '| A1 | B | MUST | Do a/b. *Here:* done. | blkif.h, x |\n'
CASE = {'conformance/cases/10.c': TOP + 'expect(REFUSE_TOO_LONG);\n'}

# rule: (files that break it, "path:line" of the finding, files that keep it)
PAIRS = {
    'function.length': (
        {'sim/a.c': TOP + function(71)}, 'sim/a.c:2',
        {'sim/a.c': TOP + function(70)}),
    'function.parameters': (
        {'sim/a.c': TOP + function(5, 'f', 'int a, int b, int c, int d, int e, int f, int g')}, 'sim/a.c:2',
        {'sim/a.c': TOP + function(5, 'f', 'int a, int b, int c, void (*d)(int, int), int e, int f')}),
    'file.length': (
        {'sim/a.c': TOP + '\n' * 600}, 'sim/a.c:601',
        {'sim/a.c': TOP + '\n' * 599}),
    'line.length': (
        {'sim/a.c': TOP + '/* ' + 'w' * 100 + ' */\n'}, 'sim/a.c:2',
        {'sim/a.c': TOP + '/* ' + 'w' * 90 + ' */\n'}),
    'goto.out': (
        {'sim/a.c': TOP + 'int f(void)\n{\n\tgoto again;\n}\n'}, 'sim/a.c:4',
        {'sim/a.c': TOP + 'int f(void)\n{\n\tgoto out;\nout:\n\treturn 0; /* never goto again */\n}\n'}),
    'include.direction': (
        {'backend/worker/a.c': TOP + '#include "backend/supervisor/store.h"\n'}, 'backend/worker/a.c:2',
        {'backend/worker/a.c': TOP + '#include "backend/base/log.h"\n/*\n#include "sim/sim.h"\n*/\n',
         'backend/worker/test_a.c': TOP + '#include "sim/sim.h"\n',
         'sim/c.c': TOP + '#include "backend/base/clock.h"\n'}),
    'xen.one_caller': (
        {'backend/worker/queue.c': TOP + 'int f(void)\n{\n\txengnttab_open(NULL, 0);\n}\n'}, 'backend/worker/queue.c:4',
        {'backend/worker/grants.c': TOP + 'int f(void)\n{\n\txengnttab_open(NULL, 0);\n}\n'}),
    'nbd.one_room': (
        {'backend/supervisor/a.c': TOP + 'int f(void)\n{\n\tnbd_create();\n}\n'}, 'backend/supervisor/a.c:4',
        {'backend/nbd/a.c': TOP + 'int f(void)\n{\n\tnbd_create();\n}\n'}),
    'xen.names': (
        {'frontend/a.c': TOP + 'int xs_mine(void)\n{\n}\n'}, 'frontend/a.c:2',
        {'sim/a.c': TOP + 'int xs_mine(void)\n{\n}\n', 'frontend/a.c': TOP + 'int xenblk_main(void)\n{\n}\n'}),
    'shared.accessors': (
        {'backend/worker/queue.c': TOP + 'int f(void)\n{\n\tshared_load(p);\n}\n'}, 'backend/worker/queue.c:4',
        {'backend/worker/ring.c': TOP + 'int f(void)\n{\n\tshared_load(p);\n}\n'}),
    'barrier.ring': (
        {'backend/worker/queue.c': TOP + 'int f(void)\n{\n\tatomic_thread_fence(x);\n}\n'}, 'backend/worker/queue.c:4',
        {'backend/worker/ring.c': TOP + 'int f(void)\n{\n\tatomic_thread_fence(x);\n}\n'}),
    'call.forbidden': (
        {'bench/a.c': TOP + 'int f(void)\n{\n\tstrcpy(a, b);\n}\n'}, 'bench/a.c:4',
        {'bench/a.c': TOP + 'int f(void)\n{\n\tmy_strcpy(a, b); /* not strcpy(a, b) */\n\tputs("system()");\n\tq->random(1);\n}\n'}),
    'alloc.request_path': (
        {'backend/worker/submit.c': TOP + 'int submit_take(void)\n{\n\tmalloc(1);\n}\n'}, 'backend/worker/submit.c:4',
        {'backend/worker/submit.c': TOP + 'int submit_create(void)\n{\n\tmalloc(1);\n}\n'}),
    'backend.no_variants': (
        {'backend/base/a.c': TOP + '#ifdef FUZZING\n#endif\n'}, 'backend/base/a.c:2',
        {'backend/base/a.c': TOP + '#if defined(__clang__)\n#endif\n', 'sim/a.c': TOP + '#ifdef FUZZING\n#endif\n'}),
    'backend.no_globals': (
        {'backend/base/a.c': TOP + 'static const int fine = 1;\nstatic struct list {\n\tint n;\n} list[4];\n'}, 'backend/base/a.c:3',
        {'backend/base/a.c': TOP + 'static const char *const names[] = {\n\t"a",\n};\nstruct a {\n\tint b;\n};\n'
         'int a_f(int x);\nint a_f(int x)\n{\n\tstatic const int y = 1;\n\tint z = x;\n\treturn z;\n}\nenum e {\n\tE,\n};\n'}),
    'words.unfinished': (
        {'sim/a.c': TOP + '/* TO' 'DO: more */\n'}, 'sim/a.c:2',
        {'sim/a.c': TOP + '/* all done; TODOS is a Spanish word */\n'}),
    'words.swallowed': (
        {'tests/a.sh': 'false || ' 'true\n'}, 'tests/a.sh:1',
        {'tests/a.sh': '# never "|| ' 'true"\nfalse || truecolor\n'}),
    'coverage.reason': (
        {'sim/a.c': TOP + 'abort(); /* LCOV_' 'EXCL_LINE */\n'}, 'sim/a.c:2',
        {'sim/a.c': TOP + 'abort(); /* LCOV_' 'EXCL_LINE: nobody comes back from here */\n'}),
    'words.machine': (
        {'ci/a': 'cd /wor' 'k/main\n'}, 'ci/a:1',
        {'ci/a': 'cd backend/worker/ && ls /srv\n'}),
    'words.space': (
        {'ci/a': 'echo \n'}, 'ci/a:1',
        {'ci/a': 'echo\n'}),
    'corpora.size': (
        {'corpora/ring/seeds/a': 'a' * (5 << 20), 'corpora/link/corpus/b': 'b'}, 'corpora:1',
        {'corpora/ring/seeds/a': 'a' * (5 << 20)}),
    'corpora.names': (
        {'corpora/ring/corpus/a': 'abc'}, 'corpora/ring/corpus/a:1',
        {'corpora/ring/corpus/a9993e364706816aba3e25717850c26c9cd0d89d': 'abc', 'corpora/ring/seeds/a': 'abc'}),
    'comment.first': (
        {'sim/a.c': '#include <stdio.h>\n'}, 'sim/a.c:1',
        {'sim/a.c': TOP + '#include <stdio.h>\n'}),
    'comment.public': (
        {'backend/base/a.h': TOP + '\nint a_f(int x);\n'}, 'backend/base/a.h:3',
        {'backend/base/a.h': TOP + '\n/** a_f() - one. */\nint a_f(int x);\nint a_g(int x,\n\t  int y);\n\nstruct a {\n\tint (*f)(int x);\n};\n'}),
    'name.prefix': (
        {'backend/base/link.c': TOP + 'int helper(void)\n{\n}\n'}, 'backend/base/link.c:2',
        {'backend/base/link.c': TOP + 'int link_send(void)\n{\n}\nstatic int helper(void)\n{\n}\n',
         'backend/base/wire.h': TOP, 'backend/base/out.c': TOP + 'int wire_out(void)\n{\n}\n'}),
    'test.hollow': (
        {'sim/test_a.c': TOP + 'int f(void)\n{\n\tassert_true(true);\n}\n'}, 'sim/test_a.c:4',
        {'sim/test_a.c': TOP + 'int f(void)\n{\n\tassert_true(x == true);\n\tassert_int_equal(1, 2);\n}\n'}),
    'refusal.case': (
        {'backend/base/refusals.def': TOP + ROW.format('J1'), 'conformance/cases/10.c': TOP}, 'backend/base/refusals.def:2',
        {'backend/base/refusals.def': TOP + ROW.format('J1'), **CASE}),
    'doc.rooms': (
        {'backend/base/a.c': TOP, 'doc/architecture.md': '`b.c` owns nothing\n'}, 'backend/base/a.c:1',
        {'backend/base/a.c': TOP, 'backend/base/test_a.c': TOP, 'doc/architecture.md': '`a.c` owns nothing\n'}),
    'protocol.current': (
        {'conformance/catalogue/clauses.def': CLAUSE, 'doc/protocol.md': '# words\n\n| A1 | B | MUST | something else |  | |\n' + CLAUSE_ROW},
        'doc/protocol.md:3',
        {'conformance/catalogue/clauses.def': CLAUSE, 'doc/protocol.md': CLAUSE_ROW}),
    'refusal.clause': (
        {'backend/base/refusals.def': TOP + ROW.format('J9'), 'doc/protocol.md': '| J1 | B | MUST | sentence |\n'}, 'backend/base/refusals.def:2',
        {'backend/base/refusals.def': TOP + ROW.format('J1'), 'doc/protocol.md': '| J1 | B | MUST | sentence |\n'}),
}


class Base(unittest.TestCase):
    def tree(self, files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for path, text in files.items():
            p = Path(folder.name) / path
            p.parent.mkdir(parents=True, exist_ok=True)
            p.write_text(text)
        return tidy.Tree(folder.name)

    def found(self, files, only=None):
        return [(f'{path}:{line}', name) for path, line, name, _ in tidy.apply(self.tree(files), only)]


class Rules(Base):
    def test_every_rule_is_proven(self):
        self.assertEqual(set(PAIRS), set(RULES))


def add(name, broken, place, kept):
    def trips(self):
        self.assertEqual(self.found(broken, [name]), [(place, name)])

    def stays_silent(self):
        self.assertEqual(self.found(kept, [name]), [])
    setattr(Rules, f'test_{name}_trips', trips)
    setattr(Rules, f'test_{name}_stays_silent', stays_silent)


for row_name, row in PAIRS.items():
    add(row_name, *row)


class Exceptions(Base):
    LONG = {'sim/a.c': TOP + function(71)}

    def test_an_exception_covers_its_finding(self):
        rows = {'ci/tidy.exceptions': 'function.length sim/a.c:queue_f generated table\n'}
        self.assertEqual(self.found({**self.LONG, **rows}), [])

    def test_an_exception_for_another_word_does_not(self):
        rows = {'ci/tidy.exceptions': 'function.length sim/a.c:other generated table\n'}
        self.assertEqual(self.found({**self.LONG, **rows}),
                         [('ci/tidy.exceptions:1', 'exception.unused'), ('sim/a.c:2', 'function.length')])

    def test_an_exception_without_a_reason_is_refused(self):
        with self.assertRaises(SystemExit):
            self.found({**self.LONG, 'ci/tidy.exceptions': 'function.length sim/a.c\n'})


class Seeing(Base):
    def test_function_spans(self):
        source = self.tree({'a.c': TOP + 'static int\nf(int a,\n  int b)\n{\n\treturn 1;\n}\n\nCASE("X", MUST, "words")\n{\n}\n'}).sources[0]
        self.assertEqual([(f.name, f.first, f.last, f.parameters(), f.static) for f in source.functions],
                         [('f', 2, 7, 2, True), ('CASE', 9, 11, 3, False)])

    def test_comments_and_strings_are_blank(self):
        source = self.tree({'a.c': '/* x\n y */ int a; // b\nchar *s = "c \\" d";\n'}).sources[0]
        self.assertEqual([line.split() for line in source.code], [[], ['int', 'a;'], ['char', '*s', '=', '"', '";']])

    def test_an_empty_tree_is_not_clean(self):
        sys.argv = ['tidy', '--top', str(self.tree({'README.md': 'x\n'}).top)]
        self.assertEqual(tidy.main(), 3)


if __name__ == '__main__':
    unittest.main()
