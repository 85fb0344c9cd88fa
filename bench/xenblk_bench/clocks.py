"""What another process used: CPU time, system calls, memory, wake-ups.

Reads the kernel's own counters; nothing here slows the observed process, but
for system calls, which are therefore counted in a run of their own.
"""

import os
import re
import shutil
import signal
import subprocess
import time

EVENT = "raw_syscalls:sys_enter"


def cpu_ns(pid):
    """CPU time of a process, all threads, in nanoseconds.

    The process's own POSIX clock (clock_getcpuclockid): exact to the
    nanosecond, also while its threads run, and threads that ended count.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def children(pid):
    """Processes that this one started and that live."""
    found = set()
    for task in _tasks(pid):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found.update(int(word) for word in f.read().split())
        except FileNotFoundError:
            continue
    return sorted(found)


def _tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return []


def switches(pid):
    """How often the process's threads left the CPU."""
    total = 0
    for task in _tasks(pid):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            total += sum(
                int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", f.read())
            )
    return total


def pss_kib(pid):
    """(all, shared memory of the simulator) of a process's memory in KiB.

    Proportional: a page that two processes map counts half for each.  Guest
    pages that are mapped belong to the guest on real Xen; the simulator keeps
    them in memory files, which the second figure is about.
    """
    with open(f"/proc/{pid}/smaps_rollup") as f:
        total = int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
    guests, counts = 0, False
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                counts = "memfd:" in line and "sim" in line
            elif counts and line.startswith("Pss:"):
                guests += int(line.split()[1])
    return total, guests


def system_call_counter():
    """perf, strace or None: what can count system calls here."""
    if shutil.which("perf"):
        try:
            done = subprocess.run(
                ["perf", "stat", "-e", EVENT, "true"],
                capture_output=True,
                timeout=20,
                env=plain_environment(),
            )
            if done.returncode == 0 and b"not supported" not in done.stderr:
                return "perf"
        except subprocess.TimeoutExpired:
            pass
    return "strace" if shutil.which("strace") else None


def plain_environment():
    """Our environment without the simulator's library, for ordinary tools."""
    return {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}


def counting(tool, path):
    """The start of a command line that counts the system calls of the rest."""
    if tool == "perf":
        return ["perf", "stat", "-x,", "-o", path, "-e", EVENT]
    return ["strace", "-f", "-c", "-U", "calls,name", "-o", path]


def counted(tool, path):
    """What was counted into that file, None when there is no figure."""
    with open(path) as f:
        text = f.read()
    pattern = (
        r"^(\d+),.*raw_syscalls" if tool == "perf" else r"^\s*(\d+)\s+total"
    )
    found = re.search(pattern, text, re.M)
    return int(found.group(1)) if found else None


class SystemCalls:
    """Counts the system calls of processes between enter and exit.

    perf counts a tracepoint per thread, in the kernel, and is told when to
    begin and to end; strace stops the process at each call and so changes how
    work is batched: its figure is an upper bound.
    """

    def __init__(self, tool, pids, place):
        self.tool, self.pids = tool, pids
        self.path = os.path.join(place, f"calls-{os.getpid()}")
        self.count = None

    def __enter__(self):
        (self._enter_perf if self.tool == "perf" else self._enter_strace)()
        return self

    def __exit__(self, *_):
        if self.tool == "perf":
            self._tell("disable")
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.count = counted(self.tool, self.path)
        os.unlink(self.path)
        if self.tool == "perf":
            os.close(self.tell)
            os.close(self.hear)

    def _enter_perf(self):
        control, self.tell = os.pipe()
        self.hear, ack = os.pipe()
        self.process = subprocess.Popen(
            counting("perf", self.path)
            + ["-D", "-1", "--control", f"fd:{control},{ack}"]
            + ["-p", ",".join(map(str, self.pids))],
            pass_fds=(control, ack),
            env=plain_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(control)
        os.close(ack)
        self._tell("enable")

    def _tell(self, word):
        """A command to perf; it answers when it has obeyed."""
        os.write(self.tell, word.encode() + b"\n")
        os.read(self.hear, 16)

    def _enter_strace(self):
        self.process = subprocess.Popen(
            counting("strace", self.path)
            + [word for pid in self.pids for word in ("-p", str(pid))],
            env=plain_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # It says so when it is attached.
        self.process.stderr.readline()
