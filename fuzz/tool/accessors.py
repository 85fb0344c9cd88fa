"""Each accessor of shared memory is one load in the machine code.

Usage: accessors.py OBJECT (of fuzz/accessors.c, x86-64, not instrumented)
"""

import re
import subprocess
import sys

WANTED = ("accessor_load", "accessor_load_acquire", "accessor_copy_out")
# A memory operand that is not the stack's; lea computes, it does not look.
MEMORY = re.compile(r"[-\w]*\((?!%rsp|%rbp|%rip)[^)]*\)")


def reads_memory(instruction):
    words = instruction.split(None, 1)
    if len(words) < 2 or words[0].startswith(("lea", "nop", "jmp", "call",
                                              "cs", "data16", "xchg")):
        return False
    operands = re.split(r",(?![^(]*\))", words[1].split("#")[0].strip())
    # AT&T order: a move's last operand is what it writes.
    read = operands[:-1] if words[0].startswith("mov") else operands
    return any(MEMORY.search(o) for o in read)


def loads_of(listing):
    """{function: [its instructions that read memory]}"""
    found, now = {}, None
    for line in listing.splitlines():
        m = re.match(r"[0-9a-f]+ <(\w+)>:", line)
        if m:
            now = found.setdefault(m.group(1), [])
        m = re.match(r"\s+[0-9a-f]+:\t(.*)", line)
        if m and now is not None and reads_memory(m.group(1)):
            now.append(m.group(1).strip())
    return found


def main(path):
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", path], check=True,
        capture_output=True, text=True).stdout
    found, wrong = loads_of(listing), 0
    for name in WANTED:
        loads = found.get(name, [])
        print(f"{name}: {'; '.join(loads) or 'no load'}")
        wrong += len(loads) != 1
    if wrong:
        print(f"{wrong} accessors are not exactly one load")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
