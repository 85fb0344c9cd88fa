"""A C file as the rules of ci/tidy see it.

Reads a file once and offers it in three forms: the lines as they are, the same
lines with comments and strings blanked (so that a rule about code never trips
over words), and the list of functions.  Knows the kernel's shape that
clang-format gives every file: a function's braces stand in column 0.
"""
import re
from pathlib import Path

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL)
NAME_OF_FUNCTION = re.compile(r'\b([A-Za-z_]\w*)\s*\(')


def _blank(match):
    """Spaces in place of a comment or string; quotes and line ends stay."""
    text = match.group(0)
    keep = text[0] if text[0] in '"\'' else ''
    inner = text[1:-1] if keep else text
    return keep + re.sub(r'[^\n]', ' ', inner) + keep


class Function:
    """One function (or CASE block): where it is and what it holds."""

    def __init__(self, name, signature, first, last, code):
        self.name = name
        self.signature = signature
        self.first = first      # line number of the signature
        self.last = last        # line number of the closing brace
        self.code = code        # blanked lines, signature and body
        self.lines = last - first + 1
        self.static = bool(re.match(r'\s*(_Noreturn\s+)?static\b', signature))

    def parameters(self):
        inside = self.signature[self.signature.find('(') + 1:]
        depth, count, seen = 1, 0, ''
        for c in inside:
            depth += (c == '(') - (c == ')')
            if depth == 0:
                break
            if c == ',' and depth == 1:
                count += 1
            seen += c
        seen = seen.strip()
        return 0 if seen in ('', 'void') else count + 1


class Source:
    """A file of the tree; path is relative to its top, with slashes."""

    def __init__(self, top, path):
        self.path = path
        self.name = Path(path).name
        self.stem = Path(path).stem
        self.text = (Path(top) / path).read_text(errors='replace')
        self.lines = self.text.split('\n')
        if self.lines and self.lines[-1] == '':
            self.lines.pop()
        self.is_c = path.endswith(('.c', '.h', '.def'))
        self.code = (TOKEN.sub(_blank, self.text).split('\n')
                     if self.is_c else self.lines)[:len(self.lines)]
        self.is_test = self.name.startswith('test_') or path.startswith('tests/')
        self.functions = list(self._functions()) if self.is_c else []

    def within(self, *folders):
        return any(self.path.startswith(f + '/') for f in folders)

    def line_of(self, offset):
        return self.text.count('\n', 0, offset) + 1

    def comment_lines(self):
        """How many lines carry a comment."""
        found = set()
        for m in TOKEN.finditer(self.text):
            if m.group(0).startswith('/'):
                first = self.line_of(m.start())
                found.update(range(first, first + m.group(0).count('\n') + 1))
        return len(found)

    def _functions(self):
        start = None
        for i, line in enumerate(self.code):
            if line.rstrip() == '{':
                start = i
            elif line.startswith('}') and start is not None:
                top = self._signature_top(start)
                signature = ' '.join(self.code[top:start])
                name = NAME_OF_FUNCTION.search(
                    re.sub(r'__attribute__\s*\(\(.*?\)\)', '', signature))
                yield Function(name.group(1) if name else '?', signature,
                               top + 1, i + 1, self.code[top:i + 1])
                start = None

    def _signature_top(self, brace):
        """The first line of the signature that ends above this brace."""
        top = brace
        while top > 0:
            above = self.code[top - 1].rstrip()
            if not above or above.startswith(('#', '}')) or above.endswith((';', '}')):
                break
            top -= 1
        return top


def mutable_globals(source):
    """(line, name) of each variable with file scope that is not const.

    Walks the code at brace depth 0; prototypes, types and macros are skipped.
    """
    depth, statement, first = 0, '', 0
    continued = False
    for number, line in enumerate(source.code, 1):
        if continued or line.lstrip().startswith('#'):
            continued = line.rstrip().endswith('\\')
            continue
        for c in line + ' ':
            if depth == 0 and not statement.strip() and not c.isspace():
                first = number
            if c == '{':
                if depth == 0:
                    statement += '{'
                depth += 1
            elif c == '}':
                depth -= 1
                if depth == 0 and '=' not in statement and re.search(r'\)\s*\{$', statement):
                    statement = ''      # a function body ended
            elif depth == 0 and c == ';':
                name = _variable(statement)
                if name:
                    yield first, name
                statement = ''
            elif depth == 0:
                statement += c


def _variable(statement):
    """The name that a file-scope statement defines as a mutable variable."""
    s = re.sub(r'__attribute__\s*\(\(.*?\)\)', ' ', ' '.join(statement.split()))
    s = re.sub(r'_Alignas\s*\([^)]*\)', ' ', s)
    if not s or re.match(r'(typedef|_Static_assert|static_assert|extern)\b', s):
        return None
    declared, _, value = s.partition('=')
    if not value:
        if re.match(r'(struct|union|enum)\b\s*\w*\s*(\{\s*)?$', declared.strip()):
            return None                 # a type, or its forward declaration
        if '(' in declared:
            return None                 # a prototype
    declared = re.sub(r'\{', ' ', declared).strip()
    # const must bind to the object itself: "const char *const x", "const int x".
    behind_star = declared.rpartition('*')[2] if '*' in declared else declared
    if re.search(r'\bconst\b', behind_star):
        return None
    names = re.findall(r'([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*$', declared)
    return names[0] if names else None
