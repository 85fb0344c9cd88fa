"""The three lists of coverage/: floors, exclusions, and what the corpora leave.

Every row of them is read here, and every row is judged here: a floor that
nothing touches, an exclusion without a reason, a function that nobody speaks of.
"""
import fnmatch
import re
from pathlib import Path

from figures import folder_of, share

HERE = Path(__file__).resolve().parent
KINDS = ('tests', 'corpora')
LEFT = ('outside', 'open', 'chance')


class Bad(Exception):
    """A row that cannot be read: says where and how it should look."""


def rows(name, pattern, form):
    """The rows of a list as tuples, each as the pattern says."""
    found = []
    for number, line in enumerate((HERE / name).read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        m = re.fullmatch(pattern, line.rstrip())
        if not m:
            raise Bad(f'coverage/{name}:{number}: a row is "{form}"; this is not: {line}')
        found.append(m.groups())
    return found


def floors():
    """{(kind, folder): (lines %, branches %)}"""
    return {(kind, folder): (int(lines), int(branches)) for kind, folder, lines, branches in
            rows('floors.txt', rf'({"|".join(KINDS)})\s+(\S+)\s+(\d+)\s+(\d+)', 'KIND FOLDER LINES% BRANCHES%')}


def exclusions():
    """(patterns of files, expressions of branches)"""
    found = rows('exclusions.txt', r'(files|branches)\s+(\S+)\s+(\S.*)', 'files|branches PATTERN REASON')
    return ([p for kind, p, _ in found if kind == 'files'], [p for kind, p, _ in found if kind == 'branches'])


def left():
    """[(outside, open or chance, pattern of files, function or None, reason)]"""
    return rows('left.txt', rf'({"|".join(LEFT)})\s+([^\s:]+)(?::(\w+))?\s+(\S.*)', 'outside|open|chance FILE[:FUNCTION] REASON')


def below(kind, table):
    """Sentences: the floors of one kind that a table of totals does not reach."""
    sentences = []
    for (of, folder), (lines, branches) in sorted(floors().items()):
        if of != kind:
            continue
        if folder not in table:
            sentences.append(f'floors.txt names {folder}, which there is not')
            continue
        reached = share(table[folder])
        if reached[0] < lines or reached[1] < branches:
            sentences.append(f'{folder} from the {kind}: {reached[0]:.1f} / {reached[1]:.1f}, '
                             f'and its floor is {lines} / {branches}')
    return sentences


def speaks_of(row, function):
    return fnmatch.fnmatchcase(function.file, row[1]) and row[2] in (None, function.name)


def judge_left(files):
    """Sentences about left.txt, given what the corpora reached in backend/."""
    functions = [f for file in files.values() if file.path.startswith('backend/') for f in file.functions()]
    missed = [f for f in functions if f.unreached]
    table, sentences = left(), []
    for f in missed:
        if not any(speaks_of(row, f) for row in table):
            sentences.append(f'{f.file}:{f.name} is reached by no corpus, and left.txt does not say why')
    for row in table:
        name = row[1] + (f':{row[2]}' if row[2] else '')
        if not any(speaks_of(row, f) for f in functions):
            sentences.append(f'left.txt names {name}, which there is not')
        elif row[0] != 'chance' and not any(speaks_of(row, f) for f in missed):
            sentences.append(f'left.txt names {name}, which the corpora reach by now: its row can go')
    return sentences


def without_outside(files):
    """The totals of backend/ without what no input of a harness can reach."""
    outside = [row for row in left() if row[0] == 'outside']
    total = [0, 0, 0, 0]
    for file in files.values():
        if folder_of(file.path).split('/')[0] != 'backend':
            continue
        for f in file.functions():
            if f.unreached and any(speaks_of(row, f) for row in outside):
                continue
            total[0] += f.lines
            total[1] += f.lines - len(f.missed_lines)
            total[2] += f.branches
            total[3] += f.branches - f.missed_branches
    return total
