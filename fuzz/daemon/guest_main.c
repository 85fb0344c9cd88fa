/*
 * xenblk-fuzz-guest: a frontend of the harness daemon, in its domain.
 *
 * Takes records on its standard input and says one letter for each (stage.h);
 * ends without a word when there are no more.  What it asks of the disk may be
 * anything; what it got is compared with what it wrote.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/front.h"
#include "fuzz/daemon/stage.h"

#define ODD_MS 200

/* Of the protocol: Xen's header wants much for two numbers and a zero. */
enum {
	READ,
	WRITE
};
#define OKAY 0

static int patience(const struct script_record *r)
{
	return 100 * (1 + script_u8(r, GUEST_TENTHS));
}

static enum guest_answer connect_as(struct front **front, uint32_t devid,
				    const struct script_record *r)
{
	unsigned int count = 0;
	struct front_options options = {.devid = devid,
					.timeout_ms = patience(r)};
	int domid = front_own_domid(), error;
	char sentence[256] = "its number is not known";

	while (front_personality_at(count) != NULL)
		count++;
	options.personality = front_personality_at(script_u8(r, 1) % count);
	if (*front != NULL)
		return GUEST_NONE;
	options.domid = (uint32_t)domid;
	options.error = sentence;
	options.error_bytes = sizeof(sentence);
	if (domid < 0 || front_create(&options, front) < 0) {
		fprintf(stderr, "guest %d: %s\n", domid, sentence);
		return GUEST_NONE;
	}
	error = front_connect(*front);
	if (error == 0)
		return GUEST_OKAY;
	fprintf(stderr, "guest %d: %s\n", domid, front_error(*front));
	front_abandon(*front);
	front_destroy(*front);
	*front = NULL;
	return error == -ETIMEDOUT ? GUEST_LATE : GUEST_REFUSED;
}

/* One page, to or from a sector. */
static enum guest_answer transfer(struct front_queue *queue,
				  struct front_request *request, uint8_t how,
				  int ms)
{
	struct front_response response = {.status = 0};

	request->operation = how;
	request->id = 7u + how;
	if (front_call(queue, request, &response, ms) != 0)
		return GUEST_LATE;
	return response.id == request->id && response.status == OKAY
		       ? GUEST_OKAY
		       : GUEST_ERROR;
}

static enum guest_answer move(struct front *front, struct front_page *page,
			      const struct script_record *r)
{
	const struct front_properties *p = front_properties(front);
	struct front_queue *queue =
		front_queue(front, script_u8(r, 1) % front_queues(front));
	const uint64_t room = p->sectors > 8 ? p->sectors - 8 : 0;
	struct front_request request = {.segments = 1};
	enum guest_answer answer = GUEST_OKAY;
	uint8_t pattern[FRONT_PAGE_BYTES];

	request.segment[0] =
		(struct front_segment){.gref = page->gref, .last_sector = 7};
	request.sector = script_u16(r, 4) % (room + 1);
	if (p->sectors < 8)
		return GUEST_NONE;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + script_u8(r, 3) + i / 512);
	memcpy(page->data, pattern, sizeof(pattern));
	if (script_u8(r, 2) % 2 == 0)
		answer = transfer(queue, &request, WRITE, patience(r));
	if (answer != GUEST_OKAY)
		return answer;
	memset(page->data, 0xa5, FRONT_PAGE_BYTES);
	answer = transfer(queue, &request, READ, patience(r));
	if (answer == GUEST_OKAY && script_u8(r, 2) % 2 == 0 &&
	    memcmp(page->data, pattern, sizeof(pattern)) != 0)
		return GUEST_WRONG;
	return answer;
}

/* What no frontend should ask for; or an index that none should have. */
static enum guest_answer be_odd(struct front *front, struct front_page *page,
				const struct script_record *r)
{
	struct front_queue *queue =
		front_queue(front, script_u8(r, 1) % front_queues(front));
	struct front_request request = {.operation = script_u8(r, 2),
					.segments = script_u8(r, 3),
					.sector = script_u32(r, 4),
					.id = 99,
					.discard_sectors = script_u8(r, 8),
					.indirect_segments = script_u8(r, 9)};
	struct front_response response = {.status = 0};
	struct front_indices indices;

	for (unsigned int i = 0; i < FRONT_MAX_SEGMENTS; i++)
		request.segment[i] = (struct front_segment){
			.gref = page->gref + script_u8(r, 11) * i,
			.first_sector = script_u8(r, 9),
			.last_sector = script_u8(r, 10)};
	if (script_u8(r, 8) >= SCRIPT_ODD) {
		front_indices(queue, &indices);
		front_set_req_prod(queue,
				   indices.req_prod + script_u8(r, 9) * 16u);
		front_kick(queue);
		return GUEST_LATE;
	}
	if (front_call(queue, &request, &response, ODD_MS) != 0)
		return GUEST_LATE;
	return response.status == OKAY ? GUEST_OKAY : GUEST_ERROR;
}

static enum guest_answer with_page(
	struct front *front, const struct script_record *r,
	enum guest_answer (*what)(struct front *front, struct front_page *page,
				  const struct script_record *r))
{
	struct front_page page;
	enum guest_answer answer;

	if (front == NULL || front_queues(front) == 0 ||
	    front_page_get(front, &page) < 0)
		return GUEST_NONE;
	answer = what(front, &page, r);
	/* What is unanswered may still be written to: such a page stays. */
	if (answer != GUEST_LATE)
		front_page_put(front, &page);
	return answer;
}

static enum guest_answer take_leave(struct front **front)
{
	int error;

	if (*front == NULL)
		return GUEST_NONE;
	error = front_disconnect(*front);
	front_destroy(*front);
	*front = NULL;
	return error == 0	     ? GUEST_OKAY
	       : error == -ETIMEDOUT ? GUEST_LATE
				     : GUEST_ERROR;
}

static enum guest_answer act(struct front **front, uint32_t devid,
			     const struct script_record *r)
{
	switch (script_u8(r, 0)) {
	case GUEST_CONNECT:
		return connect_as(front, devid, r);
	case GUEST_IO:
		return with_page(*front, r, move);
	case GUEST_ODD:
		return with_page(*front, r, be_odd);
	case GUEST_CLOSE:
		return take_leave(front);
	default:
		return GUEST_NONE;
	}
}

int main(int argc, char **argv)
{
	struct front *front = NULL;
	struct script_record record;
	uint32_t devid;

	if (argc != 2) {
		fprintf(stderr, "Usage: xenblk-fuzz-guest DEVID\n"
				"Started by the harness daemon only.\n");
		return 2;
	}
	devid = (uint32_t)strtoul(argv[1], NULL, 10);
	while (read(STDIN_FILENO, &record, sizeof(record)) ==
	       (ssize_t)sizeof(record)) {
		const char answer = (char)act(&front, devid, &record);

		if (write(STDOUT_FILENO, &answer, 1) != 1)
			break;
	}
	_exit(0);
}
