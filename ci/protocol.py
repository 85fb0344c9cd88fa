#!/usr/bin/env python3
"""ci/protocol.py: writes the clause tables of doc/protocol.md.

The catalogue conformance/catalogue/clauses.def is the one source; the page
shows it to people, section by section.  ci/tidy fails when they differ.
"""
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
CLAUSE = re.compile(r'^CLAUSE\((.*?)\)\s*$', re.M | re.S)
STRING = re.compile(r'"((?:\\.|[^"\\])*)"')
BEGIN, END = '<!-- clauses: written by ci/protocol.py -->', '<!-- end of clauses -->'
SECTIONS = {
    'A': 'Conventions', 'B': 'What the toolstack says about the disk', 'C': 'Features of a backend',
    'D': 'Transport that a backend offers', 'E': 'Properties of the disk', 'F': 'What a frontend writes',
    'G': 'Several queues', 'H': 'States', 'I': 'Operations', 'J': 'Requests and responses', 'R': 'The ring',
    'P': 'What toolstacks do', 'Q': 'What frontends in use rely on', 'K': 'Where sources disagree',
}


def clauses(text):
    """The rows of clauses.def, each a list of its seven strings."""
    for m in CLAUSE.finditer(text):
        # Strings beside each other are one, as in C.
        fields = [''.join(STRING.findall(part)) for part in re.split(r',(?=\s*")', m.group(1))]
        if len(fields) != 7:
            raise SystemExit(f'ci/protocol.py: a clause has seven strings; this one does not: {m.group(0)[:80]}')
        yield [f.replace('|', '/') for f in fields]


def row(fields):
    name, who, level, source, statement, decision, untestable = fields
    if decision:
        statement += f' *Here:* {decision}.'
    if untestable:
        statement += f' *No case:* {untestable}.'
    return f'| {name} | {who} | {level} | {statement} | {source} |'


def rows(text):
    return [row(f) for f in clauses(text)]


def tables(text):
    out, section = [], None
    for fields in clauses(text):
        letter = fields[0].rstrip('0123456789')
        if letter != section:
            section = letter
            out += ['', f'### {letter}: {SECTIONS[letter]}', '', '| id | who | level | clause | source |', '|---|---|---|---|---|']
        out.append(row(fields))
    return '\n'.join(out + [''])


def main():
    page = TOP / 'doc' / 'protocol.md'
    catalogue = (TOP / 'conformance' / 'catalogue' / 'clauses.def').read_text()
    before, _, rest = page.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        print(f'ci/protocol.py: {page} has no lines "{BEGIN}" and "{END}".', file=sys.stderr)
        return 4
    page.write_text(before + BEGIN + '\n' + tables(catalogue) + '\n' + END + after)
    print(f'doc/protocol.md: {len(rows(catalogue))} clauses.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
