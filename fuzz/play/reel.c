/* Tapes as they stand in files.  See reel.h. */
#include "fuzz/play/reel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/guest.h"

#define TAPED_RING (LIMIT_RING_PAGES * XEN_PAGE_BYTES)
#define TAPE_MAX   (64u << 20)

static bool fits(uint32_t at, uint32_t bytes, uint32_t room)
{
	return at <= room && bytes <= room - at;
}

/* Payload and numbers of one kind; what is not named here has neither. */
static bool sound(const struct tape_head *h)
{
	switch (h->kind) {
	case TAPE_RINGS:
		return h->a <= 4 && h->b >= 1 && h->b <= GUEST_QUEUES &&
		       h->bytes == 0;
	case TAPE_CONNECT:
		return h->a <= TAPE_RING_READONLY && h->bytes == 0;
	case TAPE_RING:
		return fits(h->a, h->bytes, TAPED_RING);
	case TAPE_MEMORY:
		return h->a < GUEST_DATA_PAGES &&
		       fits(h->b, h->bytes, XEN_PAGE_BYTES);
	case TAPE_GRANT:
		return h->a < GREF_COUNT && h->b < GUEST_DATA_PAGES &&
		       h->bytes == 0;
	case TAPE_GRANT_END:
		return h->a < GREF_COUNT && h->bytes == 0;
	case TAPE_REST:
		return h->bytes == 4 * GUEST_QUEUES;
	case TAPE_ANSWER:
		return h->bytes == 8;
	case TAPE_PAGE:
		return h->a < GUEST_DATA_PAGES && h->bytes == 8 * PAGE_SECTORS;
	case TAPE_SECTOR:
		return h->bytes == 8;
	default:
		return h->kind >= TAPE_DISK && h->kind < TAPE_KIND_COUNT &&
		       h->bytes == 0;
	}
}

static int check(struct reel *reel, char *why, size_t room)
{
	unsigned int rest = 0; /* records that a TAPE_REST still wants */
	struct tape_head head = {0};

	for (reel->at = TAPE_MAGIC_SIZE; head.kind != TAPE_END;) {
		size_t here = reel->at;

		if (reel->bytes - here < sizeof(head)) {
			snprintf(why, room, "it is cut off at byte %zu", here);
			return -EPROTO;
		}
		memcpy(&head, reel->data + here, sizeof(head));
		reel->at += sizeof(head);
		if (!sound(&head) || head.queue >= GUEST_QUEUES ||
		    head.bytes > reel->bytes - reel->at ||
		    (rest > 0 && head.kind != TAPE_ANSWER &&
		     head.kind != TAPE_PAGE) ||
		    (here == TAPE_MAGIC_SIZE && head.kind != TAPE_DISK)) {
			snprintf(why, room,
				 "its record at byte %zu (kind %u) makes no "
				 "sense",
				 here, head.kind);
			return -EPROTO;
		}
		rest -= rest > 0;
		if (head.kind == TAPE_REST)
			rest = head.a + head.b;
		reel->at += head.bytes;
	}
	reel->at = TAPE_MAGIC_SIZE;
	return 0;
}

static int load(struct reel *reel, FILE *file, char *why, size_t room)
{
	long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;

	if (size < 0 || size > (long)TAPE_MAX) {
		snprintf(why, room, "it has %ld bytes; a tape has at most %u",
			 size, TAPE_MAX);
		return -EFBIG;
	}
	rewind(file);
	reel->bytes = (size_t)size;
	reel->data = malloc(reel->bytes + 1);
	if (reel->data == NULL)
		return -ENOMEM;
	if (fread(reel->data, 1, reel->bytes, file) != reel->bytes) {
		snprintf(why, room, "it cannot be read");
		return -EIO;
	}
	if (reel->bytes < TAPE_MAGIC_SIZE ||
	    memcmp(reel->data, TAPE_MAGIC, TAPE_MAGIC_SIZE) != 0) {
		snprintf(why, room,
			 "it is no tape; xenblk-tape makes one of a script");
		return -EPROTO;
	}
	return check(reel, why, room);
}

int reel_load(struct reel *reel, const char *path, char *why, size_t room)
{
	FILE *file = fopen(path, "rb");
	int err;

	*reel = (struct reel){0};
	snprintf(why, room, "there is no memory for it");
	if (file == NULL) {
		snprintf(why, room, "it cannot be opened: %s", strerror(errno));
		return -errno;
	}
	err = load(reel, file, why, room);
	fclose(file);
	if (err != 0)
		reel_free(reel);
	return err;
}

void reel_free(struct reel *reel)
{
	free(reel->data);
	*reel = (struct reel){0};
}

bool reel_next(struct reel *reel, struct tape_head *head,
	       const uint8_t **payload)
{
	memcpy(head, reel->data + reel->at, sizeof(*head));
	if (head->kind == TAPE_END)
		return false;
	*payload = reel->data + reel->at + sizeof(*head);
	reel->at += sizeof(*head) + head->bytes;
	return true;
}
