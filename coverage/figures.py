"""What an lcov file says: figures per folder, and what was not reached.

coverage/report and its test are the callers.  Nothing here runs a program.
"""
from pathlib import Path

FIELDS = ('LF', 'LH', 'BRF', 'BRH')


class Function:
    """One function of one file: what there is in it and what of it was not reached."""

    def __init__(self, file, name, line):
        self.file, self.name, self.line = file, name, line
        self.lines = self.branches = 0
        self.missed_lines, self.missed_branches = [], 0

    @property
    def unreached(self):
        return self.lines > 0 and len(self.missed_lines) == self.lines


class File:
    """One source file of an lcov file: its path below the tree, lines and branches."""

    def __init__(self, path):
        self.path = path
        self.starts = []                # (line, name) of functions
        self.lines = {}                 # line: times executed
        self.branches = []              # (line, times taken)
        self.sums = dict.fromkeys(FIELDS, 0)

    def functions(self):
        """Its functions in their order, each with the lines up to the next one."""
        found = [Function(self.path, name, line) for line, name in sorted(self.starts)]

        def owner(line):
            before = [f for f in found if f.line <= line]
            return before[-1] if before else None
        for line, count in sorted(self.lines.items()):
            f = owner(line)
            if f:
                f.lines += 1
                if count == 0:
                    f.missed_lines.append(line)
        for line, taken in self.branches:
            f = owner(line)
            if f:
                f.branches += 1
                f.missed_branches += taken == 0
        return found


def read(info, top):
    """{path below top: File} of an lcov file."""
    files, at = {}, None
    for line in Path(info).read_text(encoding='utf-8').splitlines():
        key, _, value = line.partition(':')
        if key == 'SF':
            path = str(Path(value).resolve().relative_to(top))
            at = files.setdefault(path, File(path))
        elif key == 'FN':
            number, name = value.split(',')[:2]
            at.starts.append((int(number), name))
        elif key == 'DA':
            number, count = value.split(',')[:2]
            at.lines[int(number)] = int(count)
        elif key == 'BRDA':
            number, _, _, taken = value.split(',')
            at.branches.append((int(number), 0 if taken == '-' else int(taken)))
        elif key in FIELDS:
            at.sums[key] += int(value)
    return files


def folder_of(path):
    parts = path.split('/')
    return '/'.join(parts[:2]) if parts[0] == 'backend' else parts[0]


def totals(files):
    """{folder: [lines, reached, branches, taken]}; backend/ also as a whole."""
    table = {}
    for file in files.values():
        folder = folder_of(file.path)
        for name in {folder, folder.split('/')[0]}:
            row = table.setdefault(name, [0, 0, 0, 0])
            for i, field in enumerate(FIELDS):
                row[i] += file.sums[field]
    return table


def percent(hit, total):
    return 100.0 * hit / total if total else 100.0


def share(row):
    """(lines %, branches %) of a row of totals."""
    return percent(row[1], row[0]), percent(row[3], row[2])
