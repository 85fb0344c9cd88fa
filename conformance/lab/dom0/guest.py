"""One guest: created by xl from its configuration, driven through its agent.

Used by session.py and checks.py.  Knows nothing of backends but the disk lines
that it is given; what runs inside goes through xenblk-lab-exec.
"""

import json
import os
import re
import subprocess
import time

import grub
from backends import BIN
from shell import Broken, Died, Hung, Trouble, read, run, status, wait_for

CONSOLES = "/var/log/xen"
NO_ANSWER = 125  # xenblk-lab-exec: the guest's agent says nothing
GONE = 126
TIMEOUT = 124


class Guest:
    """A domain.  spec is its row of the host's table, config its xl text."""

    def __init__(self, spec, config, disks, label):
        self.spec, self.config, self.disks = spec, config, disks
        self.name, self.domid, self.boot_seconds = label, None, 0.0

    def console(self):
        """What its console printed so far."""
        try:
            with open(f"{CONSOLES}/guest-{self.name}.log", "rb") as log:
                return log.read().replace(b"\r", b"")
        except FileNotFoundError:
            return b""

    def create(self):
        """xl create, then wait for the agent."""
        start = time.monotonic()
        path = f"/tmp/{self.name}.cfg"
        disks = ", ".join(f'"{line}"' for line in self.disks)
        with open(path, "w", encoding="utf-8") as text:
            text.write(self.config.replace("@NAME@", self.name)
                       .replace("@DISKS@", disks))
        code, text = status("xl", "create", path, seconds=90)
        if code != 0:
            if status("xl", "domid", self.name)[0] == 0:
                status("xl", "destroy", self.name, seconds=60)
            raise Trouble(f"xl create failed: {' '.join(text.split())[-300:]}")
        self.domid = int(run("xl", "domid", self.name))
        self.wait_up()
        self.boot_seconds = time.monotonic() - start

    def has_agent(self):
        """Whether commands can be run inside."""
        return self.spec.get("agent", True)

    def wait_up(self):
        """Until the guest does what it is there for."""
        if not self.has_agent():
            grub.wait_read(self)
        elif self.spec["kind"].startswith("grub"):
            self.wait_agent(grub.READ_SECONDS)
        else:
            self.wait_agent()

    def wait_agent(self, seconds=90):
        """Until a command can be run inside."""
        end = time.monotonic() + seconds
        while True:
            if not self.running():
                raise Died(f"the guest ended while it booted; {self.last_words()}")
            code, _ = status(f"{BIN}/xenblk-lab-exec", str(self.domid), "--timeout", "10",
                             "--", "true", seconds=40)
            if code == 0:
                return
            if time.monotonic() > end:
                raise Hung(f"the guest did not come up within {seconds} s; "
                           f"{self.last_words()}")
            time.sleep(0.3)

    def last_words(self):
        lines = [line for line in self.console().decode(errors="replace").splitlines()
                 if line.strip()]
        tail = " / ".join(lines[-2:])
        return f"its console ends with: {re.sub(r'[^ -~]', '', tail)[-160:]}"

    def running(self):
        return self.domid is not None and status("xl", "list", str(self.domid))[0] == 0

    def words(self, command, seconds):
        return [f"{BIN}/xenblk-lab-exec", str(self.domid), "--timeout", str(seconds),
                "--", *command]

    def run(self, *command, seconds=60, okay=(0,)):
        """Runs a command inside; its output."""
        done = subprocess.run(
            self.words(command, seconds), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=seconds + 60,
        )
        out = done.stdout.decode(errors="replace")
        self.judge(command, done.returncode, okay,
                   (done.stderr.decode(errors="replace") + out).strip())
        return out

    def judge(self, command, code, okay, said):
        """Makes a verdict of an exit status that is not okay."""
        name = command[0].rsplit("/", 1)[-1]
        if code in okay:
            return
        if code == TIMEOUT:
            raise Hung(f"{name} in the guest did not end in its time")
        if code in (GONE, NO_ANSWER) and not self.running():
            raise Died(f"the guest ended during {name}; {self.last_words()}")
        if code == NO_ANSWER:
            raise Hung(f"the guest does not answer any more (at {name}); "
                       f"{self.last_words()}")
        raise Trouble(f"{name} in the guest ended with {code}: {said[-300:]}")

    def sh(self, script, seconds=60):
        """A line for the guest's shell; its output."""
        return self.run("sh", "-c", script, seconds=seconds)

    def start(self, *command, seconds=120):
        """Starts a command inside and goes on; finish() takes its end."""
        return subprocess.Popen(
            self.words(command, seconds), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def finish(self, process, name, okay=(0,)):
        """Waits for what start() began; its output."""
        out, err = process.communicate(timeout=240)
        self.judge((name,), process.returncode, okay,
                   (err + out).decode(errors="replace").strip())
        return out.decode(errors="replace")

    def destroy(self):
        """xl destroy; how many seconds it took."""
        start = time.monotonic()
        if self.running():
            run("xl", "destroy", str(self.domid), seconds=60)
        self.domid = None
        return time.monotonic() - start

    def wait_end(self, seconds=30):
        """Until the domain is no more."""
        domid = self.domid
        wait_for(f"the end of domain {domid}", seconds,
                 lambda: status("xl", "list", str(domid))[0] != 0, 0.3)

    def frontend(self, devid):
        return f"/local/domain/{self.domid}/device/vbd/{devid}"

    def wait_connected(self, devid, seconds=30):
        """Until the frontend and its backend are both Connected."""
        front = self.frontend(devid)
        # GRUB leaves its state at Initialised.
        states = ("4",) if self.has_agent() else ("3", "4")
        wait_for(f"{front}/state = 4", seconds,
                 lambda: read(f"{front}/state") in states)
        back = read(f"{front}/backend")
        if back is None or read(f"{back}/state") != "4":
            raise Trouble(f"the frontend is Connected, its backend is not: {back}")
        return back


def load_result(text):
    """The document of xenblk-lab-disk; Trouble if there is none."""
    try:
        return json.loads(text[text.index("{"):])
    except ValueError:
        raise Broken(f"this is no result of xenblk-lab-disk: {text[-200:]}") from None


def save_console(guest, writer, label):
    """Keeps a guest's console beside the results."""
    data = guest.console()
    if data:
        writer.file(f"{label}/console.log", data)


def remove_log(name):
    """A console of its own for each guest, also when names come again."""
    path = f"{CONSOLES}/guest-{name}.log"
    if os.path.exists(path):
        os.truncate(path, 0)
