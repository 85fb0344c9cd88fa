"""Commands and xenstore, as the other files of dom0 use them: always bounded.

The only place that starts short processes here.  Nothing waits without a limit,
since a hung toolstack must cost one verdict and not the whole run.
"""

import subprocess
import time


class Trouble(Exception):
    """What was expected did not happen; becomes a verdict's reason."""

    verdict = "FAIL"


class Hung(Trouble):
    """Something did not end or did not come in time."""

    verdict = "WEDGED"


class Died(Trouble):
    """A guest or a backend ended that should not have."""

    verdict = "CRASH"


class Skipped(Trouble):
    """The check means nothing here; says why."""

    verdict = "SKIP"


class Noted(Trouble):
    """A difference that is stated and judged elsewhere."""

    verdict = "INFO"


class Broken(Trouble):
    """The laboratory itself failed; no word about a guest or a backend."""

    verdict = "ERROR"


def status(*words, seconds=30):
    """Runs a command; (exit status, output).  Hung if it does not end."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=seconds, check=False,
        )
    except subprocess.TimeoutExpired:
        raise Hung(f"{' '.join(words)[:120]} did not end within {seconds} s") from None
    except OSError as error:
        raise Broken(f"{words[0]} cannot be run: {error.strerror}") from None
    return done.returncode, done.stdout.decode(errors="replace")


def run(*words, seconds=30):
    """Runs a command that must succeed; its output.  Trouble if it fails."""
    code, text = status(*words, seconds=seconds)
    if code != 0:
        raise Trouble(f"{' '.join(words)[:120]} ended with {code}: {text.strip()[-300:]}")
    return text


def wait_for(what, seconds, test, step=0.1):
    """Waits until test() is true and returns what it said; Hung after a while."""
    end = time.monotonic() + seconds
    while True:
        answer = test()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Hung(f"{what} did not happen within {seconds} s")
        time.sleep(step)


def read(path):
    """A node's value, or None."""
    code, text = status("xenstore-read", path)
    return text.rstrip("\n") if code == 0 else None


def tree(path):
    """A directory of xenstore as a flat dict, keys relative to it."""
    code, text = status("xenstore-ls", "-f", path)
    found = {}
    for line in text.splitlines() if code == 0 else []:
        key, mark, value = line.partition(" = ")
        if mark and key.startswith(path):
            found[key[len(path):].strip("/")] = value.strip('"')
    return found


def children(path):
    """Names below a directory."""
    code, text = status("xenstore-list", path)
    return text.split() if code == 0 else []
