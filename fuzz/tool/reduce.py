"""Inputs made smaller as long as they show the same: scripts operation by
operation and then field by field, others byte by byte.

Knows of an input no more than the size of a record; who asks says, by
still(data), whether an input shows the same."""

import time

RECORD = 16
DEVICE_PAYLOAD = 11  # fuzz/script.h


class Clock:
    """No more attempts after so many seconds: what there is by then counts."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.attempts = 0

    def attempt(self):
        self.attempts += 1
        return time.monotonic() < self.end


def without_some(parts, size, still, clock):
    """One pass: each piece of that size is left out if it can be."""
    at = 0
    while at < len(parts) and clock.attempt():
        fewer = parts[:at] + parts[at + size:]
        if still(fewer):
            parts = fewer
        else:
            at += size
    return parts


def without_parts(parts, still, clock):
    """Delta debugging: pieces are left out, large ones first; and once more
    from the beginning, because what went may have been another's reason."""
    before = None
    while before != len(parts):
        before = size = len(parts)
        while size >= 1:
            parts = without_some(parts, size, still, clock)
            size = (size + 1) // 2 if size > 2 else size - 1
    return parts


def zeroed(data, spans, still, clock):
    """Whatever of these spans can be zero is zero."""
    for first, end in spans:
        if not any(data[first:end]):
            continue
        less = data[:first] + bytes(end - first) + data[end:]
        if not clock.attempt():
            return data
        if still(less):
            data = less
    return data


def smaller_numbers(data, still, clock):
    """What cannot be zero may at least be a small number."""
    for at, value in enumerate(data):
        for less in (1, 2, 0xe0):
            if less >= value:
                continue
            if not clock.attempt():
                return data
            fewer = data[:at] + bytes([less]) + data[at + 1:]
            if still(fewer):
                data = fewer
                break
    return data


def split(data):
    """(device, [operation], payload) of a script, as script_decode() does."""
    device, rest = data[:RECORD], data[RECORD:]
    payload = (device[DEVICE_PAYLOAD] * RECORD
               if len(device) > DEVICE_PAYLOAD else 0)
    if payload > len(rest) // 2:
        payload = len(rest) // 2 // RECORD * RECORD
    end = len(rest) - payload
    operations = [rest[at:min(at + RECORD, end)]
                  for at in range(0, end, RECORD)]
    return device, operations, rest[end:]


def records(data):
    """(whole, single) spans of a script's fields: a record without its kind,
    then each byte of it."""
    starts = range(0, len(data), RECORD)
    whole = [(0, RECORD)] + [(s + 1, min(s + RECORD, len(data)))
                             for s in starts if s > 0]
    # The kind of an operation is zero last: that makes another of it.
    single = [(at, at + 1) for at in range(len(data))
              if at < RECORD or at % RECORD != 0]
    return whole, single


def script(data, still, clock):
    device, operations, payload = split(data)
    operations = without_parts(
        operations, lambda parts: still(device + b"".join(parts) + payload),
        clock)
    data = device + b"".join(operations) + payload
    if payload:
        plain = (device[:DEVICE_PAYLOAD] + b"\0" +
                 device[DEVICE_PAYLOAD + 1:] + b"".join(operations))
        if clock.attempt() and still(plain):
            data = plain
    whole, single = records(data)
    data = zeroed(data, whole, still, clock)
    data = zeroed(data, single, still, clock)
    return smaller_numbers(data, still, clock)


def plain_bytes(data, still, clock):
    data = b"".join(without_parts(
        [data[at:at + 1] for at in range(len(data))],
        lambda parts: still(b"".join(parts)), clock))
    return zeroed(data, [(at, at + 1) for at in range(len(data))], still,
                  clock)
