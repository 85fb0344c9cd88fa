"""The bench in dom0: one guest, four backends, fio in the guest, in turn.

Called by runner.py when the job holds a bench; the host's bench.py made the
plan and takes medians.  Everything is interleaved: a round is every load on
every backend, in an order that turns from round to round, so that a slow
minute of the machine falls on all alike.  Nothing runs beyond the plan's time;
what was measured until then counts.
"""

import functools
import time

import bench_disks
import fio
import meter
from guest import Guest, save_console
from shell import Trouble, status

IDLE_S = 3
TRIES = 2  # a backend that fails so often in a guest is left out there


class Bench:
    """All of one guest: its disks, what they are asked, what was found."""

    def __init__(self, plan, queues, writer):
        self.plan, self.queues, self.writer = plan, queues, writer
        self.meter = meter.Meter()
        self.disks = bench_disks.make(plan["backends"])
        self.guest, self.idle, self.failures, self.pids = None, 0.0, {}, {}

    def start(self):
        """Backends, then the guest, then the disks that xl knows nothing of."""
        bench_disks.load_ram_disks(len(self.disks), self.plan["disk_mib"])
        for disk in self.disks:
            disk.start()
        config = self.plan["config"].replace("@QUEUES@", str(self.queues))
        lines = [line for disk in self.disks if (line := disk.line())]
        self.guest = Guest({"kind": "pv"}, config, lines, f"bench-{self.queues}")
        self.guest.create()
        for disk in self.disks:
            disk.attach(self.guest.domid)
        for disk in self.disks:
            self.guest.wait_connected(disk.devid)

    def keep(self):
        """What a person needs to understand a failure."""
        for name, text in (("xenstore", status("xenstore-ls", "-f", "/")[1]),
                           ("dmesg", status("dmesg")[1]),
                           ("xl-dmesg", status("xl", "dmesg")[1])):
            self.writer.file(f"bench-{self.queues}/{name}.txt", text.encode())
        for disk in self.disks:
            for path in disk.logs():
                with open(path, "rb") as log:
                    self.writer.file(f"bench-{self.queues}/{disk.name}.log", log.read())

    def stop(self):
        """Nothing of a guest is left for the next one; what does not go well is
        raised when the rest is done."""
        steps = [disk.stop for disk in self.disks]
        if self.guest is not None and self.guest.domid is not None:
            save_console(self.guest, self.writer, self.guest.name)
            steps.insert(0, self.guest.destroy)
            for disk in self.disks:
                steps.insert(0, functools.partial(disk.detach, self.guest.domid))
        first = None
        for step in steps:
            try:
                step()
            except Trouble as error:
                first = first or error
        if first:
            raise first

    def settle(self):
        """Every page of every disk is written once, and every grant is used;
        then what dom0 costs while nothing happens."""
        for disk in self.disks:
            self.guest.run(*fio.words({"case": "write", "queues": 1, "depth": 32},
                                      f"/dev/{disk.vdev}", self._bytes(), 2), seconds=60)
            self.pids[disk.name] = disk.pids()
        before, start = self.meter.domain_ns(), time.monotonic()
        self.guest.run("sleep", str(IDLE_S))
        self.idle = (self.meter.domain_ns() - before) / (time.monotonic() - start)

    def _bytes(self):
        return self.plan["disk_mib"] << 20

    def round(self, number, end):
        """Every load on every backend once; False when the time is over."""
        for load in self.plan["loads"]:
            turn = number % len(self.disks)
            for disk in self.disks[turn:] + self.disks[:turn]:
                if time.monotonic() > end:
                    return False
                if self.failures.get(disk.name, 0) < TRIES:
                    self.measure(disk, load, number)
        return True

    def measure(self, disk, load, number):
        """One run of fio on one disk, as a message."""
        load = load | {"queues": self.queues}
        name = {"backend": disk.name, "round": number, **load}
        try:
            sample = self.sample(disk, load)
        except (Trouble, ValueError, KeyError) as error:
            self.failures[disk.name] = self.failures.get(disk.name, 0) + 1
            self.writer.message(bench=name | {"error": str(error)[:400]})
            return
        self.writer.message(bench=name | sample)

    def sample(self, disk, load):
        command = fio.words(load, f"/dev/{disk.vdev}", self._bytes(), self.plan["seconds"])
        pids = self.pids[disk.name]
        mine, all_, start = meter.process_ns(pids), self.meter.domain_ns(), time.monotonic()
        text = self.guest.run(*command, seconds=60)
        seconds = time.monotonic() - start
        busy = self.meter.domain_ns() - all_ - self.idle * seconds
        sample = fio.result(text)
        sample["dom0_cpu_us"] = max(0.0, busy / 1000)
        sample["process_cpu_us"] = (meter.process_ns(pids) - mine) / 1000
        sample["seconds"] = round(seconds, 2)
        return sample


def run(plan, writer):
    """The whole bench: a guest for each number of queues."""
    end = time.monotonic() + plan["limit_s"]
    for position, queues in enumerate(plan["queues"]):
        left = len(plan["queues"]) - position
        share = time.monotonic() + (end - time.monotonic()) / left
        bench = Bench(plan, queues, writer)
        try:
            bench.start()
            bench.settle()
            writer.message(bench_guest={"queues": queues, "idle": bench.idle / 1e9,
                                        "boot_s": round(bench.guest.boot_seconds, 1)})
            for number in range(plan["rounds"]):
                if not bench.round(number, share):
                    break
        except Trouble as error:
            writer.message(bench={"queues": queues, "error": str(error)[:400]})
            bench.keep()
        finally:
            try:
                bench.stop()
            except Trouble as error:
                writer.message(trouble=f"bench with {queues} queues: {error}")
