/* Operations, and what they must come to.  See client.h. */
#include "fuzz/nbd/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/image/image.h"
#include "backend/nbd/export.h"
#include "backend/nbd/image.h"
#include "fuzz/oracle/oracle.h"

#define QUEUES	   4u
#define DEPTH	   8u
#define PIECES	   8u
#define OP_SECTORS (2 * PIECES)
/* A gap of a sector before each piece at most. */
#define OP_BYTES (3 * PIECES * SECTOR_BYTES)
#define ROUNDS	 200u
#define URI	 "nbd+unix:///?socket=/no/such/socket"

struct op {
	bool busy;
	enum server_command what;
	unsigned int sector, sectors;
	uint64_t over; /* bytes whose commands are over */
	unsigned int commands;
	int error; /* of the first that failed */
	struct iovec iov[PIECES];
	unsigned int pieces;
	uint8_t memory[OP_BYTES];
};

static struct {
	struct image *image;
	struct image_info info;
	unsigned int queues;
	struct image_channel *channel[QUEUES];
	struct op op[QUEUES][DEPTH];
	uint8_t model[SERVER_BYTES_MAX];
	struct client_sum sum;
} client;

static int error_of(uint8_t how)
{
	static const int errors[] = {EIO, ENOSPC, EPERM, EINVAL, ESHUTDOWN, 0};

	return errors[how % ARRAY_SIZE(errors)];
}

void client_plan(const struct script_record *r, struct server_plan *plan)
{
	static const char *const words[] = {
		"no such export", NULL, "", "\x1b[2J\xff\n",
		"a server that has much to say, and says it again and again: "
		"a server that has much to say, and says it again and again: "
		"a server that has much to say, and says it again and again: "
		"a server that has much to say, and says it again and again: "
		"a server that has much to say, and says it again and again: "
		"a server that has much to say, and says it again and again"};
	static const int64_t sizes[] = {1, 512, 4096, 0, -1, 520, INT64_MAX};
	const uint8_t how = script_u8(r, 2);

	*plan = (struct server_plan){
		.bytes = (1 + script_u8(r, 3) % SERVER_SECTORS_MAX) *
			 SECTOR_BYTES,
		.many = (how & 2) != 0 ? -1 : !(how & 1),
		.flushes = (how & 8) != 0 ? -1 : !(how & 4),
		.trims = 1 - script_u8(r, 10) % 3,
		.readonly = how & 16,
		.no_size = how & 32,
		.silent = how & 64,
		.leaves = how & 128,
		.minimum = sizes[script_u8(r, 4) % ARRAY_SIZE(sizes)],
		.preferred = sizes[script_u8(r, 5) % ARRAY_SIZE(sizes)],
		.fails = script_u8(r, 6) % 24,
		.steps = script_u8(r, 7) % 8,
		.error = error_of(script_u8(r, 8)),
		.words = words[script_u8(r, 9) % ARRAY_SIZE(words)],
	};
}

/* --- the oracle --- */

static bool overlaps(const struct op *op, unsigned int sector,
		     unsigned int sectors)
{
	return op->busy && op->what != SERVER_FLUSH &&
	       sector < op->sector + op->sectors &&
	       op->sector < sector + sectors;
}

static struct op *op_of(unsigned int queue, enum server_command what,
			uint64_t offset)
{
	for (unsigned int i = 0; i < DEPTH; i++) {
		struct op *op = &client.op[queue][i];

		if (op->busy && op->what == what &&
		    (what == SERVER_FLUSH ||
		     overlaps(op, (unsigned int)(offset / SECTOR_BYTES), 1)))
			return op;
	}
	return NULL;
}

void server_notice(unsigned int connection, enum server_command what,
		   uint64_t offset, uint64_t bytes, int error)
{
	struct op *op = op_of(connection % QUEUES, what, offset);

	if (op == NULL) {
		oracle_fail(ORACLE_RESPONSES,
			    "a command at %llu belongs to no operation",
			    (unsigned long long)offset);
		return;
	}
	op->over += bytes;
	op->commands++;
	if (op->error == 0)
		op->error = error;
}

static void check_read(const struct op *op)
{
	const uint8_t *expected = client.model + op->sector * SECTOR_BYTES;

	for (unsigned int i = 0; i < op->pieces; i++) {
		const struct iovec *v = &op->iov[i];

		if (memcmp(v->iov_base, expected, v->iov_len) != 0)
			oracle_fail(ORACLE_MEMORY,
				    "sectors %u and %u others were read wrong",
				    op->sector, op->sectors - 1);
		expected += v->iov_len;
	}
}

static void learn_write(const struct op *op)
{
	const size_t at = op->sector * SECTOR_BYTES;
	uint8_t *to = client.model + at;

	/* What an error leaves may be anything, and so may what is given up. */
	if (op->error != 0 || op->what == SERVER_TRIM) {
		memcpy(to, server_store() + at, op->sectors * SECTOR_BYTES);
		return;
	}
	for (unsigned int i = 0; i < op->pieces; i++) {
		memcpy(to, op->iov[i].iov_base, op->iov[i].iov_len);
		to += op->iov[i].iov_len;
	}
}

static void check_done(unsigned int queue, const struct image_done *done)
{
	struct op *op = &client.op[queue][done->tag % DEPTH];
	const bool flush = op->what == SERVER_FLUSH;

	if (!op->busy || done->tag >= DEPTH)
		oracle_fail(ORACLE_RESPONSES, "tag %u is over once more",
			    done->tag);
	if (done->result != -op->error)
		oracle_fail(ORACLE_RESPONSES, "%d became %d", op->error,
			    done->result);
	if (op->over != op->sectors * SECTOR_BYTES ||
	    (flush && op->commands != (server_plan()->flushes > 0)))
		oracle_fail(ORACLE_RESPONSES,
			    "it is over with %llu bytes of %u sectors",
			    (unsigned long long)op->over, op->sectors);
	op->busy = false;
	if (op->what == SERVER_READ && op->error == 0)
		check_read(op);
	if (op->what == SERVER_WRITE || op->what == SERVER_TRIM)
		learn_write(op);
	client.sum.okay += op->error == 0;
	client.sum.hash = client.sum.hash * 31 + (uint64_t)op->error * 64 +
			  queue * DEPTH + done->tag;
}

/* A queue that sleeps now would be woken. */
static void check_woken(unsigned int queue)
{
	const struct image_channel *channel = client.channel[queue];
	struct pollfd p = {.fd = channel->operations->descriptor(channel),
			   .events = POLLIN};

	if (server_waits(queue) && poll(&p, 1, 0) != 1)
		oracle_fail(ORACLE_PROGRESS,
			    "queue %u sleeps while its server waits", queue);
}

/* A queue with nothing under way has looked: nothing wakes it again. */
static void check_asleep(unsigned int queue)
{
	const struct image_channel *channel = client.channel[queue];
	struct pollfd p = {.fd = channel->operations->descriptor(channel),
			   .events = POLLIN};

	for (unsigned int i = 0; i < DEPTH; i++)
		if (client.op[queue][i].busy)
			return;
	if (poll(&p, 1, 0) == 1)
		oracle_fail(ORACLE_WORK,
			    "queue %u is woken, and has nothing under way",
			    queue);
}

/* --- what queues do --- */

static void collect(unsigned int queue, unsigned int room)
{
	struct image_channel *channel = client.channel[queue];
	struct image_done done[DEPTH];
	const unsigned int n = channel->operations->poll(channel, done, room);

	for (unsigned int i = 0; i < n; i++)
		check_done(queue, &done[i]);
	check_woken(queue);
	check_asleep(queue);
}

static void lay_out(struct op *op, const struct script_record *r)
{
	uint8_t *at = op->memory;

	op->pieces = 1 + script_u8(r, 3) % PIECES;
	op->sectors = 0;
	for (unsigned int i = 0; i < op->pieces; i++) {
		const unsigned int sectors = 1 + (script_u8(r, 5) >> i & 1);

		at += (script_u8(r, 4) >> i & 1) * SECTOR_BYTES;
		op->iov[i].iov_base = at;
		op->iov[i].iov_len = sectors * SECTOR_BYTES;
		at += op->iov[i].iov_len;
		op->sectors += sectors;
	}
	for (size_t i = 0; i < sizeof(op->memory); i++)
		op->memory[i] = (uint8_t)(script_u8(r, 8) + i / 100);
}

/* Whether it may be in flight together with all others. */
static bool is_alone(const struct op *wanted, unsigned int queue)
{
	if (wanted->what == SERVER_FLUSH)
		return op_of(queue, SERVER_FLUSH, 0) == NULL;
	for (unsigned int q = 0; q < client.queues; q++)
		for (unsigned int i = 0; i < DEPTH; i++)
			if (overlaps(&client.op[q][i], wanted->sector,
				     wanted->sectors))
				return false;
	return true;
}

static bool lay(struct op *op, const struct script_record *r,
		struct image_io *io)
{
	if (op->what == SERVER_FLUSH)
		return true;
	if (op->what == SERVER_TRIM)
		op->sectors = 1 + script_u8(r, 3) % OP_SECTORS;
	else
		lay_out(op, r);
	if (op->sectors > client.info.sectors)
		return false;
	op->sector = script_u8(r, 2) %
		     (unsigned int)(client.info.sectors - op->sectors + 1);
	io->sector = op->sector;
	io->iov = op->pieces > 0 ? op->iov : NULL;
	io->iov_count = op->pieces;
	io->sectors = op->what == SERVER_TRIM ? op->sectors : 0;
	/* Then nothing is asked of the server. */
	if (op->what == SERVER_TRIM && server_plan()->trims <= 0) {
		op->error = EOPNOTSUPP;
		op->over = op->sectors * SECTOR_BYTES;
	}
	return true;
}

static void submit(unsigned int queue, const struct script_record *r,
		   enum server_command what)
{
	static const enum image_operation operations[] = {
		[SERVER_READ] = IMAGE_READ,
		[SERVER_WRITE] = IMAGE_WRITE,
		[SERVER_FLUSH] = IMAGE_FLUSH,
		[SERVER_TRIM] = IMAGE_DISCARD};
	struct image_channel *channel = client.channel[queue];
	struct image_io io = {.operation = operations[what]};
	struct op *op;

	while (io.tag < DEPTH && client.op[queue][io.tag].busy)
		io.tag++;
	if (io.tag == DEPTH || (client.info.readonly &&
				(what == SERVER_WRITE || what == SERVER_TRIM)))
		return;
	op = &client.op[queue][io.tag];
	memset(op, 0, sizeof(*op));
	op->what = what;
	if (!lay(op, r, &io) || !is_alone(op, queue))
		return;
	op->busy = true;
	client.sum.asked++;
	server_choke(queue, script_u8(r, 6) % 2 != 0);
	if (channel->operations->submit(channel, &io) != 0)
		oracle_fail(ORACLE_RESPONSES, "an operation is not taken");
	check_woken(queue);
}

static void look(const struct script_record *r)
{
	const struct server_plan before = *server_plan();
	struct server_plan *plan = server_plan();
	char sentence[80] = "";
	struct export_facts facts;
	int result;

	client_plan(r, plan);
	/* Counted from the play's beginning. */
	plan->fails = 0;
	result = export_look(URI, &facts, sentence, sizeof(sentence));
	if ((result == 0) != !(plan->silent || plan->leaves || plan->no_size))
		oracle_fail(ORACLE_ATTACH, "a look comes to %d", result);
	if (result == 0 &&
	    (facts.bytes != plan->bytes || facts.many != (plan->many > 0) ||
	     facts.flushes != (plan->flushes > 0) ||
	     facts.trims != (plan->trims > 0) ||
	     facts.readonly != plan->readonly ||
	     (facts.minimum_bytes & (facts.minimum_bytes - 1))))
		oracle_fail(ORACLE_ATTACH, "an export is seen wrongly");
	for (const char *c = sentence; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			oracle_fail(ORACLE_LOG, "a server moves a cursor");
	if (result < 0 && sentence[0] == '\0')
		oracle_fail(ORACLE_LOG, "nothing is said of %d", result);
	*plan = before;
}

void client_act(const struct script_record *r)
{
	const unsigned int queue = script_u8(r, 1) % client.queues;
	const unsigned int kind = script_u8(r, 0) % NBD_KIND_COUNT;

	if (kind <= NBD_FLUSH)
		submit(queue, r, (enum server_command)kind);
	else if (kind == NBD_TRIM)
		submit(queue, r, SERVER_TRIM);
	else if (kind == NBD_ANSWER)
		for (unsigned int i = 0; i <= script_u8(r, 4) % 8u; i++) {
			const uint8_t how = script_u8(r, 3);

			(void)server_answer(
				queue, script_u8(r, 2),
				how < SCRIPT_ODD / 2 ? 0 : error_of(how));
			check_woken(queue);
		}
	else if (kind == NBD_COLLECT)
		collect(queue, 1 + script_u8(r, 2) % DEPTH);
	else if (kind == NBD_LEAVE) {
		server_leave(queue, script_u8(r, 2) % 2 != 0);
		check_woken(queue);
	} else if (kind == NBD_CLOCK)
		server_clock((uint64_t)script_u32(r, 8) % 100000 * 1000000);
	else if (kind == NBD_REFUSE)
		server_refuse(script_u8(r, 2), error_of(script_u8(r, 3)));
	else if (kind == NBD_PROMPT)
		server_prompt(queue, script_u8(r, 2) % 2 != 0);
	else
		look(r);
}

/* --- beginning and end --- */

static int open_channels(void)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		const int result = client.image->operations->open_channel(
			client.image, i, DEPTH, &client.channel[i]);

		if (result < 0)
			return i > 0 && result == -ENOTSUP ? 0 : result;
		client.queues++;
	}
	return 0;
}

int client_begin(const struct script_record *device)
{
	const unsigned int queues = 1 + script_u8(device, 0) % QUEUES;
	const uint8_t more = script_u8(device, 1);
	const bool shrank = more >= SCRIPT_ODD;
	struct server_plan plan;
	uint64_t sectors;
	int result;

	memset(&client, 0, sizeof(client));
	client_plan(device, &plan);
	server_begin(&plan);
	sectors = plan.bytes / SECTOR_BYTES +
		  (shrank ? more - SCRIPT_ODD + 1u : 0);
	result = image_nbd_open(URI, queues, sectors, plan.readonly,
				&client.image);
	if ((result == 0) != !(shrank || plan.no_size || server_failed()))
		oracle_fail(ORACLE_ATTACH, "the disk is opened with %d",
			    result);
	if (result < 0)
		return result;
	client.image->operations->info(client.image, &client.info);
	result = open_channels();
	if (result < 0 || client.queues != (plan.many > 0 ? queues : 1))
		oracle_fail(ORACLE_ATTACH, "%u queues of %u", client.queues,
			    queues);
	return 0;
}

static unsigned int count_busy(void)
{
	unsigned int n = 0;

	for (unsigned int q = 0; q < client.queues; q++)
		for (unsigned int i = 0; i < DEPTH; i++)
			n += client.op[q][i].busy;
	return n;
}

/* Silence until all is given up, an end of the server, or answers to all. */
static void go_on(unsigned int queue, uint8_t how)
{
	if (how % 4 == 2)
		server_leave(queue, how & 4);
	else if (how % 4 != 1)
		while (server_answer(queue, how, 0)) {
		}
	collect(queue, DEPTH);
}

struct client_sum client_end(uint8_t how)
{
	unsigned int rounds = 0;

	while (count_busy() > 0 && ++rounds < ROUNDS) {
		for (unsigned int q = 0; q < client.queues; q++)
			go_on(q, how);
		server_clock(LIMIT_STORE_TICK_NS);
	}
	if (rounds == ROUNDS)
		oracle_fail(ORACLE_PROGRESS, "%u operations are never over",
			    count_busy());
	if (memcmp(client.model, server_store(), sizeof(client.model)) != 0)
		oracle_fail(ORACLE_STORAGE, "the store differs");
	for (unsigned int q = 0; q < client.queues; q++)
		client.channel[q]->operations->close_channel(client.channel[q]);
	client.image->operations->close(client.image);
	return client.sum;
}
