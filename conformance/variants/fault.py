"""A known-wrong variant of the backend: what is wrong, which cases must see it,
and how the sources are changed.  Pure: text in, text out.

A fault is written as a diff without line numbers, so that it survives when code
moves: the lines that begin with ' ' or '-' must stand in the file exactly once,
and those with ' ' or '+' take their place.  Several hunks are parted by a line
"@@", several files by "--- PATH".

    ## V07 blkif.hostile.segment-past-page blkif.hostile.segment-255
    # A segment may end one sector beyond its page.
    --- backend/worker/request.c
    -           if (last >= PAGE_SECTORS)
    +           if (last > PAGE_SECTORS)
"""

import re
from dataclasses import dataclass, field

HEAD = re.compile(r"## (\S+)((?: \S+)+)$")


class Trouble(Exception):
    """A sentence for whoever runs the command."""


@dataclass
class Fault:
    """One variant; patch is the path of a patch of the bug bank, or None."""

    name: str
    cases: list
    what: str = ""
    hunks: list = field(default_factory=list)  # (path, old text, new text)
    patch: str = None


def parse(text, where):
    """All faults of one file; Trouble for a line that is none of them."""
    faults, hunk = [], None
    path = None
    for number, line in enumerate(text.splitlines(), 1):
        head = HEAD.match(line)
        if head:
            faults.append(Fault(head.group(1), head.group(2).split()))
            path = hunk = None
        elif line.startswith("--- ") and faults:
            path, hunk = line[4:], None
        elif line == "@@":
            hunk = None
        elif line.startswith("# ") and faults and path is None:
            faults[-1].what = (faults[-1].what + " " + line[2:]).strip()
        elif line[:1] in (" ", "-", "+") and path:
            if hunk is None:
                hunk = [path, [], []]
                faults[-1].hunks.append(hunk)
            if line[0] in " -":
                hunk[1].append(line[1:])
            if line[0] in " +":
                hunk[2].append(line[1:])
        elif line and (faults or not line.startswith("#")):
            raise Trouble(f"{where}:{number}: \"{line}\" is no part of a fault; "
                          "conformance/variants/README.md shows one")
    for fault in faults:
        fault.hunks = [(p, "\n".join(old) + "\n", "\n".join(new) + "\n" if new else "")
                       for p, old, new in fault.hunks]
    return faults


def changed(fault, read):
    """{path: new text}; read(path) gives the sound text."""
    files = {}
    for path, old, new in fault.hunks:
        text = files.get(path)
        if text is None:
            text = read(path)
        count = len(re.findall(f"(?={re.escape(chr(10) + old)})", "\n" + text))
        if count != 1:
            raise Trouble(f"{fault.name}: these lines stand {count} times in {path}, "
                          f"not once; mend the fault:\n{old}")
        files[path] = ("\n" + text).replace("\n" + old, "\n" + new, 1)[1:]
    return files
