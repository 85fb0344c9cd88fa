"""A writer of newc cpio archives: what Linux unpacks as its first root.

The same entries give the same bytes whoever writes them: sorted by name, owned
by root, dated 1970.  Device nodes are entries like others, so no root is needed.
"""

import stat
from typing import NamedTuple

TRAILER = "TRAILER!!!"
BLOCK = 512


class Entry(NamedTuple):
    """One file, folder, link or node."""

    mode: int
    data: bytes = b""
    device: tuple = (0, 0)


def _header(number, name, entry):
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (
        number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0,
        *entry.device, len(name) + 1, 0,
    )
    return b"070701" + b"".join(b"%08X" % field for field in fields)


def _padded(data, to=4):
    return data + b"\0" * (-len(data) % to)


class Archive:
    """Entries by name; write() makes the archive."""

    def __init__(self):
        self.entries = {}

    def _add(self, name, entry):
        name = name.strip("/")
        parent = name.rpartition("/")[0]
        if parent and parent not in self.entries:
            self.folder(parent)
        self.entries[name] = entry

    def folder(self, name, mode=0o755):
        """A folder; those above it come by themselves."""
        self._add(name, Entry(stat.S_IFDIR | mode))

    def file(self, name, data, mode=0o644):
        """A file with these bytes."""
        self._add(name, Entry(stat.S_IFREG | mode, bytes(data)))

    def link(self, name, target):
        """A symbolic link."""
        self._add(name, Entry(stat.S_IFLNK | 0o777, target.encode()))

    def character(self, name, major, minor, mode=0o600):
        """A character device."""
        self._add(name, Entry(stat.S_IFCHR | mode, b"", (major, minor)))

    def bytes(self):
        """The archive."""
        parts = []
        for number, name in enumerate(sorted(self.entries), 1):
            entry, raw = self.entries[name], name.encode()
            parts.append(_padded(_header(number, raw, entry) + raw + b"\0"))
            parts.append(_padded(entry.data))
        end = _header(0, TRAILER.encode(), Entry(0)) + TRAILER.encode() + b"\0"
        parts.append(_padded(end))
        return _padded(b"".join(parts), BLOCK)
