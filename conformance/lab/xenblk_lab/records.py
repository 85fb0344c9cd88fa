"""Records on the results disk: how verdicts leave dom0.

The console loses and mixes bytes, so nothing that counts goes over it.  Dom0
appends records to a raw disk; the host reads them from the disk's file, also
while the machine runs.  Written by runner.py in dom0, read by results.py on the
host; both sides use this one file, which needs nothing but the standard library.

A record starts at a multiple of 4096: a header (magic, kind, sequence number,
length, SHA-256 over the run's id and the payload), then the payload.  A header
that does not fit its payload or the run's id is no record: a machine that died
in the middle of a write leaves everything before it readable, and what an
earlier run left behind is never taken for ours.
"""

import hashlib
import json
import os
import struct

BLOCK = 4096
HEADER = struct.Struct("<8sIIQ32s")
MAGIC = b"XBLKREC1"
JSON, FILE = 1, 2
# One file of a guest's console or of a recording; longer ones lose their middle.
FILE_BYTES = 8 << 20


def _digest(run, kind, sequence, payload):
    seed = f"{run}/{kind}/{sequence}/".encode()
    return hashlib.sha256(seed + payload).digest()


def _shorten(data):
    if len(data) <= FILE_BYTES:
        return data
    half = FILE_BYTES // 2
    cut = f"\n[... {len(data) - 2 * half} bytes left out ...]\n".encode()
    return data[:half] + cut + data[-half:]


class Writer:
    """Appends records to a device or file; every record is on it at return."""

    def __init__(self, path, run):
        self.run, self.sequence, self.offset = run, 0, 0
        self.fd = os.open(path, os.O_WRONLY)
        self.size = os.lseek(self.fd, 0, os.SEEK_END)

    def _append(self, kind, payload):
        header = HEADER.pack(MAGIC, kind, self.sequence, len(payload),
                             _digest(self.run, kind, self.sequence, payload))
        data = header + payload
        data += bytes(-len(data) % BLOCK)
        if self.offset + len(data) > self.size:
            return False
        done = 0
        while done < len(data):
            done += os.pwrite(self.fd, data[done:], self.offset + done)
        os.fsync(self.fd)
        self.offset += len(data)
        self.sequence += 1
        return True

    def message(self, **fields):
        """A JSON record; False when the disk is full."""
        return self._append(JSON, json.dumps(fields).encode())

    def file(self, name, data):
        """A file to be kept beside the results; False when it does not fit."""
        name = json.dumps(name).encode() + b"\n"
        return self._append(FILE, name + _shorten(data))


class Reader:
    """Reads records as they come; each is returned once."""

    def __init__(self, path, run):
        self.path, self.run, self.sequence, self.offset = path, run, 0, 0

    def _next(self, disk):
        disk.seek(self.offset)
        header = disk.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        magic, kind, sequence, length, digest = HEADER.unpack(header)
        if magic != MAGIC or sequence != self.sequence or length > 1 << 30:
            return None
        payload = disk.read(length)
        if digest != _digest(self.run, kind, sequence, payload):
            return None
        self.offset += -(-(HEADER.size + length) // BLOCK) * BLOCK
        self.sequence += 1
        return kind, payload

    def new(self):
        """What was added since the last call: [(JSON, dict) or (FILE, (name, bytes))]."""
        found = []
        with open(self.path, "rb") as disk:
            while (record := self._next(disk)) is not None:
                kind, payload = record
                if kind == JSON:
                    found.append((JSON, json.loads(payload)))
                elif kind == FILE:
                    name, data = payload.split(b"\n", 1)
                    found.append((FILE, (json.loads(name), data)))
        return found
