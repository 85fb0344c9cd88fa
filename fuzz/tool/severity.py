"""What a finding would mean on a host: the first rule that fits decides, and
its sentence goes into the report.  A guess on the bad side; a person may lower
it."""

LEVELS = ("host memory", "host crash or hang", "other guests", "self")


def in_supervisor(outcome):
    return any(" backend/supervisor/" in f for f in outcome.frames)


def in_tool(outcome):
    return bool(outcome.frames) and not any(
        " backend/" in f for f in outcome.frames) and any(
        " conformance/" in f or " fuzz/recorded/" in f
        for f in outcome.frames)


# (level, whom it fits, the sentence)
RULES = (
    ("self", in_tool,
     "only a tool that reads recordings is concerned, never a host"),
    ("host memory", lambda o: o.oracle in ("asan", "msan", "ubsan"),
     "a sanitizer objects: memory of the host is read or written where it must "
     "not be, or arithmetic on a guest's number goes wrong"),
    ("host memory", lambda o: o.oracle == "memory",
     "bytes reach a guest that no request asked for: they may be the host's or "
     "another guest's"),
    ("host memory", lambda o: "padding" in o.reason,
     "bytes that nobody has written leave the host in a response"),
    ("host memory", lambda o: o.oracle in ("refetch", "pages"),
     "a guest can change what was checked before it is used"),
    ("host memory", lambda o: o.oracle == "decode",
     "what a guest wrote is taken for something else: every bound that comes "
     "later rests on it"),
    ("host crash or hang", lambda o: o.oracle in ("hang", "engine"),
     "one input keeps a processor of the host, or its memory, without an end"),
    ("host crash or hang",
     lambda o: o.oracle == "daemon" or
     o.oracle in ("check", "abort") and in_supervisor(o),
     "the daemon that serves all guests ends"),
    ("other guests",
     lambda o: o.oracle in ("grants", "resources", "leak", "work",
                            "independence"),
     "what all guests share is used up or kept: grants, ports, memory, time"),
    ("self", lambda o: o.oracle in ("check", "abort"),
     "the worker of this disk alone ends: each serves one guest"),
    ("self", lambda o: True,
     "the guest's own disk answers wrongly or not at all"),
)


def of(outcome):
    """(level, sentence)"""
    for level, fits, sentence in RULES:
        if fits(outcome):
            return level, sentence
    raise AssertionError("the last rule fits everything")
