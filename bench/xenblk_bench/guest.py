"""The process that plays a guest: connects, then does what it is told."""

import json
import os
import select
import subprocess

from .peers import Failed

DOMID = 5
CONNECT_S = 15
LOAD = "xenblk-bench-load"


class Guest:
    """The guest's process: connects, then drives the disk when told to."""

    def __init__(self, spec, settings, domid=DOMID, program=LOAD):
        command = [spec.tool("xenblk-sim"), "guest", str(domid), "--"]
        command += [spec.tool(program), "--domid", str(domid)]
        command += ["--timeout-ms", str(CONNECT_S * 1000)]
        for key, value in settings.items():
            command += [f"--{key}", str(value)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, set(spec.front_cpus)),
        )
        self.connection = self._answer(CONNECT_S + 10)

    def _answer(self, seconds):
        """The next line, which comes in bounded time or not at all."""
        out = self.process.stdout
        if not select.select([out], [], [], seconds)[0]:
            raise Failed(f"the guest said nothing for {seconds:.0f} s")
        line = out.readline()
        if not line:
            raise Failed(
                f"the guest ended with status {self.process.wait(10)}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def begin(self, seconds):
        """Let it drive the disk for so long."""
        self.process.stdin.write(f"run {seconds}\n".encode())
        self.process.stdin.flush()

    def run(self, seconds):
        """Drive the disk for so long; what the guest measured."""
        self.begin(seconds)
        return self.finished(seconds)

    def finished(self, seconds):
        """What the guest measured in the run that was begun."""
        return self._answer(seconds + 30)

    def fill(self):
        """Write the whole disk once."""
        self.process.stdin.write(b"fill\n")
        self.process.stdin.flush()
        self._answer(60)

    def end(self):
        """Disconnect in an orderly way."""
        self.process.stdin.close()
        try:
            self.process.wait(CONNECT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
