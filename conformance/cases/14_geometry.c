/* What the properties say of disks that are not like the usual one. */
#include "conformance/case.h"

CASE("blkif.geometry.odd-capacity", MUST,
     "A capacity that no larger unit divides is told to the sector.",
     .clause = "E14 E11", .disk = DISK_ODD)
{
	guest_connect(g);
	expect_number(g, "sectors", guest_sectors(g), guest_sectors(g));
}

CASE("blkif.geometry.odd-last-sector", MUST,
     "Its last sector can be written and read.", .clause = "E14 J3",
     .disk = DISK_ODD)
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 1, 1, 1);
	expect_disk(g, guest_sectors(g) - 1, 1, 1);
}

CASE("blkif.geometry.odd-end", ROBUST,
     "A page that reaches one sector beyond an odd end is refused.",
     .clause = "K13 E14", .refusal = "BEYOND_END", .disk = DISK_ODD)
{
	struct guest_request *bad;

	guest_connect(g);
	bad = guest_read(g, .sector = guest_sectors(g) - 7);
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
}

static void capacity_is_whole(struct guest *g)
{
	uint64_t sectors, logical, physical;

	guest_connect(g);
	sectors = expect_number(g, "sectors", 1, UINT64_MAX);
	logical = expect_number(g, "sector-size", 512, 65536);
	physical = expect_number_or(g, logical, "physical-sector-size", logical,
				    UINT32_MAX);
	expect_true(g, sectors % (physical / 512) == 0,
		    "the capacity is a multiple of physical-sector-size");
}

CASE("blkif.geometry.whole-physical-sectors", MUST,
     "The capacity is a multiple of physical-sector-size.", .clause = "E13 E14")
{
	capacity_is_whole(g);
}

CASE("blkif.geometry.odd-physical-sectors", MUST,
     "So it is of a disk of odd capacity: physical-sector-size gives way.",
     .clause = "E13 E14", .disk = DISK_ODD)
{
	capacity_is_whole(g);
}

CASE("blkif.geometry.physical-power", MUST,
     "physical-sector-size is a power of two.", .clause = "E13 E9")
{
	uint64_t physical;

	guest_connect(g);
	guest_need(g, guest_has_node(g, "physical-sector-size"),
		   "the backend publishes no physical-sector-size");
	physical = expect_number(g, "physical-sector-size", 512, UINT32_MAX);
	expect_true(g, (physical & (physical - 1)) == 0,
		    "physical-sector-size is a power of two");
}

CASE("blkif.geometry.sector-size-power", MUST,
     "sector-size is a power of two, at least 512.", .clause = "E9")
{
	uint64_t logical;

	guest_connect(g);
	logical = expect_number(g, "sector-size", 512, 65536);
	expect_true(g, (logical & (logical - 1)) == 0,
		    "sector-size is a power of two");
}

CASE("blkif.geometry.info-known-bits", MUST,
     "info has no bit but those of a CD-ROM, a removable and a read-only disk.",
     .clause = "E8")
{
	guest_connect(g);
	expect_number(g, "info", 0,
		      VDISK_CDROM | VDISK_REMOVABLE | VDISK_READONLY);
}

CASE("blkif.geometry.disk-is-no-cdrom", MUST,
     "info of a disk does not say that it is a CD-ROM.", .clause = "E8 F14")
{
	guest_connect(g);
	expect_true(g, (guest_properties(g)->info & VDISK_CDROM) == 0,
		    "the CD-ROM bit of info is clear");
}

CASE("blkif.geometry.cdrom", MUST, "info of a CD-ROM says so.",
     .clause = "E8 F14", .disk = DISK_CDROM)
{
	guest_connect(g);
	expect_true(g, (guest_properties(g)->info & VDISK_CDROM) != 0,
		    "the CD-ROM bit of info is set");
}

CASE("blkif.geometry.cdrom-read-only", MUST,
     "info of a CD-ROM that may not be written says that as well.",
     .clause = "E8 B1", .disk = DISK_CDROM)
{
	guest_connect(g);
	expect_true(g, (guest_properties(g)->info & VDISK_READONLY) != 0,
		    "the read-only bit of info is set");
}

CASE("blkif.geometry.removable", QUIRK,
     "A disk whose node removable says 1 has the removable bit.",
     .clause = "K18 E8", .disk = DISK_CDROM)
{
	guest_connect(g);
	expect_text(g, "removable", "1");
	expect_true(g, (guest_properties(g)->info & VDISK_REMOVABLE) != 0,
		    "the removable bit of info is set");
}

CASE("blkif.geometry.cdrom-capacity", MUST,
     "A CD-ROM with a medium has the medium's capacity.", .clause = "E14",
     .disk = DISK_CDROM)
{
	guest_connect(g);
	expect_number(g, "sectors", guest_sectors(g), guest_sectors(g));
}

CASE("blkif.geometry.cdrom-read", MUST, "A medium can be read to its end.",
     .clause = "B1 E14", .disk = DISK_CDROM)
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g, .sector = guest_sectors(g) - 88, .segments = 11);
	guest_send(g, r);
	expect_okay(g, r);
}

CASE("blkif.geometry.cdrom-write", ROBUST,
     "A write to a medium that may not be written is refused.", .clause = "Q20",
     .refusal = "READ_ONLY", .disk = DISK_CDROM)
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = 8, .seed = 1);
	guest_send(g, w);
	expect_status(g, w, BLKIF_RSP_ERROR);
}

CASE("blkif.geometry.mode-stays", MUST,
     "The toolstack's mode is left as it was: the frontend reads it too.",
     .clause = "B1", .disk = DISK_READ_ONLY)
{
	guest_connect(g);
	expect_text(g, "mode", "r");
}
