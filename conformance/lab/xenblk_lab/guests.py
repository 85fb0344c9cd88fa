"""The guests: which kernel, which archive, which kind of domain, which protocol.

One row for each; everything else (commands.py, run.py, the checks in dom0) asks
here.  files() builds what a guest boots from, for_dom0() is what travels with a
job: names and texts, no paths of this machine.
"""

from dataclasses import dataclass

from . import grub, initramfs, kernels
from .errors import LabError

# Where dom0 mounts the disk of the guests' images.
DOM0_FOLDER = "/guests"
LINUX_ARGUMENTS = (
    "console=hvc0 loglevel=4 mitigations=off nowatchdog panic=1 rdinit=/init"
)

# What a guest without an agent does: verified I/O, again and again.
READ_ON = (
    "while xenblk-lab-disk load /dev/xvda --requests 300 --threads 2; "
    f"do echo {grub.RIGHT}; done; echo {grub.WRONG}"
)


@dataclass(frozen=True)
class Guest:
    """A row of the table."""

    name: str
    kind: str  # pv, pvh, pvh32, grub64 or grub32
    kernel: str  # a name of kernels.py; none for the 32-bit GRUB
    archive: str = "guest"  # or fio
    vcpus: int = 4
    memory_mib: int = 256
    protocol: str = "x86_64-abi"
    xen: str = "stock"  # a name of hypervisor.py
    arguments: str = ""

    def files(self):
        """{name in dom0's folder of this guest: path}, built if need be.

        "disk" is what the guest's disk holds at first; without it, zeros.
        """
        if self.kind == "grub32":
            return {"kernel": grub.program(32), "disk": grub.disk(self.name)}
        kernel = kernels.kernel(self.kernel)
        if self.kind == "pvh32":
            return {"kernel": kernel.vmlinux, "ramdisk": initramfs.narrow(kernel)}
        build = initramfs.bench if self.archive == "fio" else initramfs.guest
        ramdisk = build(kernel)
        if self.kind == "grub64":
            disk = grub.disk(self.name, self.linux_arguments(), kernel.vmlinux, ramdisk)
            return {"kernel": grub.program(64), "disk": disk}
        return {"kernel": kernel.vmlinux, "ramdisk": ramdisk}

    def linux_arguments(self):
        """The kernel's command line."""
        return f"{LINUX_ARGUMENTS} {self.arguments}".strip()

    def built_version(self):
        """Package and version of its kernel, or that it is not there."""
        if self.kind == "grub32":
            return grub.PACKAGE
        path = kernels.version_file(self.kernel)
        return path.read_text().strip() if path.exists() else "not built"

    def config(self):
        """The text for xl; @NAME@ and @DISKS@ are filled in by dom0."""
        folder = f"{DOM0_FOLDER}/{self.name}"
        lines = [
            'name="@NAME@"',
            f'type="{"pvh" if self.kind.startswith("pvh") else "pv"}"',
            f'kernel="{folder}/kernel"',
            f"memory={self.memory_mib}",
            f"vcpus={self.vcpus}",
            'on_poweroff="destroy"',
            'on_reboot="restart"',
            'on_crash="destroy"',
            "disk=[@DISKS@]",
        ]
        if not self.kind.startswith("grub"):
            lines.insert(3, f'ramdisk="{folder}/ramdisk"')
            lines.insert(4, f'extra="{self.linux_arguments()}"')
        if self.kind.startswith("pvh"):
            # TCG's SVM knows neither RDTSCP nor a scaled clock.
            lines.append('tsc_mode="native"')
        return "".join(line + "\n" for line in lines)

    def for_dom0(self):
        """What the scripts in dom0 know of this guest."""
        return {
            "name": self.name, "kind": self.kind, "protocol": self.protocol,
            "vcpus": self.vcpus, "config": self.config(),
            # Whether files() has a disk; whether an agent will answer.
            "disk": self.kind.startswith("grub"), "agent": self.kind not in ("grub32", "pvh32"),
        }


GUESTS = (
    Guest("linux-5.10", "pv", "linux-5.10"),
    Guest("linux-6.1", "pv", "linux-6.1"),
    Guest("linux-6.12", "pv", "linux-6.12"),
    Guest("linux-newest", "pv", "linux-newest"),
    Guest("linux-6.1-pvh", "pvh", "linux-6.1"),
    # vCPUs: GRUB starts one, and Linux after it would have to wait for more.
    Guest("grub-64", "grub64", "linux-6.1", vcpus=1, memory_mib=384),
    Guest("grub-32", "grub32", "", vcpus=1, protocol="x86_32-abi", xen="pv32"),
)
# Not of the matrix: asked for by name, by the bench or by a person with time
# (shadow page tables under emulation are slow).
OTHER_GUESTS = (
    Guest("linux-6.1-fio", "pv", "linux-6.1", archive="fio", memory_mib=512),
    # Debian has no Xen libraries for 32 bits, hence no agent; its console tells.
    Guest("linux-6.1-pae", "pvh32", "linux-6.1-pae", vcpus=1, protocol="x86_32-abi",
          xen="pv32", arguments="lab.run=" + READ_ON.replace(" ", ",")),
)


def names():
    """The guests of the matrix, in its order."""
    return [guest.name for guest in GUESTS]


def spec(name):
    """A guest by name."""
    for guest in (*GUESTS, *OTHER_GUESTS):
        if guest.name == name:
            return guest
    raise LabError(
        f"there is no guest '{name}'; there are {', '.join(names())}, and "
        f"by name only {', '.join(g.name for g in OTHER_GUESTS)}."
    )


def specs(wanted=()):
    """The guests of these names, or all of the matrix; in the table's order."""
    chosen = set(wanted) or set(names())
    for name in chosen:
        spec(name)
    return [g for g in (*GUESTS, *OTHER_GUESTS) if g.name in chosen]
