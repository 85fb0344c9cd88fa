"""The file of hunts: one line each, appended as each ends.  A campaign that
was cut off goes on from it; a line counts only for the very patch, binary and
corpus that it was made with."""

import json
import os
import threading

KEYS = ("bug", "harness", "start", "seed", "budget", "patch", "binary",
        "corpus")


def key_of(row):
    return tuple(row[key] for key in KEYS)


class Results:
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.rows = {}
        for row in read(path):
            self.rows[key_of(row)] = row
        end_line(path)

    def known(self, key):
        return self.rows.get(tuple(key[k] for k in KEYS))

    def add(self, row):
        """Only whole lines: a campaign may be killed at any moment."""
        with self.lock:
            self.rows[key_of(row)] = row
            with open(self.path, "a", encoding="utf-8") as out:
                out.write(json.dumps(row, sort_keys=True) + "\n")


def end_line(path):
    """What is appended next must not become part of a torn line."""
    if not os.path.exists(path):
        return
    with open(path, "r+b") as data:
        data.seek(0, os.SEEK_END)
        if data.tell() == 0:
            return
        data.seek(-1, os.SEEK_END)
        if data.read(1) != b"\n":
            data.write(b"\n")


def read(path):
    """The whole lines of a file; a torn one at its end is none."""
    if not os.path.exists(path):
        return []
    rows = []
    with open(path, encoding="utf-8") as text:
        for line in text:
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
    return rows
