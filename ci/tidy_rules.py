"""The rules of ci/tidy, each with an id and a sentence.

A rule is a generator over the tree that yields (path, line, what it found).
ci/test_tidy.py proves for every rule that something trips it.
"""
import hashlib
import re
from pathlib import Path

import protocol
from tidy_source import mutable_globals

RULES = {}


def rule(name, sentence):
    def register(check):
        RULES[name] = (sentence, check)
        return check
    return register


def c_files(tree, *folders, tests=False):
    for s in tree.sources:
        if s.is_c and (not folders or s.within(*folders)) and (tests or not s.is_test):
            yield s


def find(source, pattern, lines=None):
    """(line number, match) for each hit in the code, comments left out."""
    for i, line in enumerate(source.code if lines is None else lines, 1):
        for m in re.finditer(pattern, line):
            yield i, m


# --- shape -------------------------------------------------------------------

FUNCTION_LINES = 70
FILE_LINES = 600
FILE_LINES_WARN = 400
PARAMETERS = 6
PARAMETERS_WARN = 4
CORPORA_BYTES = 5 << 20


@rule('function.length', f'A function has at most {FUNCTION_LINES} lines, signature and braces included.')
def function_length(tree):
    for s in c_files(tree, tests=True):
        for f in s.functions:
            if f.lines > FUNCTION_LINES:
                yield s.path, f.first, f'{f.name}() has {f.lines} lines'


@rule('function.parameters', f'A function has at most {PARAMETERS} parameters; beyond {PARAMETERS_WARN} a struct reads better.')
def function_parameters(tree):
    for s in c_files(tree):
        for f in s.functions:
            if f.parameters() > PARAMETERS and not re.match(r'(xen|xs_|xc_)', f.name):
                yield s.path, f.first, f'{f.name}() has {f.parameters()} parameters'


@rule('file.length', f'A file has at most {FILE_LINES} lines; above {FILE_LINES_WARN} ask whether it is still one noun.')
def file_length(tree):
    for s in tree.sources:
        if (s.is_c or s.path.startswith('ci/')) and len(s.lines) > FILE_LINES:
            yield s.path, len(s.lines), f'{len(s.lines)} lines'


@rule('line.length', 'A line of C has at most 100 characters (clang-format holds code to 80; this holds words); rows of tables (.def) are free.')
def line_length(tree):
    for s in c_files(tree, tests=True):
        for i, line in enumerate([] if s.path.endswith('.def') else s.lines, 1):
            if len(line.expandtabs(8)) > 100:
                yield s.path, i, f'{len(line.expandtabs(8))} characters'


@rule('goto.out', 'goto leads forward to the one label out, nowhere else.')
def goto_out(tree):
    for s in c_files(tree, tests=True):
        for i, m in find(s, r'\bgoto\s+(\w+)'):
            if m.group(1) != 'out':
                yield s.path, i, f'goto {m.group(1)}'
        for f in s.functions:
            label = next((i for i, l in enumerate(f.code) if re.match(r'\s*out:', l)), None)
            for i, line in enumerate(f.code):
                if label is not None and i > label and re.search(r'\bgoto\s+out\b', line):
                    yield s.path, f.first + i, 'goto leads backwards'


# --- who may know whom ---------------------------------------------------------

# folder -> prefixes of what its files may include; the longest folder counts.
MAY_INCLUDE = {
    'backend/base': ('backend/base/',),
    'backend/image': ('backend/base/', 'backend/image/'),
    'backend/nbd': ('backend/base/', 'backend/image/', 'backend/nbd/'),
    'backend/worker': ('backend/base/', 'backend/image/', 'backend/nbd/image.h', 'backend/worker/'),
    'backend/supervisor': ('backend/base/', 'backend/image/image.h', 'backend/nbd/export.h', 'backend/supervisor/'),
    'backend/ctl': ('backend/base/', 'backend/ctl/'),
    'backend': ('backend/',),
    'frontend': ('frontend/',),
    'sim': ('sim/', 'backend/base/clock.h'),
    # The reader of recordings stands on base alone, and makes seeds as well.
    'conformance/recording': ('conformance/recording/', 'backend/base/'),
    'fuzz': ('fuzz/', 'sim/', 'backend/', 'frontend/', 'conformance/recording/'),
    'conformance': ('conformance/', 'sim/', 'backend/', 'frontend/'),
    'bench': ('bench/', 'sim/', 'frontend/'),
    'tests': ('tests/', 'backend/', 'frontend/', 'sim/', 'conformance/', 'fuzz/'),
}
TESTS_MAY_INCLUDE = ('sim/', 'frontend/')


@rule('include.direction', 'Dependencies point one way: backend includes nothing from other folders, worker and supervisor '
      'never each other, frontend only itself, sim only itself and the clock it replaces.')
def include_direction(tree):
    for s in c_files(tree, tests=True):
        folder = max((f for f in MAY_INCLUDE if s.within(f)), key=len, default=None)
        if folder is None:
            continue
        allowed = MAY_INCLUDE[folder] + ('version.h',)
        if s.is_test:
            allowed += TESTS_MAY_INCLUDE
        for i, code in enumerate(s.code, 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', s.lines[i - 1])
            if not m or not code.lstrip().startswith('#'):
                continue
            target = m.group(1)
            if '/' not in target and target != 'version.h':
                target = f'{Path(s.path).parent}/{target}'
            if not target.startswith(allowed):
                yield s.path, i, f'{folder}/ may not include "{m.group(1)}"'


ONE_CALLER = (
    # folder, library, its calls, its header, the one module of the folder that may
    ('backend', 'libxengnttab', r'\bxengnttab_\w+\s*\(', 'xengnttab.h', 'backend/worker/grants.c'),
    ('backend', 'libxenevtchn', r'\bxenevtchn_\w+\s*\(', 'xenevtchn.h', 'backend/worker/channel.c'),
    ('backend', 'libxenstore', r'\bxs_\w+\s*\(', 'xenstore.h', 'backend/supervisor/store.c'),
    ('conformance/lab/exec', 'libxenstore', r'\bxs_\w+\s*\(', 'xenstore.h', 'conformance/lab/exec/store.c'),
)


@rule('xen.one_caller', 'In backend/ each Xen library is called from one module only: grants.c, channel.c, store.c; '
      "and xenstore from one module of the laboratory's bridge.")
def xen_one_caller(tree):
    for folder, library, calls, header, module in ONE_CALLER:
        for s in c_files(tree, folder):
            if s.path in (module, module[:-1] + 'h'):
                continue
            for i, m in find(s, calls):
                yield s.path, i, f'{m.group(0)[:-1].strip()}() of {library} belongs to {module}'
            for i, m in find(s, r'^\s*#\s*include\s*<' + re.escape(header) + '>'):
                yield s.path, i, f'<{header}> belongs to {module}'


@rule('nbd.one_room', 'In backend/ only nbd/ calls libnbd: what opens no connection needs no such library.')
def nbd_one_room(tree):
    for s in c_files(tree, 'backend', tests=True):
        if s.within('backend/nbd'):
            continue
        for i, m in find(s, r'\bnbd_\w+\s*\('):
            yield s.path, i, f'{m.group(0)[:-1].strip()}() of libnbd belongs to backend/nbd/'
        for i, _ in find(s, r'^\s*#\s*include\s*<libnbd\.h>'):
            yield s.path, i, '<libnbd.h> belongs to backend/nbd/'


@rule('xen.names', 'No symbol of ours starts like one of the Xen libraries or headers; only sim/ defines those.')
def xen_names(tree):
    for s in c_files(tree):
        if s.within('sim'):
            continue
        for f in s.functions:
            if re.match(r'(xen(?!blk)|xs_|xc_|xtl_|gnt|blkif|RING_)', f.name):
                yield s.path, f.first, f'defines {f.name}()'
        for i, m in find(s, r'^\s*#\s*define\s+((?:xen(?!blk)|xs_|gnt|blkif|BLKIF_|RING_)\w*)'):
            yield s.path, i, f'defines {m.group(1)}'


SHARED_FILES = ('ring.c', 'abi.c', 'abi.h', 'shared.h', 'indirect.c', 'persistent.c')


@rule('shared.accessors', 'Only ring.c, abi.c, indirect.c, persistent.c and shared.h touch memory that a guest can write.')
def shared_accessors(tree):
    for s in c_files(tree, 'backend'):
        if s.name in SHARED_FILES:
            continue
        for i, m in find(s, r'\bshared_(?:load|store|copy|read|write|fence|barrier)\w*\s*\(|\bRING_[A-Z_]+\s*\(|\b(?:s|b)ring\s*->|\bnoderef\b'):
            yield s.path, i, f'{m.group(0).strip()} touches shared memory'


@rule('barrier.ring', 'Barriers stand in ring.c and shared.h only, where their partner on the other side is named.')
def barrier_ring(tree):
    for s in c_files(tree, 'backend'):
        if s.name in ('ring.c', 'shared.h'):
            continue
        for i, m in find(s, r'\b(?:atomic_thread_fence|__sync_synchronize|xen_[rw]?mb|__atomic_thread_fence)\s*\('):
            yield s.path, i, f'{m.group(0)[:-1].strip()}()'


# --- what may not be called ----------------------------------------------------

FORBIDDEN = {
    'strcpy': 'it has no bound; use snprintf or memcpy with a checked length',
    'strcat': 'it has no bound; use snprintf',
    'sprintf': 'it has no bound; use snprintf',
    'vsprintf': 'it has no bound; use vsnprintf',
    'gets': 'it has no bound',
    'strtok': 'it keeps hidden state and eats empty fields',
    'atoi': 'it cannot report an error; use strtoul with checks',
    'atol': 'it cannot report an error; use strtoul with checks',
    'atoll': 'it cannot report an error; use strtoull with checks',
    'alloca': 'a size must not come from the stack',
    'rand': 'use a generator with a seed of its own',
    'srand': 'use a generator with a seed of its own',
    'random': 'use a generator with a seed of its own',
    'system': 'no shell between us and a program',
    'popen': 'no shell between us and a program',
    'tmpnam': 'use mkstemp or memfd_create',
    'sleep': 'wait for the event itself, with a bound',
    'usleep': 'wait for the event itself, with a bound',
}


@rule('call.forbidden', 'Calls without a bound, with hidden state or through a shell are not made.')
def call_forbidden(tree):
    pattern = r'(?<![\w.>])(' + '|'.join(FORBIDDEN) + r')\s*\('
    for s in c_files(tree, tests=True):
        for i, m in find(s, pattern):
            if not re.match(r'\s*#', s.code[i - 1]):
                yield s.path, i, f'{m.group(1)}(): {FORBIDDEN[m.group(1)]}'


HOT = ('queue.c', 'turn.c', 'io.c', 'indirect.c', 'ring.c', 'request.c', 'submit.c', 'persistent.c', 'pages.c',
       'grants.c', 'abi.c', 'order.c', 'channel.c')
LIFE = re.compile(r'(create|open|attach|init|new|destroy|detach|start)')


@rule('alloc.request_path', "Nothing is allocated on the request path: the worker's hot files allocate in create, open, attach and init functions only.")
def alloc_request_path(tree):
    for s in c_files(tree, 'backend/worker'):
        if s.name not in HOT:
            continue
        for f in s.functions:
            if LIFE.search(f.name):
                continue
            for i, line in enumerate(f.code):
                m = re.search(r'\b(malloc|calloc|realloc|aligned_alloc|posix_memalign|strdup|asprintf)\s*\(', line)
                if m:
                    yield s.path, f.first + i, f'{m.group(1)}() in {f.name}()'


@rule('backend.no_variants', 'backend/ has no code for tests or fuzzers: no #if but guards of compiler attributes.')
def backend_no_variants(tree):
    for s in c_files(tree, 'backend'):
        for i, m in find(s, r'^\s*#\s*(if|ifdef|ifndef|elif)\b(.*)'):
            condition = m.group(2).strip()
            if re.search(r'TEST|FUZZ|DEBUG|SIM|MOCK|SANITIZE|__AFL', condition) or not re.fullmatch(
                    r'(defined\s*\(?)?\s*(__clang__|__GNUC__|__x86_64__|__i386__|__has_attribute\s*\(\w+\)|__has_feature\s*\(\w+\)|__STDC_\w+)\s*\)?', condition):
                yield s.path, i, f'#{m.group(1)} {condition}'


@rule('backend.no_globals', 'backend/ keeps no mutable variable with file scope, but the level in log.c.')
def backend_no_globals(tree):
    for s in c_files(tree, 'backend'):
        if s.path == 'backend/base/log.c':
            continue
        for line, name in mutable_globals(s):
            yield s.path, line, f'{name} is a mutable variable with file scope'


# --- words -------------------------------------------------------------------

UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
SWALLOWED = re.compile(r'\|\|\s*(true|:)(\s|;|$|\))')
MACHINE = re.compile(r'(?<![\w.])/(wor' r'k|far' r'm|roo' r't|hom' r'e/\w+)/|\.\./shar' r'ed\b|\bshared/tri' r'al\b')
# An end needs no reason of its own: its start has one.
EXCLUDED = re.compile(r'\b[LG]COV_EXCL_(BR_|EXCEPTION_)?(LINE|START)\b')
HOLLOW = re.compile(r'\bassert_true\s*\(\s*(1|true)\s*\)|\bassert_int_equal\s*\(\s*(\d+)\s*,\s*\2\s*\)')


@rule('words.unfinished', 'No marker of unfinished work: it is done, or it is an issue.')
def words_unfinished(tree):
    for s in tree.sources:
        for i, line in enumerate(s.lines, 1):
            m = UNFINISHED.search(line)
            if m:
                yield s.path, i, f'"{m.group(0)}"'


@rule('words.swallowed', 'A script does not swallow a failure.')
def words_swallowed(tree):
    for s in tree.sources:
        if not s.is_c and not s.path.endswith('.md'):
            for i, line in enumerate(s.lines, 1):
                if SWALLOWED.search(line) and not line.lstrip().startswith('#'):
                    yield s.path, i, line.strip()


@rule('coverage.reason', 'Code that coverage leaves out says why, on the line of its marker.')
def coverage_reason(tree):
    for s in tree.sources:
        for i, line in enumerate(s.lines, 1):
            m = EXCLUDED.search(line)
            if s.is_c and m and not re.match(r':\s*\w+', line[m.end():]):
                yield s.path, i, f'{m.group(0)} without ": reason"'


@rule('words.machine', 'No path of one machine: the project stands alone.')
def words_machine(tree):
    for s in tree.sources:
        for i, line in enumerate(s.lines, 1):
            m = MACHINE.search(line)
            if m:
                yield s.path, i, f'"{m.group(0)}"'


@rule('words.space', 'No blanks at the end of a line, and a newline at the end of a file.')
def words_space(tree):
    for s in tree.sources:
        for i, line in enumerate(s.lines, 1):
            if line != line.rstrip():
                yield s.path, i, 'blanks at the end of the line'
        if s.text and not s.text.endswith('\n'):
            yield s.path, len(s.lines), 'no newline at the end of the file'


@rule('comment.first', 'The first thing in a C file is a comment: what it owns, who calls it, what it never does.')
def comment_first(tree):
    for s in c_files(tree, tests=True):
        if not s.text.lstrip().startswith(('/*', '//')):
            yield s.path, 1, 'no comment at the top'


@rule('comment.public', 'Every function in a header of backend/ has a comment, or stands in a commented group.')
def comment_public(tree):
    for s in c_files(tree, 'backend'):
        if s.name.endswith('.h'):
            yield from uncommented(s)


def uncommented(source):
    """Prototypes at depth 0 whose paragraph has no comment above or beside it."""
    depth, paragraph_has_comment, statement = 0, False, ''
    for i, line in enumerate(source.code):
        raw = source.lines[i]
        if not raw.strip():
            paragraph_has_comment = False
            statement = ''
            continue
        if '/*' in raw or raw.lstrip().startswith(('*', '//')):
            paragraph_has_comment = True
        if depth == 0 and not line.lstrip().startswith('#'):
            statement += line + ' '
            m = re.match(r'\s*(?!typedef|struct \w+ \{|enum|return)[\w\s\*]+?\b([a-z]\w*)\s*\(.*[;{]\s*$', statement)
            if m and not paragraph_has_comment and not re.search(r'static_assert', statement):
                yield source.path, i + 1, f'{m.group(1)}() has no comment'
            if re.search(r'[;{}]\s*$', line):
                statement = ''
        depth += line.count('{') - line.count('}')


@rule('name.prefix', 'A public function of backend/ carries the name of its file, or of a header of its folder that it serves.')
def name_prefix(tree):
    headers = {}
    for s in c_files(tree, 'backend'):
        if s.name.endswith('.h'):
            headers.setdefault(Path(s.path).parent, set()).add(s.stem)
    for s in c_files(tree, 'backend'):
        if not s.name.endswith('.c') or s.name == 'main.c':
            continue
        for f in s.functions:
            if f.static or f.name == '?':
                continue
            stems = {s.stem, s.stem.rstrip('s'), s.stem.split('_')[0]} | headers.get(Path(s.path).parent, set())
            folder = Path(s.path).parent.name
            if not any(f.name.startswith((stem + '_', f'{folder}_{stem}_')) or f.name == stem for stem in stems):
                yield s.path, f.first, f'{f.name}() in {s.name}'


@rule('test.hollow', 'No assertion that cannot fail.')
def test_hollow(tree):
    for s in c_files(tree, tests=True):
        for i, m in find(s, HOLLOW.pattern):
            yield s.path, i, m.group(0)


@rule('doc.rooms', 'Every C file of backend/ has its place in doc/architecture.md.')
def doc_rooms(tree):
    page = next((s for s in tree.sources if s.path == 'doc/architecture.md'), None)
    for s in c_files(tree, 'backend'):
        if s.name.endswith('.c') and f'`{s.name}`' not in (page.text if page else ''):
            yield s.path, 1, f'doc/architecture.md does not name {s.name}'


# --- corpora: everybody clones them, so they are small, and named once ----------

@rule('corpora.size', f'All corpora together have at most {CORPORA_BYTES >> 20} MiB: xenblk-fuzz minimise makes them small.')
def corpora_size(tree):
    total = sum(p.stat().st_size for p in (tree.top / 'corpora').rglob('*') if p.is_file())
    if total > CORPORA_BYTES:
        yield 'corpora', 1, f'{total} bytes'


@rule('corpora.names', 'What a merge put into corpora/HARNESS/corpus is named by the SHA-1 of its contents.')
def corpora_names(tree):
    for p in sorted((tree.top / 'corpora').glob('*/corpus/*')):
        if p.name != hashlib.sha1(p.read_bytes()).hexdigest():
            yield str(p.relative_to(tree.top)), 1, 'its name is not that of its contents'


# --- the table of refusals -------------------------------------------------------

@rule('refusal.case', 'Every refusal is named by a conformance case or, when no guest can cause it at will, by a unit test.')
def refusal_case(tree):
    table = next((s for s in tree.sources if s.path == 'backend/base/refusals.def'), None)
    proofs = [s for s in tree.sources if s.is_c and (s.within('conformance/cases') or s.is_test)]
    if table is None or not any(s.within('conformance/cases') for s in proofs):
        return
    text = '\n'.join(s.text for s in proofs)
    for i, line in enumerate(table.lines, 1):
        m = re.match(r'REFUSAL\((\w+),', line)
        if m and not re.search(rf'\b(REFUSE_)?{m.group(1)}\b', text):
            yield table.path, i, f'{m.group(1)} is named by no case and no test'


CLAUSE_ROW = re.compile(r'^\|\s*([A-Z]+\d+)\s*\|\s*[BFT]+\s*\|', re.M)


@rule('protocol.current', 'The tables of doc/protocol.md are those of the catalogue: ci/protocol writes them.')
def protocol_current(tree):
    page = next((s for s in tree.sources if s.path == 'doc/protocol.md'), None)
    table = next((s for s in tree.sources if s.path == 'conformance/catalogue/clauses.def'), None)
    if table is None or page is None:
        return
    rows = set(protocol.rows(table.text))
    shown = {line for line in page.lines if CLAUSE_ROW.match(line)}
    for i, line in enumerate(page.lines, 1):
        if CLAUSE_ROW.match(line) and line not in rows:
            yield page.path, i, 'this row is not in clauses.def; run ci/protocol'
    for row in sorted(rows - shown):
        yield page.path, 1, f'no row for {row[:40]}...; run ci/protocol'


@rule('refusal.clause', 'Every clause that refusals.def names is a clause of doc/protocol.md.')
def refusal_clause(tree):
    table = next((s for s in tree.sources if s.path == 'backend/base/refusals.def'), None)
    clauses = next((s for s in tree.sources if s.path == 'doc/protocol.md'), None)
    if table is None:
        return
    known = set(CLAUSE_ROW.findall(clauses.text)) if clauses else set()
    for i, line in enumerate(table.lines, 1):
        m = re.match(r'REFUSAL\(\w+,\s*"([^"]*)"', line)
        if m and m.group(1) not in known:
            yield table.path, i, f'clause "{m.group(1)}" is not in doc/protocol.md'
