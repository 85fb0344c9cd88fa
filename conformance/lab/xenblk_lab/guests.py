"""The guests: which kernel, which archive, which kind of domain, which protocol.

One row for each; everything else (commands.py, run.py, the checks in dom0) asks
here.  files() builds what a guest boots from, for_dom0() is what travels with a
job: names and texts, no paths of this machine.
"""

from dataclasses import dataclass

from . import initramfs, kernels
from .errors import LabError

# Where dom0 mounts the disk of the guests' images.
DOM0_FOLDER = "/guests"
LINUX_ARGUMENTS = (
    "console=hvc0 loglevel=4 mitigations=off nowatchdog panic=1 rdinit=/init"
)


@dataclass(frozen=True)
class Guest:
    """A row of the table."""

    name: str
    kind: str  # pv, pvh, grub64 or grub32
    kernel: str  # a name of kernels.py
    archive: str = "guest"  # or fio
    vcpus: int = 4
    memory_mib: int = 256
    protocol: str = "x86_64-abi"
    xen: str = "stock"  # a name of hypervisor.py
    arguments: str = ""

    def files(self):
        """{name in dom0's folder of this guest: path}, built if need be."""
        kernel = kernels.kernel(self.kernel)
        build = initramfs.bench if self.archive == "fio" else initramfs.guest
        return {"kernel": kernel.vmlinux, "ramdisk": build(kernel)}

    def built_version(self):
        """Package and version of its kernel, or that it is not there."""
        path = kernels.version_file(self.kernel)
        return path.read_text().strip() if path.exists() else "not built"

    def config(self):
        """The text for xl; @NAME@ and @DISKS@ are filled in by dom0."""
        folder = f"{DOM0_FOLDER}/{self.name}"
        lines = [
            'name="@NAME@"',
            f'type="{"pvh" if self.kind == "pvh" else "pv"}"',
            f'kernel="{folder}/kernel"',
            f"memory={self.memory_mib}",
            f"vcpus={self.vcpus}",
            'on_poweroff="destroy"',
            'on_reboot="restart"',
            'on_crash="destroy"',
            "disk=[@DISKS@]",
        ]
        lines.insert(3, f'ramdisk="{folder}/ramdisk"')
        arguments = f"{LINUX_ARGUMENTS} {self.arguments}".strip()
        lines.insert(4, f'extra="{arguments}"')
        if self.kind == "pvh":
            # TCG's SVM knows neither RDTSCP nor a scaled clock.
            lines.append('tsc_mode="native"')
        return "".join(line + "\n" for line in lines)

    def for_dom0(self):
        """What the scripts in dom0 know of this guest."""
        return {
            "name": self.name, "kind": self.kind, "protocol": self.protocol,
            "vcpus": self.vcpus, "config": self.config(),
        }


GUESTS = (
    Guest("linux-5.10", "pv", "linux-5.10"),
    Guest("linux-6.1", "pv", "linux-6.1"),
    Guest("linux-6.12", "pv", "linux-6.12"),
    Guest("linux-newest", "pv", "linux-newest"),
    Guest("linux-6.1-pvh", "pvh", "linux-6.1"),
)
# Not of the matrix: the bench asks for it by name.
BENCH_GUESTS = (
    Guest("linux-6.1-fio", "pv", "linux-6.1", archive="fio", memory_mib=512),
)


def names():
    """The guests of the matrix, in its order."""
    return [guest.name for guest in GUESTS]


def spec(name):
    """A guest by name."""
    for guest in (*GUESTS, *BENCH_GUESTS):
        if guest.name == name:
            return guest
    raise LabError(
        f"there is no guest '{name}'; there are {', '.join(names())}, and "
        f"for the bench {', '.join(g.name for g in BENCH_GUESTS)}."
    )


def specs(wanted=()):
    """The guests of these names, or all of the matrix; in the table's order."""
    chosen = set(wanted) or set(names())
    for name in chosen:
        spec(name)
    return [g for g in (*GUESTS, *BENCH_GUESTS) if g.name in chosen]
