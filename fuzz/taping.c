/* Laying down a tape, and what on it is certain.  See taping.h. */
#include "fuzz/taping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

struct tape {
	FILE *to;
	bool over; /* blind: nothing more is taken */
	/* What the guest writes while the backend runs: the model answers for
	 * it then.  A real one does it when it has seen what there is. */
	bool resting;
	FILE *later;
	char *later_data;
	size_t later_bytes;
	unsigned int answers;
	struct tape_head answer[MODEL_EXPECTED];
	uint64_t id[MODEL_EXPECTED];
	uint32_t pages; /* changed since the last rest, one bit each */
	uint8_t unsure_page[GUEST_DATA_PAGES]; /* one bit for each sector */
	uint64_t unsure_disk[DISK_MAX_SECTORS / 64];
};

static void put(struct tape *tape, struct tape_head head, const void *payload)
{
	FILE *to = tape->resting ? tape->later : tape->to;

	if (tape->over && head.kind < TAPE_SECTOR)
		return;
	CHECK(head.bytes <= TAPE_PAYLOAD_MAX);
	fwrite(&head, sizeof(head), 1, to);
	if (payload != NULL && head.bytes > 0)
		fwrite(payload, head.bytes, 1, to);
}

void taping_begin(struct model *model, FILE *to)
{
	struct tape *tape = calloc(1, sizeof(*tape));
	const struct tape_head disk = {
		.kind = TAPE_DISK,
		.a = (uint32_t)model->disk->sectors,
		.flags = model->readonly ? TAPE_READONLY : 0,
	};

	CHECK(tape != NULL);
	tape->to = to;
	tape->later = open_memstream(&tape->later_data, &tape->later_bytes);
	CHECK(tape->later != NULL);
	model->guest->tape = tape;
	/* A play that is repeated is taped anew. */
	rewind(to);
	CHECK(ftruncate(fileno(to), 0) == 0);
	fwrite(TAPE_MAGIC, TAPE_MAGIC_SIZE, 1, to);
	put(tape, disk, NULL);
}

static bool disk_unsure(const struct tape *tape, uint64_t sector)
{
	return (tape->unsure_disk[sector / 64] >> sector % 64 & 1) != 0;
}

static void set_disk(struct tape *tape, uint64_t sector, bool unsure)
{
	uint64_t bit = UINT64_C(1) << sector % 64;

	CHECK(sector < DISK_MAX_SECTORS);
	if (unsure)
		tape->unsure_disk[sector / 64] |= bit;
	else
		tape->unsure_disk[sector / 64] &= ~bit;
}

static bool page_unsure(const struct tape *tape, unsigned int page,
			unsigned int sector)
{
	return (tape->unsure_page[page] >> sector & 1) != 0;
}

static void set_page(struct tape *tape, unsigned int page, unsigned int sector,
		     bool unsure)
{
	tape->pages |= 1u << page;
	if (unsure)
		tape->unsure_page[page] |= (uint8_t)(1u << sector);
	else
		tape->unsure_page[page] &= (uint8_t) ~(1u << sector);
}

static void put_disk(struct tape *tape, const struct disk *disk)
{
	for (uint64_t s = 0; s < disk->sectors; s++) {
		uint64_t hash =
			tape_hash(disk->bytes + s * SECTOR_BYTES, SECTOR_BYTES);

		if ((disk->touched[s / 64] >> s % 64 & 1) == 0 &&
		    !disk_unsure(tape, s))
			continue;
		put(tape,
		    (struct tape_head){
			    .kind = TAPE_SECTOR,
			    .a = (uint32_t)s,
			    .flags = disk_unsure(tape, s) ? 0 : TAPE_CERTAIN,
			    .bytes = sizeof(hash)},
		    &hash);
	}
}

int taping_end(struct model *model)
{
	struct tape *tape = model->guest->tape;
	int err;

	if (!tape->over)
		put_disk(tape, model->disk);
	put(tape, (struct tape_head){.kind = TAPE_END}, NULL);
	err = fflush(tape->to) == 0 && !ferror(tape->to) ? 0 : -EIO;
	fclose(tape->later);
	free(tape->later_data);
	free(tape);
	model->guest->tape = NULL;
	return err;
}

/* --- what the guest does --- */

static uint16_t shape_flags(const struct guest_shape *shape)
{
	unsigned int flags = shape->packed ? TAPE_PACKED : 0;

	return (uint16_t)(flags | (shape->persistent ? TAPE_PERSISTENT : 0));
}

void taping_rings(const struct guest *guest, bool fresh)
{
	unsigned int flags = shape_flags(&guest->shape);

	if (guest->tape == NULL)
		return;
	put(guest->tape,
	    (struct tape_head){
		    .kind = TAPE_RINGS,
		    .a = guest->shape.order,
		    .b = guest->shape.queues,
		    .flags = (uint16_t)(flags | (fresh ? TAPE_FRESH : 0))},
	    NULL);
}

void taping_connect(const struct guest *guest, enum tape_wrong wrong,
		    bool refused)
{
	unsigned int flags = shape_flags(&guest->shape);

	if (guest->tape == NULL)
		return;
	put(guest->tape,
	    (struct tape_head){
		    .kind = TAPE_CONNECT,
		    .a = wrong,
		    .flags = (uint16_t)(flags | (refused ? TAPE_REFUSED : 0))},
	    NULL);
}

void taping_detach(const struct guest *guest)
{
	if (guest->tape != NULL)
		put(guest->tape, (struct tape_head){.kind = TAPE_DETACH}, NULL);
}

void taping_ring(const struct guest *guest, unsigned int queue, size_t at,
		 const void *bytes, size_t count)
{
	if (guest->tape != NULL)
		put(guest->tape,
		    (struct tape_head){.kind = TAPE_RING,
				       .queue = (uint8_t)queue,
				       .a = (uint32_t)at,
				       .bytes = (uint32_t)count},
		    bytes);
}

void taping_kick(const struct guest *guest, unsigned int queue)
{
	if (guest->tape != NULL)
		put(guest->tape,
		    (struct tape_head){.kind = TAPE_KICK,
				       .queue = (uint8_t)queue},
		    NULL);
}

void taping_memory(const struct guest *guest, unsigned int page,
		   unsigned int at, const uint8_t *bytes, unsigned int count)
{
	struct tape *tape = guest->tape;

	if (tape == NULL)
		return;
	put(tape,
	    (struct tape_head){
		    .kind = TAPE_MEMORY, .a = page, .b = at, .bytes = count},
	    bytes);
	tape->pages |= 1u << page;
	/* Only whole sectors make certain what was not. */
	if (at % SECTOR_BYTES == 0 && count == SECTOR_BYTES)
		set_page(tape, page, at / SECTOR_BYTES, false);
}

void taping_grant(const struct guest *guest, uint32_t gref, unsigned int page,
		  bool readonly)
{
	if (guest->tape != NULL)
		put(guest->tape,
		    (struct tape_head){.kind = TAPE_GRANT,
				       .a = gref,
				       .b = page,
				       .flags = readonly ? TAPE_READONLY : 0},
		    NULL);
}

void taping_grant_end(const struct guest *guest, uint32_t gref)
{
	if (guest->tape != NULL)
		put(guest->tape,
		    (struct tape_head){.kind = TAPE_GRANT_END, .a = gref},
		    NULL);
}

/* --- what the backend does --- */

static void note_read(struct tape *tape, const struct expected *e, bool sure)
{
	uint64_t at = e->request.sector;

	for (unsigned int i = 0; i < e->request.segments; i++)
		for (unsigned int s = e->request.segment[i].first;
		     s <= e->request.segment[i].last; s++, at++)
			for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
				if ((e->pages[i] >> p & 1) != 0)
					set_page(tape, p, s,
						 !sure ||
							 disk_unsure(tape, at));
}

static void note_write(struct tape *tape, const struct expected *e, bool sure)
{
	uint64_t at = e->request.sector;

	for (unsigned int i = 0; i < e->request.segments; i++) {
		unsigned int page =
			(unsigned int)__builtin_ctz(e->pages[i] | 1u << 31);

		for (unsigned int s = e->request.segment[i].first;
		     s <= e->request.segment[i].last; s++, at++)
			set_disk(tape, at,
				 !sure || page >= GUEST_DATA_PAGES ||
					 page_unsure(tape, page, s));
	}
}

/* Of what an answered request moved, how much everybody must find so. */
static void note_effect(struct tape *tape, const struct expected *e, int status)
{
	const bool one_status = (e->legal & (e->legal - 1)) == 0;
	bool sure = !e->loose && one_status && status == 0;

	for (unsigned int i = 0; i < e->request.segments; i++)
		if ((e->pages[i] & (e->pages[i] - 1)) != 0)
			sure = false;
	if (e->request.kind == REFERENCE_READ)
		note_read(tape, e, sure);
	else if (!e->bad_grant || e->loose)
		note_write(tape, e, sure);
}

void taping_answer(const struct guest *guest,
		   const struct taping_answer *answer)
{
	struct tape *tape = guest->tape;
	const struct response *r = answer->response;

	if (tape == NULL || tape->over)
		return;
	CHECK(tape->answers < ARRAY_SIZE(tape->answer));
	tape->answer[tape->answers] = (struct tape_head){
		.kind = TAPE_ANSWER,
		.queue = (uint8_t)answer->queue,
		.flags = answer->expected->legal,
		.a = answer->index,
		.b = r->operation | (uint32_t)(uint16_t)r->status << 16,
		.bytes = sizeof(r->id),
	};
	tape->id[tape->answers++] = r->id;
	note_effect(tape, answer->expected, r->status);
}

void taping_rests(const struct guest *guest)
{
	if (guest->tape != NULL)
		guest->tape->resting = true;
}

static void put_page(struct tape *tape, const struct model *model,
		     unsigned int page)
{
	uint64_t hash[PAGE_SECTORS];

	for (unsigned int s = 0; s < PAGE_SECTORS; s++)
		hash[s] = tape_hash(model->page[page] + s * SECTOR_BYTES,
				    SECTOR_BYTES);
	put(tape,
	    (struct tape_head){.kind = TAPE_PAGE,
			       .a = page,
			       .flags = (uint8_t)~tape->unsure_page[page],
			       .bytes = sizeof(hash)},
	    hash);
}

/* What was held back while the backend ran. */
static void put_later(struct tape *tape)
{
	fflush(tape->later);
	if (!tape->over)
		fwrite(tape->later_data, tape->later_bytes, 1, tape->to);
	fclose(tape->later);
	free(tape->later_data);
	tape->later = open_memstream(&tape->later_data, &tape->later_bytes);
	CHECK(tape->later != NULL);
}

void taping_rested(const struct model *model)
{
	struct tape *tape = model->guest->tape;
	uint32_t seen[GUEST_QUEUES] = {0};

	if (tape == NULL)
		return;
	tape->resting = false;
	if (model->blind)
		taping_blind(model->guest);
	for (unsigned int i = 0; i < model->guest->shape.queues; i++)
		seen[i] = model->guest->queue[i].rsp_seen;
	put(tape,
	    (struct tape_head){.kind = TAPE_REST,
			       .a = tape->answers,
			       .b = (uint32_t)__builtin_popcount(tape->pages),
			       .bytes = sizeof(seen)},
	    seen);
	for (unsigned int i = 0; i < tape->answers; i++)
		put(tape, tape->answer[i], &tape->id[i]);
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
		if ((tape->pages >> p & 1) != 0)
			put_page(tape, model, p);
	tape->answers = 0;
	tape->pages = 0;
	put_later(tape);
}

void taping_halt(const struct guest *guest)
{
	if (guest->tape != NULL)
		put(guest->tape, (struct tape_head){.kind = TAPE_HALT}, NULL);
}

void taping_blind(const struct guest *guest)
{
	if (guest->tape == NULL || guest->tape->over)
		return;
	put(guest->tape, (struct tape_head){.kind = TAPE_BLIND}, NULL);
	guest->tape->over = true;
}
