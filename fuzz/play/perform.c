/* Carrying out a tape.  See perform.h. */
#include "fuzz/play/perform.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int perform_find(struct perform *p, const char *oracle, const char *format, ...)
{
	va_list arguments;

	if (p->oracle != NULL)
		return -1;
	p->oracle = oracle;
	va_start(arguments, format);
	vsnprintf(p->reason, sizeof(p->reason), format, arguments);
	va_end(arguments);
	return -1;
}

static int broken(struct perform *p, int err, const char *what)
{
	if (err == 0)
		return 0;
	return perform_find(p, "ground", "%s failed: %s", what, strerror(-err));
}

static int stuck(struct perform *p, const char *wanted)
{
	char *error = front_backend_error(p->door.front);

	perform_find(p, "connection",
		     "the backend did not %s within %d ms; it is in state %u "
		     "and says: %s",
		     wanted, p->door.patience_ms,
		     front_backend_state(p->door.front),
		     error != NULL ? error : "nothing");
	free(error);
	return -1;
}

/* The sentence is the backend's, in a node that a guest may not even read. */
static int refused(struct perform *p, bool rightly)
{
	char *error;

	p->refused++;
	if (rightly)
		return 0;
	error = front_backend_error(p->door.front);
	perform_find(p, "attach", "a right connection was refused: %s",
		     error != NULL ? error : "no error node can be read");
	free(error);
	return -1;
}

static int detach(struct perform *p)
{
	p->connected = false;
	return door_close(&p->door) ? 0 : stuck(p, "close");
}

static int connect_to(struct perform *p, const struct tape_head *head)
{
	const bool must_refuse = (head->flags & TAPE_REFUSED) != 0;

	p->connections++;
	switch (door_connect(&p->door, &p->ground, head)) {
	case DOOR_OPEN:
		p->connected = true;
		if (must_refuse)
			return perform_find(p, "attach",
					    "a wrong connection (%u) was "
					    "accepted",
					    head->a);
		return 0;
	case DOOR_REFUSED:
		if (refused(p, must_refuse) != 0)
			return -1;
		return detach(p);
	case DOOR_STUCK:
	default:
		return stuck(p, "connect or refuse");
	}
}

/* A ring that cannot be right ends the connection. */
static int halt(struct perform *p)
{
	p->halts++;
	if (!door_wait_end(&p->door))
		return stuck(p,
			     "end a connection whose req_prod is impossible");
	return 0;
}

static void note_sector(struct perform *p, const struct tape_head *head,
			const uint8_t *payload)
{
	const bool certain = (head->flags & TAPE_CERTAIN) != 0;

	if (head->a >= sizeof(p->disk.what))
		return;
	p->disk.what[head->a] = certain ? SECTOR_CERTAIN : SECTOR_UNCERTAIN;
	memcpy(&p->disk.hash[head->a], payload, 8);
}

static int carry_out(struct perform *p, const struct tape_head *head,
		     const uint8_t *payload)
{
	switch (head->kind) {
	case TAPE_RINGS:
		ground_rings(&p->ground, head);
		return 0;
	case TAPE_CONNECT:
		return connect_to(p, head);
	case TAPE_RING:
		ground_write_ring(&p->ground, head, payload);
		return 0;
	case TAPE_KICK:
		ground_kick(&p->ground, head->queue);
		return 0;
	case TAPE_MEMORY:
		ground_memory(&p->ground, head, payload);
		return 0;
	case TAPE_GRANT:
		ground_grant(&p->ground, head);
		return 0;
	case TAPE_GRANT_END:
		return broken(p, ground_grant_end(&p->ground, head->a),
			      "ending a grant");
	case TAPE_REST:
		return rest_compare(p, head, payload);
	case TAPE_HALT:
		return halt(p);
	case TAPE_DETACH:
		return detach(p);
	case TAPE_BLIND:
		p->blind = true;
		return 0;
	case TAPE_SECTOR:
		note_sector(p, head, payload);
		return 0;
	default:
		return 0;
	}
}

int perform_tape(struct perform *p)
{
	struct tape_head head;
	const uint8_t *payload;
	int err = 0;

	while (err == 0 && reel_next(p->reel, &head, &payload))
		err = carry_out(p, &head, payload);
	if (err == 0 && p->connected)
		err = detach(p);
	return err;
}
