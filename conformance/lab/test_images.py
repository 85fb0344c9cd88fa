#!/usr/bin/env python3
"""ctest lab.images: archives, libraries, modules, kernels' payloads; nothing is
fetched and nothing is booted."""

import gzip
import lzma
import shutil
import stat
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from xenblk_lab import kernels, libraries, modules, stand_in
from xenblk_lab.cpio import Archive
from xenblk_lab.errors import LabError

HERE = Path(__file__).resolve().parent
HERE_FILE = Path(__file__).name
SHELL = Path("/bin/sh").resolve()


def listing(data):
    """{name: (mode, size, device)} of a newc archive, read independently."""
    found, at = {}, 0
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        at = (at + 110 + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return found
        body = data[at:at + fields[6]]
        found[name] = (fields[1], body, (fields[9], fields[10]))
        at = (at + fields[6] + 3) & ~3


def sample(reverse=False):
    steps = [
        lambda a: a.file("bin/sh", b"abc", 0o755),
        lambda a: a.link("sbin/init", "../bin/sh"),
        lambda a: a.character("dev/hvc0", 229, 0),
    ]
    archive = Archive()
    for step in reversed(steps) if reverse else steps:
        step(archive)
    return archive.bytes()


class Cpio(unittest.TestCase):
    def test_entries_and_the_folders_above_them(self):
        found = listing(sample())
        self.assertEqual(
            sorted(found), ["bin", "bin/sh", "dev", "dev/hvc0", "sbin", "sbin/init"]
        )
        self.assertEqual(found["bin/sh"][:2], (stat.S_IFREG | 0o755, b"abc"))
        self.assertEqual(found["sbin/init"][:2], (stat.S_IFLNK | 0o777, b"../bin/sh"))
        self.assertEqual(found["dev/hvc0"], (stat.S_IFCHR | 0o600, b"", (229, 0)))
        self.assertTrue(stat.S_ISDIR(found["dev"][0]))

    def test_the_order_of_additions_leaves_no_trace(self):
        self.assertEqual(sample(), sample(reverse=True))

    @unittest.skipUnless(shutil.which("cpio"), "there is no cpio here")
    def test_cpio_reads_it(self):
        done = subprocess.run(
            ["cpio", "-t", "--quiet"], input=sample(), capture_output=True, check=True
        )
        self.assertIn(b"sbin/init\n", done.stdout)


class Libraries(unittest.TestCase):
    def test_a_shell_and_its_libraries(self):
        found = libraries.closure([SHELL])
        names = {Path(name).name for name in found}
        self.assertIn("libc.so.6", names)
        self.assertIn("libgcc_s.so.1", names)
        self.assertTrue(any(n.startswith("ld-linux") for n in names), names)
        for path in found.values():
            self.assertTrue(path.is_file())

    def test_a_library_that_is_nowhere(self):
        with self.assertRaisesRegex(LabError, "needs libc.so.6, which"):
            libraries.closure([SHELL], {})

    def test_a_program_s_own_folders_come_first(self):
        elf = libraries.Elf("x86-64", "", (), ("/nowhere", str(HERE)))
        cache = {(HERE_FILE, "x86-64"): Path("/other"),
                 ("libx", "x86-64"): Path("/usr/lib/libx")}
        self.assertEqual(libraries._find(HERE_FILE, elf, cache), HERE / HERE_FILE)
        self.assertEqual(libraries._find("libx", elf, cache), Path("/usr/lib/libx"))
        self.assertIsNone(libraries._find("liby", elf, cache))

    def test_a_library_may_be_left_out_or_stood_in_for(self):
        found = libraries.closure([SHELL], {}, {"libc.so.6": HERE / HERE_FILE,
                                                "libgcc_s.so.1": None})
        self.assertEqual(found["/lib/x86_64-linux-gnu/libc.so.6"], HERE / HERE_FILE)
        self.assertEqual(len(found), 2)  # and the loader

    def test_a_stand_in_has_the_names_that_nobody_else_has(self):
        with tempfile.TemporaryDirectory(prefix="xenblk-lab.") as work:
            path = Path(work) / "stand-in.so"
            asked = stand_in.names(SHELL, ["libc.so.6"])
            self.assertIn("fork", asked)
            self.assertRegex(asked["fork"], r"^GLIBC_")
            stand_in.make(SHELL, ["libc.so.6"], path)
            made = stand_in._symbols(path, "--defined-only")
            self.assertEqual({name: made.get(name) for name in asked}, asked)

    def test_versions_of_a_stand_in(self):
        self.assertEqual(
            stand_in.versions({"b": "V_2", "a": "V_2", "c": "V_1", "d": ""}),
            "V_2 { global: a; b; };\nV_1 { global: c; };\n")

    def test_what_is_no_program(self):
        with self.assertRaisesRegex(LabError, "test_images.py is not an ELF program"):
            libraries.read(__file__)

    def test_the_loader_s_cache(self):
        text = (
            "2 libs found in cache\n"
            "\tliba.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/liba.so.1\n"
            "\tliba.so.1 (libc6) => /lib/i386-linux-gnu/liba.so.1\n"
        )
        table = libraries.parse_cache(text)
        self.assertEqual(
            table["liba.so.1", "i386"], Path("/lib/i386-linux-gnu/liba.so.1")
        )
        self.assertEqual(len(table), 2)


class Modules(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp()) / "modules"
        self.addCleanup(shutil.rmtree, self.folder.parent)
        (self.folder / "kernel/fs").mkdir(parents=True)
        self.add("ext4.ko", "jbd2,crc-16")
        self.add("jbd2.ko", "")
        (self.folder / "kernel/fs/crc-16.ko.xz").write_bytes(
            lzma.compress(b"\0depends=\0")
        )
        (self.folder / "modules.builtin").write_text("kernel/drivers/xen/xenfs.ko\n")
        self.tree = modules.Tree(self.folder)

    def add(self, name, needs):
        data = b"\0license=GPL\0depends=" + needs.encode() + b"\0"
        (self.folder / "kernel/fs" / name).write_bytes(data)

    def test_needs_come_first_and_built_in_ones_are_left_out(self):
        order = self.tree.order(["ext4", "xenfs"], ["crc32c_generic"])
        self.assertEqual(order, ["jbd2", "crc_16", "ext4"])

    def test_the_index(self):
        text = modules.index(self.tree, self.tree.order(["ext4"]))
        self.assertEqual(
            text, "jbd2.ko:\ncrc_16.ko:\next4.ko: crc_16.ko jbd2.ko\n"
        )

    def test_a_module_that_is_nowhere(self):
        with self.assertRaisesRegex(LabError, "has no module xen_blkfront"):
            self.tree.order(["xen-blkfront"])


def bzimage(payload):
    """A boot sector, a header, one setup sector and a payload at its end."""
    image = bytearray(1024)
    image[kernels.SETUP_SECTORS] = 1
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, kernels.PAYLOAD, 16, len(payload))
    return bytes(image) + b"\xcc" * 16 + payload


class Payloads(unittest.TestCase):
    ELF = b"\x7fELF" + bytes(range(256)) * 8
    SIZE = struct.pack("<I", len(ELF))

    def test_each_compression_with_the_size_behind_it(self):
        for packed in (gzip.compress(self.ELF), lzma.compress(self.ELF),
                       lzma.compress(self.ELF, lzma.FORMAT_ALONE)):
            image = bzimage(packed + self.SIZE)
            self.assertEqual(kernels.elf_of(image, "a kernel"), self.ELF)

    @unittest.skipUnless(shutil.which("zstd"), "there is no zstd here")
    def test_zstd(self):
        packed = subprocess.run(
            ["zstd", "-qc"], input=self.ELF, capture_output=True, check=True
        ).stdout
        image = bzimage(packed + self.SIZE)
        self.assertEqual(kernels.elf_of(image, "a kernel"), self.ELF)

    def test_an_elf_image_is_itself(self):
        self.assertEqual(kernels.elf_of(self.ELF, "a kernel"), self.ELF)

    def test_refusals_name_the_thing(self):
        with self.assertRaisesRegex(LabError, "vmlinuz-9 is neither ELF nor"):
            kernels.elf_of(b"\0" * 4096, "vmlinuz-9")
        with self.assertRaisesRegex(LabError, "begins with 6e6f7468696e: that"):
            kernels.elf_of(bzimage(b"nothing known"), "vmlinuz-9")
        with self.assertRaisesRegex(LabError, "something that is not ELF"):
            kernels.elf_of(bzimage(gzip.compress(b"text")), "vmlinuz-9")
        with self.assertRaisesRegex(LabError, "'linux-1.0' is not a kernel"):
            kernels.kernel("linux-1.0")


if __name__ == "__main__":
    unittest.main()
