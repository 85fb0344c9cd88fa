#!/usr/bin/env python3
"""ctest lab.guests: the table of guests and the text for xl; nothing is built."""

import os
import shutil
import tempfile
import unittest
from unittest import mock

from xenblk_lab import guests, hypervisor, kernels
from xenblk_lab.errors import LabError

LINUX = """\
name="@NAME@"
type="pv"
kernel="/guests/linux-6.1/kernel"
ramdisk="/guests/linux-6.1/ramdisk"
extra="console=hvc0 loglevel=4 mitigations=off nowatchdog panic=1 rdinit=/init"
memory=256
vcpus=4
on_poweroff="destroy"
on_reboot="restart"
on_crash="destroy"
disk=[@DISKS@]
"""


class Table(unittest.TestCase):
    def test_every_row_names_what_there_is(self):
        for guest in (*guests.GUESTS, *guests.OTHER_GUESTS):
            if guest.kind != "grub32":
                self.assertIn(guest.kernel, kernels.KERNELS)
            self.assertIn(guest.xen, hypervisor.IMAGES)

    def test_names_are_unique_and_others_are_not_of_the_matrix(self):
        names = [g.name for g in (*guests.GUESTS, *guests.OTHER_GUESTS)]
        self.assertEqual(len(set(names)), len(names))
        self.assertNotIn("linux-6.1-fio", guests.names())
        self.assertNotIn("linux-6.1-pae", guests.names())
        self.assertEqual(guests.spec("linux-6.1-fio").archive, "fio")

    def test_the_order_is_the_table_s(self):
        chosen = guests.specs(["linux-6.12", "linux-5.10"])
        self.assertEqual([g.name for g in chosen], ["linux-5.10", "linux-6.12"])
        self.assertEqual([g.name for g in guests.specs()], guests.names())

    def test_a_name_that_nobody_knows(self):
        with self.assertRaisesRegex(LabError, "no guest 'minix'; there are linux-5.10,"):
            guests.specs(["minix"])
        with self.assertRaisesRegex(LabError, "'lynx' is not a hypervisor"):
            hypervisor.image("lynx")


class Text(unittest.TestCase):
    def test_a_pv_linux(self):
        self.assertEqual(guests.spec("linux-6.1").config(), LINUX)

    def test_a_pvh_linux(self):
        lines = guests.spec("linux-6.1-pvh").config().splitlines()
        self.assertIn('type="pvh"', lines)
        self.assertIn('tsc_mode="native"', lines)

    def test_a_guest_without_an_agent_works_by_itself(self):
        facts = guests.spec("linux-6.1-pae").for_dom0()
        self.assertFalse(facts["agent"])
        self.assertIn('type="pvh"\n', facts["config"])
        line = next(t for t in facts["config"].splitlines() if t.startswith("extra="))
        # One word of the command line: init makes blanks of the commas.
        self.assertTrue(line.split(" ")[-1].startswith("lab.run=while,xenblk-lab-disk"))
        self.assertEqual(line.count('"'), 2)

    def test_what_dom0_gets_holds_no_path_of_this_machine(self):
        facts = guests.spec("linux-6.1").for_dom0()
        self.assertEqual(facts["protocol"], "x86_64-abi")
        self.assertEqual(facts["config"], LINUX)
        self.assertNotIn(os.getcwd(), str(facts))


class Versions(unittest.TestCase):
    def test_of_a_kernel_that_is_there_or_not(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        with mock.patch.dict(os.environ, XENBLK_LAB_CACHE=folder):
            self.assertEqual(guests.spec("linux-6.1").built_version(), "not built")
            path = kernels.version_file("linux-6.1")
            path.parent.mkdir(parents=True)
            path.write_text("linux-image-x 6.1.1-1\n")
            self.assertEqual(
                guests.spec("linux-6.1").built_version(), "linux-image-x 6.1.1-1"
            )


if __name__ == "__main__":
    unittest.main()
