/*
 * export.h and image.h where nobody opens a store: in process, where time stands
 * still and nothing may wait for a socket, and in the worker of all other disks,
 * which would pay for libnbd and what that needs (0.7 MB a process) in vain.
 * Linked instead of the other files of this folder.
 */
#include <errno.h>
#include <stdio.h>

#include "backend/base/log.h"
#include "backend/nbd/export.h"
#include "backend/nbd/image.h"

int export_look(const char *uri, struct export_facts *facts, char *sentence,
		size_t room)
{
	(void)facts;
	snprintf(sentence, room, "there are no servers here, not even %.60s",
		 uri);
	return -ENOTSUP;
}

int image_nbd_open(const char *uri, unsigned int count, uint64_t sectors,
		   bool readonly, struct image **image)
{
	(void)count;
	(void)sectors;
	(void)readonly;
	(void)image;
	log_line(LOG_ERROR,
		 "this worker cannot open %.200s: xenblk-worker-nbd can", uri);
	return -ENOTSUP;
}
