"""Loads are counted in machine code: one, two, none of the stack's."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import accessors  # noqa: E402

LISTING = """
0000000000000000 <once>:
   0:\tendbr64
   4:\tmov    (%rdi,%rsi,1),%eax
   7:\tret

0000000000000010 <twice>:
  10:\tcmpb   $0x7,0x1(%rdi)
  14:\tja     30 <twice+0x20>
  16:\tmovzbl 0x1(%rdi),%eax
  1a:\tret

0000000000000040 <never>:
  40:\tlea    0x1(%rdi),%rax
  44:\tmov    %eax,(%rdx)
  46:\tmov    0x8(%rsp),%rdx
  4b:\tnopw   0x0(%rax,%rax,1)
  51:\tret
"""


class Loads(unittest.TestCase):
    def test_counts(self):
        counts = {name: len(loads)
                  for name, loads in accessors.loads_of(LISTING).items()}
        self.assertEqual(counts, {"once": 1, "twice": 2, "never": 0})


if __name__ == "__main__":
    unittest.main()
