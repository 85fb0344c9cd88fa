"""Ring scripts on the drop-in simulator lead to what they do in process; tapes that say otherwise are found out."""
import json
import os
import struct
import subprocess
import sys
import tempfile
from types import SimpleNamespace

BIN = os.environ["XENBLK_BIN"]
TOP = os.environ["XENBLK_TOP"]
SCRIPTS = 60
# What must come does come; a machine that others share may stand still for a while.
ARGS = SimpleNamespace(guests=2, patience=60)
HEAD = struct.Struct("<BBHIII")
ANSWER, PAGE, SECTOR = 10, 11, 15
TEXT = """device
request op=write segments=2 page=1 sector=8 data=1
request op=read segments=2 page=5 sector=8
"""

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "fuzz", "tool"))
import elsewhere  # noqa: E402


def corpus():
    """A sample of the committed corpus goes as in process."""
    paths = elsewhere.scripts([os.path.join(TOP, "corpora", "ring")], SCRIPTS)
    with tempfile.TemporaryDirectory() as folder:
        rows = elsewhere.lay_down(BIN, paths, folder)
        elsewhere.take(rows, elsewhere.on_sim(BIN, folder, ARGS), "sim")
    rows = list(rows.values())
    bad = [row for row in rows if elsewhere.bad(row, "sim")]
    assert not bad, f"{len(bad)} of {len(rows)} went otherwise: {json.dumps(bad[:3])}"
    found = elsewhere.sums(rows, "sim")
    assert found["totals"]["okay"] > 300, f"hardly anything was compared: {found}"
    print(f"{len(rows)} scripts: {found}")


def bend(tape, kind, at):
    """A tape whose last record of a kind has one byte of its payload changed."""
    data, where, last = bytearray(tape), 8, None
    while where < len(data):
        head = HEAD.unpack_from(data, where)
        if head[0] == kind:
            last = where
        where += HEAD.size + head[5]
    data[last + HEAD.size + at] ^= 1
    return data


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def bent():
    """What is not as the tape has it fails, by the oracle that it concerns; the next tape is played all the same."""
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "script.txt")
        write(folder, "script.txt", TEXT.encode())
        rows = elsewhere.lay_down(BIN, [script], folder)
        assert rows["00000.tape"]["inprocess"]["okay"] == 2, rows
        with open(os.path.join(folder, "00000.tape"), "rb") as file:
            tape = file.read()
        expected = {"00000.tape": ("PASS", None), "5.tape": ("PASS", None)}
        for number, kind, oracle in ((1, ANSWER, "responses"), (2, PAGE, "memory"), (3, SECTOR, "storage")):
            write(folder, f"{number}.tape", bend(tape, kind, 0))
            expected[f"{number}.tape"] = ("FAIL", oracle)
        write(folder, "4.tape", tape[:-20])
        write(folder, "5.tape", tape)
        expected["4.tape"] = ("ERROR", None)
        lines = [json.loads(line) for line in play(folder)]
    found = {line["tape"]: (line["verdict"], line.get("oracle")) for line in lines}
    assert found == expected, f"{found} instead of {expected}"


def play(folder):
    """One guest, all tapes; the tape that was cut off makes the exit status 4."""
    with tempfile.TemporaryDirectory() as world:
        done = subprocess.run(
            [os.path.join(BIN, "xenblk-sim"), "run", "--dir", os.path.join(world, "world"), "--", sys.executable,
             os.path.join(elsewhere.HERE, "play_world.py"), BIN, folder, "1", "20"],
            check=False, stdout=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode in (1, 4), f"the batch ended with {done.returncode}"
    return done.stdout.splitlines()


bent()
corpus()
