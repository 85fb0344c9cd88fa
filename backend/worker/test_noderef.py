"""A pointer to memory that the guest can write is not dereferenced: clang
refuses each of these, and takes what goes through an accessor.  An explicit
cast still takes the mark away; what is read behind one, the fuzzers see.

Usage: test_noderef.py CLANG INCLUDE...
"""

import subprocess
import sys

BEGIN = """
#include "backend/worker/grants.h"
#include "backend/worker/ring.h"
#include "backend/worker/shared.h"
uint32_t probe(struct ring *ring, struct grants *grants, const uint32_t *ref);
uint32_t probe(struct ring *ring, struct grants *grants, const uint32_t *ref)
{
	(void)ring; (void)grants; (void)ref;
"""
TAKEN = {
    "an accessor": "return shared_load(ring->memory, 64);",
    "an address for the kernel":
        "return shared_for_kernel(grants_map(grants, ref, 1)) != NULL;",
}
REFUSED = {
    "a look at a ring":
        "return *(const uint32_t SHARED *)(const void SHARED *)ring->memory;",
    "an element of a ring":
        "return ((const uint32_t SHARED *)(const void SHARED *)ring->memory)[3];",
    "a plain pointer to what was mapped":
        "uint8_t *page = grants_map(grants, ref, 1); return page[0];",
}


def compiles(clang, includes, body):
    """(whether it does, what the compiler says)"""
    words = [clang, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Werror=noderef",
             "-fsyntax-only", "-x", "c", "-"]
    words += [f"-I{folder}" for folder in includes]
    done = subprocess.run(words, input=BEGIN + body + "\n}\n", check=False,
                          capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def main(clang, *includes):
    wrong = 0
    for what, body in TAKEN.items():
        passed, says = compiles(clang, includes, body)
        if not passed:
            wrong += 1
            print(f"{what} does not compile:\n{says}")
    for what, body in REFUSED.items():
        passed, says = compiles(clang, includes, body)
        if passed or "noderef" not in says:
            wrong += 1
            print(f"{what} compiles, or fails for another reason: {body}\n"
                  f"{says}")
    print(f"{len(TAKEN)} ways in are taken, {len(REFUSED)} ways around are "
          f"refused, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
