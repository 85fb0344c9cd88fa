"""A session: one guest on one backend, and the checks of the plan in order.

Owns the guest and the backend while it lasts and leaves neither behind.  A check
that fails never keeps the next one from running: it gets a new guest if the old
one is gone or hangs.  Called by runner.py.
"""

import re
import time
import traceback

import backends
import ledger
from guest import Guest, save_console
from shell import Broken, Trouble, run, status

DISK_MIB = 128


class Session:
    """What a check may use: guest(), backend, image, note()."""

    def __init__(self, job, plan, writer):
        self.job, self.plan, self.writer = job, plan, writer
        self.name = f"{plan['guest']}-{plan['backend']}"
        self.backend = backends.make(plan["backend"], plan.get("options", ()))
        self.image = backends.make_disk(f"{self.name}.img", DISK_MIB)
        if self.spec().get("disk"):
            run("cp", "--sparse=always", f"/guests/{plan['guest']}/disk", self.image)
        self.details, self.current, self.count = {}, None, 0
        self.before = {}

    # --- for the checks ---

    def spec(self):
        return self.job["guests"][self.plan["guest"]]

    def new_guest(self, images=None, label=None, vcpus=None):
        """A guest that runs and answers, with disks xvda, xvdb, ..."""
        lines = [self.backend.disk(image, f"xvd{chr(97 + i)}")
                 for i, image in enumerate([self.image] if images is None else images)]
        self.count += 1
        label = label or f"{self.name}-{self.count}"
        config = self.spec()["config"]
        if vcpus:
            config = re.sub(r"^vcpus *=.*$", f"vcpus={vcpus}", config, flags=re.M)
        if not lines:
            # Without disks of the toolstack: they are left to our own frontends.
            config = re.sub(r'^extra="', 'extra="lab.blkfront=0 ', config, flags=re.M)
        guest = Guest(self.spec(), config, lines, label)
        try:
            guest.create()
        except Trouble:
            save_console(guest, self.writer, label)
            self.remove(guest)
            raise
        return guest

    def bare_guest(self):
        """A guest without a disk, whose frontends are our own programs."""
        self.current = self.new_guest(images=[], vcpus=1)
        return self.current

    def guest(self):
        """The session's guest; a new one if there is none or it is gone."""
        if self.current is None or not self.current.running():
            self.current = self.new_guest()
            self.current.wait_connected(51712)
        return self.current

    def drop(self):
        """The guest is not to be used again."""
        if self.current is not None:
            save_console(self.current, self.writer, self.current.name)
            self.remove(self.current)
        self.current = None

    def remove(self, guest):
        if guest.domid is None and status("xl", "domid", guest.name)[0] == 0:
            guest.domid = int(run("xl", "domid", guest.name))
        if guest.domid is not None:
            domid = guest.domid
            guest.destroy()
            backends.backend_gone(self.backend.kind, domid)

    def restart_backend(self, *options):
        """The backend anew, with more words for its command line; guests keep their disks."""
        self.backend.stop()
        self.backend.extra = options
        self.backend.start()

    def note(self, **facts):
        """Facts that stand beside the verdict."""
        self.details.update(facts)

    # --- for the runner ---

    def start(self):
        self.before = ledger.take()
        self.backend.start()
        # What the backend itself needs while no guest is there is no leak.
        for name, count in ledger.take().items():
            if "xenblkd" in name:
                self.before[name] = count

    def stop(self):
        self.drop()
        self.backend.stop()

    def check(self, name, function):
        """Runs one check; its row."""
        self.details = {}
        start = time.monotonic()
        verdict, reason = "PASS", ""
        try:
            function(self)
        except Trouble as trouble:
            verdict, reason = trouble.verdict, str(trouble)
        except Exception as error:  # a fault of ours must cost one row only
            verdict = "ERROR"
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = (f"the check itself failed: {type(error).__name__}: {error} "
                      f"({where.name}, line {where.lineno})")
        row = {
            "guest": self.plan["guest"], "backend": self.plan["backend"], "check": name,
            "verdict": verdict, "reason": reason, "details": self.details,
            "seconds": round(time.monotonic() - start, 1),
        }
        if verdict not in ("PASS", "SKIP", "INFO"):
            row["artifacts"] = self.keep(name)
            self._let_go()
        return row

    def _let_go(self):
        """After a failure the next check begins with a guest of its own."""
        try:
            self.drop()
        except Trouble:
            self.current = None  # the leak check will tell

    def keep(self, name):
        """Console, xenstore, logs: what a person needs to understand a failure."""
        base = f"{self.name}/{name}"
        kept = []
        parts = {"xenstore.txt": status("xenstore-ls", "-f", "/")[1].encode(),
                 "dom0-dmesg.txt": status("dmesg")[1].encode()[-100000:],
                 "xen-dmesg.txt": status("xl", "dmesg")[1].encode()}
        if self.current is not None:
            parts["console.log"] = self.current.console()
        if self.backend.log:
            parts["backend.log"] = tail(self.backend.log)
        for part, data in parts.items():
            if data and self.writer.file(f"{base}/{part}", data):
                kept.append(f"{base}/{part}")
        return kept


def tail(path, limit=200000):
    """The end of a log, or nothing."""
    try:
        with open(path, "rb") as log:
            return log.read()[-limit:]
    except OSError:
        return b""


def broken_rows(plan, error):
    """Rows of a session that could not even begin."""
    verdict = error.verdict if isinstance(error, Trouble) else Broken.verdict
    return [{"guest": plan["guest"], "backend": plan["backend"], "check": check,
             "verdict": verdict, "reason": str(error), "details": {}, "seconds": 0.0}
            for check in plan["checks"]]
