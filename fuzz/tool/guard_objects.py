"""Whether what should be instrumented is: the symbols of the objects that a
build has made, and of the harness that it linked.  A compiler that drops an
option drops it without a word."""

import glob
import os
import re
import subprocess

from tree import Trouble, build_dir

# What each object with code of the backend must ask the run time for: one
# symbol of each group.
OBJECTS = {
    "fuzz": {"counters of edges": r"__sanitizer_cov_8bit_counters_init",
             "AddressSanitizer": r"__asan_init"},
    "afl": {"counters of edges": r"__afl_area_ptr|__sanitizer_cov_trace_pc_guard",
            "AddressSanitizer": r"__asan_init"},
}
# What a linked harness must have.
HARNESS = {
    "fuzz": {"libFuzzer": r"LLVMFuzzerRunDriver|_ZN6fuzzer\w*",
             "counters of edges": r"__sanitizer_cov_8bit_counters_init",
             "AddressSanitizer": r"__asan_report_load4",
             "UBSan": r"__ubsan_handle_pointer_overflow_abort"},
    "afl": {"AFL++'s persistent loop": r"__afl_persistent_loop",
            "AFL++'s map": r"__afl_area_ptr",
            "AddressSanitizer": r"__asan_report_load4",
            "UBSan": r"__ubsan_handle_pointer_overflow_abort"},
}
# (objects, symbol, whether it must be there, why)
SPECIAL = {"fuzz": (
    ("worker/*/xenblk_worker_core.dir/*.o", r"__sanitizer_cov_trace_(const_)?cmp",
     False, "comparisons of the worker are traced, which costs a quarter of "
     "the time for nothing: a script never holds what it compares"),
    ("worker/*/xenblk_worker_core.dir/ring.c.o", r"__sanitizer_cov_load4",
     True, "loads from shared memory are not observed: no double fetch would "
     "be seen"),
    ("supervisor/*/xenblk_supervisor_core.dir/handshake.c.o",
     r"__sanitizer_cov_trace_(const_)?cmp", True,
     "comparisons of the parser of keys are not traced"),
    ("worker/*/xenblk_worker_core.dir/*.o", r"__sanitizer_cov_load\d", True,
     "loads of the worker are not observed: no second look is seen"),
), "afl": (
    ("worker/*/xenblk_worker_core.dir/*.o", r"__sanitizer_cov_load\d", True,
     "loads of the worker are not observed: no second look is seen"),
)}
LIBRARIES = ("worker/CMakeFiles/xenblk_worker_core.dir",
             "base/CMakeFiles/xenblk_base.dir",
             "supervisor/CMakeFiles/xenblk_supervisor_core.dir")


def symbols_of(paths):
    """{path: {(letter, name)}} as nm has them."""
    done = subprocess.run(["nm", "-A", *paths], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Trouble(f"nm failed: {done.stderr[-500:]}")
    found = {path: set() for path in paths}
    for row in done.stdout.splitlines():
        path, _, rest = row.rpartition(":")
        words = rest.split()
        if path in found and len(words) >= 2:
            found[path].add((words[-2], words[-1]))
    return found


def has(symbols, pattern):
    return any(re.fullmatch(rf"(?:{pattern})\w*", name)
               for _, name in symbols)


def has_code(symbols):
    """Whether an object has a function of ours; a table of constants has none."""
    return any(letter in "Tt" and not re.match(r"asan\.|sancov\.|__", name)
               for letter, name in symbols)


def objects_without(symbols, wanted):
    """Sentences about objects that lack something."""
    for path, names in sorted(symbols.items()):
        if not has_code(names):
            continue
        for what, pattern in wanted.items():
            if not has(names, pattern):
                yield f"{path} has no {what} ({pattern})"


def special_faults(root, table):
    for where, pattern, must, why in table:
        paths = glob.glob(os.path.join(root, where))
        if not paths:
            continue  # this part is not built for these harnesses
        traced = [p for p, s in symbols_of(paths).items() if has(s, pattern)]
        if bool(traced) != must:
            yield f"{why} ({(traced or paths)[0]})"


def backend_objects(preset):
    root = os.path.join(build_dir(preset), "backend")
    return root, [p for library in LIBRARIES
                  for p in glob.glob(f"{root}/{library}/*.o")]


def faults(preset, binary):
    """What is not instrumented, as sentences."""
    root, objects = backend_objects(preset)
    if not objects:
        return [f"there is no object of the backend in {root}"]
    found = list(objects_without(symbols_of(objects), OBJECTS[preset]))
    names = symbols_of([binary])[binary]
    found += [f"{binary} has no {what} ({pattern})"
              for what, pattern in HARNESS[preset].items()
              if not has(names, pattern)]
    return found + list(special_faults(root, SPECIAL[preset]))
