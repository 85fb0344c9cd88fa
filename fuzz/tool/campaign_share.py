"""What campaigns on several hosts give each other: the queues of their mains.

A shared folder holds HARNESS/main-HOST/queue of every host.  Each pushes its
own and pulls the others'; nothing is ever removed there.  Only mains are
shared, and only one per host: with more, everything is imported everywhere
over and over.  Files appear whole, under their final names.
"""

import glob
import os
import shutil
import time

from finds import digest_of
from tree import Trouble, folder


class Share:
    def __init__(self, where, host, every):
        self.where, self.host, self.every = where, host, every
        self.last = time.monotonic()
        self.given = set()
        try:
            folder(where)
        except Trouble as trouble:
            raise Trouble(str(trouble).replace("--corpus", "--share")
                          ) from trouble

    def due(self, now):
        return now - self.last >= self.every

    def queue(self, home, host):
        return os.path.join(self.where, home.harness, f"main-{host}", "queue")

    def push(self, home):
        """Our main's queue, and what libFuzzer has found beside it."""
        self.last = time.monotonic()
        target = folder(self.queue(home, self.host))
        sources = glob.glob(os.path.join(
            home.afl, f"main-{self.host}", "queue", "id:*"))
        sources += glob.glob(os.path.join(home.corpus, "*"))
        new = [p for p in sorted(sources)
               if p not in self.given and ",sync:" not in p]
        if not new:
            return 0
        names = os.listdir(target)
        have = {n.rpartition(":")[2] for n in names}
        number, pushed = len(names), 0
        for path in new:
            self.given.add(path)
            try:
                digest = digest_of(path)
                if digest in have:
                    continue
                copy_whole(path, os.path.join(
                    target, f"id:{number + pushed:06d},src:{digest}"))
            except FileNotFoundError:
                continue  # libFuzzer has found a smaller one
            have.add(digest)
            pushed += 1
        return pushed

    def pull(self, home):
        """The others' mains, as instances beside ours: afl-fuzz imports what
        is new in any queue that lies beside its own."""
        pulled = 0
        mine = os.path.dirname(self.queue(home, self.host))
        for other in sorted(glob.glob(os.path.join(
                self.where, home.harness, "main-*"))):
            again = other == mine
            # Our own, from before this node had us: libFuzzer's and the seeds'.
            target = folder(home.corpus if again else os.path.join(
                home.afl, os.path.basename(other), "queue"))
            for path in sorted(glob.glob(os.path.join(other, "queue",
                                                      "id:*"))):
                name = os.path.basename(path)
                kept = os.path.join(target, name.rpartition(":")[2]
                                    if again else name)
                if not os.path.exists(kept):
                    copy_whole(path, kept)
                    pulled += 1
        return pulled


def copy_whole(source, target):
    """Nobody sees half of it."""
    beside = os.path.join(os.path.dirname(target),
                          f".{os.path.basename(target)}.{os.getpid()}")
    shutil.copyfile(source, beside)
    os.replace(beside, target)
