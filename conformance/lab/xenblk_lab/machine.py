"""The machine that the laboratory runs in: QEMU with Xen and a dom0.

Owns the command line, the choice of the accelerator, saving a booted dom0 and
going on from it.  Knows nothing of guests or checks: run.py hands it disks.
Everything it starts ends with it: QEMU dies with this process, by its pid.
"""

import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import hypervisor
from .errors import LabError

QEMU = "qemu-system-x86_64"
# Without SMAP: dom0 dies on its first return to user mode with it under TCG.
# Without RDTSCP, with an invariant TSC: what a PVH guest needs of TCG's SVM.
TCG_CPU = "max,-smap,-rdtscp,+invtsc"
MEMORY_MIB = 4096
DOM0_MIB = 896
DISKS = ("root", "guests", "job", "results")
# What a disk is called in dom0 follows from this order: vda, vdb, vdc, vdd.
SAVE_SECONDS = 120
# Writes 16 to QEMU's debug exit port, which ends it with a status of its own.
PROBE_CODE = bytes.fromhex("b010baf400eef4ebfd")
PROBE_STATUS = 16 * 2 + 1


@dataclass
class Shape:
    """What a saved machine depends on: change one, and it is another machine."""

    xen: Path
    kernel: Path
    initrd: Path
    accel: str
    cpu: str = TCG_CPU
    vcpus: int = 1
    xen_options: str = ""

    def command(self):
        """The words for QEMU that save and resume must have in common."""
        xen = (
            "console=com1 com1=115200,8n1 noreboot=1 "
            f"dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M dom0_max_vcpus={self.vcpus} "
            "loglvl=warning guest_loglvl=warning "
            # spec-ctrl=no alone also turns off eager switching of FPU state,
            # and then processes of dom0 see each other's registers.
            "spec-ctrl=no spec-ctrl=eager-fpu xpti=no pv-l1tf=no "
            # Guests with four vCPUs share one emulated CPU, and wait for each
            # other's interrupts: short turns halve the time they take to boot.
            # The ledger reads thousands of grants from Xen's own log.
            "conring_size=1m "
            "sched=credit sched_credit_tslice_ms=1 sched_ratelimit_us=0 "
        ) + self.xen_options
        kernel = (
            "console=hvc0 loglevel=4 mitigations=off tsc=reliable nowatchdog "
            "panic=1 rdinit=/init"
        )
        return [
            QEMU, "-M", "pc", "-accel", self.accel, "-cpu", self.cpu + hypervisor.processor(self.xen),
            "-smp", "1", "-m", str(MEMORY_MIB), "-nodefaults",
            "-display", "none", "-no-reboot", "-kernel", str(self.xen),
            "-append", xen.strip(),
            "-initrd", f"{self.kernel} {kernel},{self.initrd}",
        ]


def accelerator():
    """KVM when a machine really runs with it, else TCG."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK) and _kvm_runs():
        return "kvm"
    return "tcg,thread=multi,tb-size=512"


def _kvm_runs():
    """Runs a boot sector that ends its machine; a broken KVM does not get there."""
    with tempfile.NamedTemporaryFile(suffix=".img") as disk:
        disk.write(PROBE_CODE.ljust(510, b"\0") + b"\x55\xaa")
        disk.flush()
        command = [
            QEMU, "-accel", "kvm", "-cpu", "host", "-m", "16", "-display",
            "none", "-nodefaults", "-no-reboot", "-device",
            "isa-debug-exit,iobase=0xf4,iosize=1", "-drive",
            f"file={disk.name},format=raw,if=ide",
        ]
        try:
            end = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=5, check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            return False
        return end.returncode == PROBE_STATUS


@dataclass
class Machine:
    """One QEMU.  disks maps names of DISKS to (path, format, temporary)."""

    shape: Shape
    disks: dict
    folder: Path
    state: Path | None = None  # go on from here
    console: bool = False  # the serial line is this terminal
    process: subprocess.Popen | None = None
    started: float = 0.0
    _lines: list = field(default_factory=list)

    def _drives(self):
        words = []
        for number, name in enumerate(DISKS):
            path, form, temporary = self.disks[name]
            words += [
                "-drive",
                f"file={path},if=none,id=d{number},format={form},"
                f"cache=unsafe,snapshot={'on' if temporary else 'off'}",
                "-device", f"virtio-blk-pci,drive=d{number},addr=0x{4 + number}",
            ]
        return words

    def start(self):
        """Starts QEMU; the serial line goes into console.log with times."""
        command = ["setpriv", "--pdeathsig", "KILL", *self.shape.command(),
                   *self._drives(), "-serial", "stdio",
                   "-qmp", "unix:qmp,server=on,wait=off"]
        if self.state:
            command += ["-incoming", f"exec:cat {self.state}"]
        log = open(self.folder / "qemu.log", "wb")
        self.started = time.monotonic()
        try:
            self.process = subprocess.Popen(
                command, cwd=self.folder,
                stdin=None if self.console else subprocess.DEVNULL,
                stdout=None if self.console else subprocess.PIPE,
                stderr=None if self.console else log,
                env={**os.environ, "TMPDIR": str(self.folder)},
            )
        except FileNotFoundError as error:
            raise LabError(
                f"{error.filename} is not installed: run ci/setup lab (as root)"
            ) from None
        if not self.console:
            threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        """Every line of the console, with the seconds since the start."""
        with open(self.folder / "console.log", "w", encoding="utf-8") as log:
            for raw in self.process.stdout:
                line = raw.decode("latin1").rstrip()
                seconds = time.monotonic() - self.started
                log.write(f"[{seconds:7.2f}] {line}\n")
                log.flush()
                self._lines.append(line)

    def wait_line(self, word, seconds):
        """Waits for a word on the console; only for what is no verdict."""
        seen = 0
        while time.monotonic() - self.started < seconds:
            while seen < len(self._lines):
                if word in self._lines[seen]:
                    return
                seen += 1
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise LabError(
            f"dom0 did not come to \"{word.strip()}\" within {seconds} s; its "
            f"console is in {self.folder}/console.log, QEMU's words in qemu.log"
        )

    def ended(self):
        return self.process.poll() is not None

    def stop(self):
        """Ends QEMU, if it has not ended by itself."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _qmp(self, wire, command, **arguments):
        wire.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        wire.flush()
        for line in wire:
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise LabError(f"QEMU ended at {command}; see {self.folder}/qemu.log")

    def save(self, path):
        """Writes the machine's state to a file and ends it."""
        part = path.with_suffix(".part")
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(os.path.relpath(self.folder / "qmp"))
            wire = line.makefile("rw", encoding="utf-8")
            wire.readline()
            self._qmp(wire, "qmp_capabilities")
            self._qmp(wire, "migrate-set-parameters", **{"max-bandwidth": 8 << 30})
            self._qmp(wire, "migrate", uri=f"exec:cat > {part}")
            self._wait_saved(wire)
            self._qmp(wire, "quit")
        self.process.wait()
        part.rename(path)

    def _wait_saved(self, wire):
        end = time.monotonic() + SAVE_SECONDS
        while time.monotonic() < end:
            status = self._qmp(wire, "query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise LabError("QEMU could not save the machine: is the disk full?")
            time.sleep(0.2)
        raise LabError(f"the machine was not saved within {SAVE_SECONDS} s")
