/*
 * The test disks: what each is like, on every target.
 *
 * Asked by targets, which make them, and by cases, which must know what is true
 * of them.  Holds nothing else.
 */
#include "backend/base/check.h"
#include "conformance/case.h"

const struct case_disk_shape *case_disk_shape(enum case_disk disk)
{
	static const struct case_disk_shape shapes[] = {
		[DISK_WRITABLE] = {"writable", "xvda", 16384, false, false, 0},
		[DISK_READ_ONLY] = {"read-only", "xvdb", 16384, true, false, 0},
		[DISK_LARGE] = {"large", "xvdc", 3ull << 31, false, false, 0},
		[DISK_ODD] = {"odd", "xvdd", 16385, false, false, 0},
		[DISK_CDROM] = {"cdrom", "xvde", 16384, true, true, 0},
		[DISK_ELASTIC] = {"elastic", "xvdf", 16384, false, false, 0},
		[DISK_BLOCKS] = {"blocks", "xvdg", 16384, .block = 4096},
		[DISK_PLAIN] = {"plain", "xvdh", 16384, false, false, 0},
	};

	_Static_assert(sizeof(shapes) / sizeof(*shapes) == CASE_DISK_COUNT,
		       "a shape for each disk");
	CHECK(disk < CASE_DISK_COUNT);
	return &shapes[disk];
}
