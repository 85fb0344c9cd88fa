/*
 * Numbers of virtual disks: "xvda", "sdb3", "hda" or a plain number, as
 * Xen's toolstack counts them (vbd-interface.7).  Pure.
 */
#pragma once

#include <stdint.h>

/** vdev_parse() - a name or number to the number; 0, or -EINVAL. */
int vdev_parse(const char *text, uint32_t *number);
