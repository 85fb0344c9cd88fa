"""Guards that play a corpus: the share of requests that were served, whether a
second play is the same, and how fast it goes beside a harness that does
nothing."""

import os
import re
import resource
import shutil
import subprocess
import tempfile

from tree import Trouble

SAMPLE = 64  # inputs of a corpus that are timed
ROUNDS = 10


# --- served ------------------------------------------------------------------

def share_okay(said):
    """Percent of the requests of a replay, by its last line."""
    m = re.search(r"(\d+) requests answered, (\d+) of them OKAY", said)
    if not m:
        raise Trouble("the replay driver says nothing of requests any more: "
                      f"{said[-200:]}")
    requests, okay = int(m.group(1)), int(m.group(2))
    return 100 * okay / requests if requests else 0.0


# --- stable ------------------------------------------------------------------

def hashes_again(binary, corpus, first):
    """Names of inputs that did something else in a second process, where each
    is played twice in a row."""
    done = subprocess.run([binary, "--hashes", "--repeat", "2", corpus],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"{binary} ended with {done.returncode} for {corpus}")
    return differing(first, done.stdout)


def differing(one, other):
    """Of two lists of "HASH PATH"."""
    tables = [dict(reversed(row.split(" ", 1)) for row in text.splitlines()
                   if row) for text in (one, other)]
    names = set(tables[0]) | set(tables[1])
    return sorted(os.path.basename(n) for n in names
                  if tables[0].get(n) != tables[1].get(n))


def showmap(binary, inputs, where):
    """{name of an input: its edges} as afl-showmap sees them, in one
    process."""
    maps = os.path.join(where, "maps")
    shutil.rmtree(maps, ignore_errors=True)
    os.mkdir(maps)
    words = ["afl-showmap", "-q", "-m", "none", "-t", "20000", "-i", inputs,
             "-o", maps, "--", binary]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    result = {}
    for name in os.listdir(maps):
        with open(os.path.join(maps, name), encoding="ascii") as text:
            result[name] = {row.split(":")[0] for row in text}
    if not result:
        raise Trouble(f"afl-showmap has seen no input of {inputs}: "
                      f"{(done.stderr or done.stdout)[-300:]}")
    return result


def edges_again(binary, corpus):
    """(names of inputs whose edges differ, number of edges): played in their
    order, and in another process from the last to the first."""
    with tempfile.TemporaryDirectory(prefix="xenblk-stable-") as where:
        names = sorted(os.listdir(corpus))
        turned = os.path.join(where, "turned")
        os.mkdir(turned)
        other = {}
        for rank, name in enumerate(reversed(names)):
            other[f"{rank:06}"] = name
            shutil.copy(os.path.join(corpus, name),
                        os.path.join(turned, f"{rank:06}"))
        first = showmap(binary, corpus, where)
        second = {other[name]: edges for name, edges in
                  showmap(binary, turned, where).items()}
    edges = set().union(*first.values())
    return sorted(n for n in names if first.get(n) != second.get(n)), len(edges)


# --- fast --------------------------------------------------------------------

def sample_of(corpus, most=SAMPLE):
    names = sorted(os.listdir(corpus))
    step = max(1, len(names) // most)
    return [os.path.join(corpus, n) for n in names[::step]]


def processor_seconds(words):
    """Of a process that ends well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise Trouble(f"{words[0]} ended with {done.returncode}:\n"
                      f"{done.stderr[-500:]}")
    return (after.ru_utime - before.ru_utime +
            after.ru_stime - before.ru_stime)


def cost(binary, inputs, rounds=ROUNDS):
    """Seconds of the processor for one execution, without the start."""
    one = processor_seconds([binary, "-runs=1", *inputs])
    many = processor_seconds([binary, f"-runs={1 + rounds}", *inputs])
    return max(many - one, 0.001) / (rounds * len(inputs))


def slowness(binary, empty, corpus, slow=False):
    """(how many times as long as the empty harness, executions a second)"""
    inputs = sample_of(corpus, 5 if slow else SAMPLE)
    ours = cost(binary, inputs, 1 if slow else ROUNDS)
    nothing = cost(empty, inputs)
    return ours / nothing, 1 / ours
