/*
 * The text twin of a script: the names of kinds, fields and values.
 *
 * One line is one record: its kind, then the fields that are not zero.  A byte
 * that no field names is printed as byteN, so that nothing is lost on the way:
 * parse(print(x)) is x, for every x.
 */
#include "fuzz/script_shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/checked.h"

static const struct value_name operation_names[] = {
	{"read", 0},	    {"write", 1},	{"flush", 2},
	{"barrier", 0xe2},  {"reserved", 0xe4}, {"discard", 0xe5},
	{"indirect", 0xe6}, {"unknown", 0xff},	{NULL, 0},
};
static const struct value_name inner_names[] = {
	{"read", 0},	   {"write", 1},     {"barrier", 0xe2}, {"flush", 0xe3},
	{"discard", 0xe5}, {"nested", 0xe6}, {"unknown", 0xff}, {NULL, 0},
};
static const struct value_name many_names[] = {
	{"none", 0xe0},	 {"too-many", 0xe1}, {"far-too-many", 0xe2},
	{"65535", 0xe3}, {NULL, 0},
};
static const struct value_name list_names[] = {
	{"unused", 0xe0},   {"foreign", 0xe1}, {"huge", 0xe2},
	{"readonly", 0xe3}, {NULL, 0},
};
static const struct value_name twist_names[] = {
	{"reversed", 0xe0},   {"past-page", 0xe1}, {"far-past-page", 0xe2},
	{"past-end", 0xe3},   {"at-end", 0xe4},	   {"wrap", 0xe5},
	{"wrap-bytes", 0xe6}, {"huge", 0xe7},	   {NULL, 0},
};
static const struct value_name grant_names[] = {
	{"duplicate", 0xc0}, {"readonly", 0xd0}, {"unused", 0xe0},
	{"foreign", 0xe1},   {"huge", 0xe2},	 {"zero", 0xe3},
	{NULL, 0},
};
static const struct value_name id_names[] = {
	{"same", 0xe0},
	{"zero", 0xe1},
	{"ones", 0xe2},
	{NULL, 0},
};
static const struct value_name then_names[] = {
	{"kick", 0}, {"place", 1}, {"push", 2}, {"run", 3}, {NULL, 0},
};
static const struct value_name abi_names[] = {
	{"x86_64", 0},
	{"x86_32", 1},
	{NULL, 0},
};
static const struct value_name offer_names[] = {
	{"indirect", 1},
	{"barrier", 2},
	{"discard", 4},
	{NULL, 0},
};
static const struct value_name index_names[] = {
	{"req_prod", 0},  {"rsp_prod", 1}, {"req_event", 2},
	{"rsp_event", 3}, {NULL, 0},
};
static const struct value_name action_names[] = {
	{"end", 0},	{"move", 1},	     {"readonly", 2},
	{"restore", 3}, {"overwrite", 0xe0}, {NULL, 0},
};
static const struct value_name call_names[] = {
	{"map", 0},  {"unmap", 1},  {"copy", 2}, {"copy-segment", 3},
	{"bind", 4}, {"notify", 5}, {"open", 6}, {NULL, 0},
};
static const struct value_name slot_field_names[] = {
	{"operation", 0xe0}, {"segments", 0xe1}, {"sector", 0xe2},
	{"gref", 0xe3},	     {"first", 0xe4},	 {"last", 0xe5},
	{"id", 0xe6},	     {NULL, 0},
};
static const struct value_name wrong_names[] = {
	{"ring-unused", 0xe0}, {"ring-foreign", 0xe1},	{"port", 0xe2},
	{"indices", 0xe3},     {"ring-readonly", 0xe4}, {NULL, 0},
};

static const struct shape device_shape = {
	"device",
	{{"queues", DEVICE_QUEUES, 1, NULL},
	 {"order", DEVICE_ORDER, 1, NULL},
	 {"abi", DEVICE_ABI, 1, abi_names},
	 {"persistent", DEVICE_PERSISTENT, 1, NULL},
	 {"readonly", DEVICE_READONLY, 1, NULL},
	 {"cap", DEVICE_CAP, 1, NULL},
	 {"hold", DEVICE_HOLD, 1, NULL},
	 {"wrong", DEVICE_WRONG, 1, wrong_names},
	 {"start", DEVICE_START, 2, NULL},
	 {"size", DEVICE_SIZE, 1, NULL},
	 {"payload", DEVICE_PAYLOAD, 1, NULL},
	 {"fine-size", DEVICE_FINE, 2, NULL},
	 {"offers", DEVICE_OFFERS, 1, offer_names},
	 {"mode", DEVICE_MODE, 1, NULL}},
};

static const struct shape shapes[SCRIPT_KIND_COUNT] = {
	[SCRIPT_REQUEST] = {"request",
			    {{"queue", ANY_QUEUE, 1, NULL},
			     {"op", REQUEST_OPERATION, 1, operation_names},
			     {"segments", REQUEST_SEGMENTS, 1, NULL},
			     {"skip", REQUEST_SKIP, 1, NULL},
			     {"trim", REQUEST_TRIM, 1, NULL},
			     {"page", REQUEST_PAGE, 1, NULL},
			     {"overlap", REQUEST_OVERLAP, 1, NULL},
			     {"sector", REQUEST_SECTOR, 2, NULL},
			     {"twist", REQUEST_TWIST, 1, twist_names},
			     {"victim", REQUEST_VICTIM, 1, NULL},
			     {"grant", REQUEST_GRANT, 1, grant_names},
			     {"id", REQUEST_ID, 1, id_names},
			     {"data", REQUEST_DATA, 1, NULL},
			     {"then", REQUEST_THEN, 1, then_names}}},
	[SCRIPT_RUN] = {"run",
			{{"queue", ANY_QUEUE, 1, NULL},
			 {"turns", RUN_TURNS, 1, NULL},
			 {"late", RUN_LATE, 1, NULL}}},
	[SCRIPT_RUN_ALL] = {"run-all", {{NULL, 0, 0, NULL}}},
	[SCRIPT_PUSH] = {"push",
			 {{"queue", ANY_QUEUE, 1, NULL},
			  {"count", PUSH_COUNT, 1, NULL},
			  {"quiet", PUSH_QUIET, 1, NULL}}},
	[SCRIPT_KICK] = {"kick",
			 {{"queue", ANY_QUEUE, 1, NULL},
			  {"times", KICK_TIMES, 1, NULL}}},
	[SCRIPT_COMPLETE] = {"complete",
			     {{"which", COMPLETE_WHICH, 1, NULL},
			      {"error", COMPLETE_ERROR, 1, NULL},
			      {"count", COMPLETE_COUNT, 1, NULL}}},
	[SCRIPT_RAW] = {"raw",
			{{"queue", ANY_QUEUE, 1, NULL},
			 {"slot", RAW_SLOT, 1, NULL},
			 {"length", RAW_LENGTH, 1, NULL},
			 {"at", RAW_AT, 1, NULL},
			 {"from", RAW_FROM, 2, NULL},
			 {"value", RAW_BYTES, 8, NULL}}},
	[SCRIPT_MEMORY] = {"memory",
			   {{"page", MEMORY_PAGE, 1, NULL},
			    {"sector", MEMORY_SECTOR, 1, NULL},
			    {"count", MEMORY_COUNT, 1, NULL},
			    {"data", MEMORY_DATA, 1, NULL}}},
	[SCRIPT_GRANT] = {"grant",
			  {{"action", GRANT_ACTION, 1, action_names},
			   {"page", GRANT_PAGE, 1, NULL},
			   {"to", GRANT_TO, 1, NULL},
			   {"count", GRANT_COUNT, 1, NULL}}},
	[SCRIPT_DISK] = {"disk",
			 {{"hold", DISK_HOLD, 1, NULL},
			  {"refuse", DISK_REFUSE, 1, NULL},
			  {"error", DISK_ERROR, 1, NULL},
			  {"piece", DISK_PIECE, 1, NULL},
			  {"again", DISK_AGAIN, 1, NULL}}},
	[SCRIPT_INDEX] = {"index",
			  {{"queue", ANY_QUEUE, 1, NULL},
			   {"which", INDEX_WHICH, 1, index_names},
			   {"value", INDEX_VALUE, 4, NULL}}},
	[SCRIPT_CLOCK] = {"clock", {{"ms", CLOCK_MS, 4, NULL}}},
	[SCRIPT_ATTACH] = {"attach",
			   {{"queues", ATTACH_QUEUES, 1, NULL},
			    {"order", ATTACH_ORDER, 1, NULL},
			    {"abi", ATTACH_ABI, 1, abi_names},
			    {"persistent", ATTACH_PERSISTENT, 1, NULL},
			    {"fresh", ATTACH_FRESH, 1, NULL},
			    {"wrong", ATTACH_WRONG, 1, wrong_names},
			    {"start", ATTACH_START, 2, NULL}}},
	[SCRIPT_EVENTS] = {"events",
			   {{"queue", ANY_QUEUE, 1, NULL},
			    {"times", EVENTS_TIMES, 1, NULL},
			    {"storm", EVENTS_STORM, 1, NULL}}},
	[SCRIPT_FAIL] = {"fail",
			 {{"call", FAIL_CALL, 1, call_names},
			  {"at", FAIL_AT, 1, NULL},
			  {"error", FAIL_ERROR, 1, NULL}}},
	[SCRIPT_FLIP] = {"flip",
			 {{"queue", ANY_QUEUE, 1, NULL},
			  {"slot", FLIP_SLOT, 1, NULL},
			  {"length", FLIP_LENGTH, 1, NULL},
			  {"field", FLIP_FIELD, 1, slot_field_names},
			  {"value", FLIP_VALUE, 8, NULL}}},
	[SCRIPT_FLIP_AT] = {"flip-at",
			    {{"queue", ANY_QUEUE, 1, NULL},
			     {"slot", FLIP_SLOT, 1, NULL},
			     {"length", FLIP_LENGTH, 1, NULL},
			     {"field", FLIP_FIELD, 1, slot_field_names},
			     {"load", FLIP_LOAD, 1, NULL},
			     {"value", FLIP_VALUE, 8, NULL}}},
	[SCRIPT_INDIRECT] = {"indirect",
			     {{"queue", ANY_QUEUE, 1, NULL},
			      {"op", REQUEST_OPERATION, 1, inner_names},
			      {"segments", REQUEST_SEGMENTS, 1, many_names},
			      {"skip", REQUEST_SKIP, 1, NULL},
			      {"trim", REQUEST_TRIM, 1, NULL},
			      {"page", REQUEST_PAGE, 1, NULL},
			      {"list", INDIRECT_LIST, 1, list_names},
			      {"sector", REQUEST_SECTOR, 2, NULL},
			      {"twist", REQUEST_TWIST, 1, twist_names},
			      {"victim", REQUEST_VICTIM, 1, NULL},
			      {"grant", REQUEST_GRANT, 1, grant_names},
			      {"id", REQUEST_ID, 1, id_names},
			      {"data", REQUEST_DATA, 1, NULL},
			      {"then", REQUEST_THEN, 1, then_names}}},
};

const struct shape *script_shape(enum script_kind kind)
{
	return &shapes[kind];
}

const struct shape *script_device_shape(void)
{
	return &device_shape;
}

static uint64_t get_bytes(const uint8_t *from, unsigned int n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | from[n];
	return value;
}

static bool put_bytes(uint8_t *to, unsigned int n, uint64_t value)
{
	if (n < 8 && value >> (8 * n) != 0)
		return false;
	for (unsigned int i = 0; i < n; i++)
		to[i] = (uint8_t)(value >> (8 * i));
	return true;
}

static void print_value(const struct field *field, uint64_t value, FILE *to)
{
	const struct value_name *n = field->names;

	for (; n != NULL && n->name != NULL; n++)
		if (n->value == value) {
			fprintf(to, " %s=%s", field->name, n->name);
			return;
		}
	fprintf(to, field->names != NULL ? " %s=0x%" PRIx64 : " %s=%" PRIu64,
		field->name, value);
}

static void print_record(const struct shape *shape, const uint8_t *byte,
			 unsigned int covered, FILE *to)
{
	fprintf(to, "%s", shape->name);
	for (unsigned int i = 0; i < MAX_FIELDS && shape->field[i].name != NULL;
	     i++) {
		const struct field *f = &shape->field[i];
		uint64_t value = get_bytes(byte + f->at, f->bytes);

		covered |= ((1u << f->bytes) - 1) << f->at;
		if (value != 0)
			print_value(f, value, to);
	}
	for (unsigned int i = 0; i < SCRIPT_RECORD; i++)
		if ((covered >> i & 1) == 0 && byte[i] != 0)
			fprintf(to, " byte%u=%u", i, byte[i]);
}

static void print_payload(const struct script *script, FILE *to)
{
	for (size_t i = 0; i < script->payload_bytes; i += SCRIPT_RECORD) {
		size_t n = script->payload_bytes - i;

		fprintf(to, "payload ");
		for (size_t j = 0; j < SCRIPT_RECORD && j < n; j++)
			fprintf(to, "%02x", script->payload[i + j]);
		fprintf(to, "\n");
	}
}

/* Records beyond the maximum are kept as hexadecimal: they mean nothing. */
static void print_rest(const uint8_t *data, size_t bytes, FILE *to)
{
	for (size_t i = 0; i < bytes; i++)
		fprintf(to, "%s%02x%s",
			i % SCRIPT_RECORD == 0 ? "payload " : "", data[i],
			i % SCRIPT_RECORD == SCRIPT_RECORD - 1 || i == bytes - 1
				? "\n"
				: "");
}

/* A record that the input ends in says how long it is. */
static void print_length(size_t left, FILE *to)
{
	if (left < SCRIPT_RECORD)
		fprintf(to, " bytes=%zu", left);
	fprintf(to, "\n");
}

int script_print(const uint8_t *data, size_t bytes, FILE *to)
{
	struct script *script = malloc(sizeof(*script));
	size_t end, at = SCRIPT_RECORD;

	if (script == NULL)
		return -ENOMEM;
	script_decode(data, bytes, script);
	end = bytes - script->payload_bytes;
	print_record(&device_shape, script->device.byte, 0, to);
	print_length(bytes, to);
	for (unsigned int i = 0; i < script->operations; i++) {
		const struct script_record *r = &script->operation[i];
		enum script_kind kind = script_kind(r);
		bool plain = r->byte[0] == kind;

		print_record(&shapes[kind], r->byte, plain, to);
		print_length(end - at, to);
		at += SCRIPT_RECORD;
	}
	if (at < end)
		print_rest(data + at, end - at, to);
	print_payload(script, to);
	free(script);
	return ferror(to) ? -EIO : 0;
}

static const struct shape *find_shape(const char *name, uint8_t *kind)
{
	*kind = 0;
	if (strcmp(name, device_shape.name) == 0)
		return &device_shape;
	for (uint8_t i = 0; i < SCRIPT_KIND_COUNT; i++)
		if (strcmp(name, shapes[i].name) == 0) {
			*kind = i;
			return &shapes[i];
		}
	return NULL;
}

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	if (*text == '-') {
		/* relative values may be negative: 16 or 32 bits of it count */
		*value = (uint64_t)strtoll(text, &end, 0);
		return errno == 0 && *end == '\0';
	}
	*value = strtoull(text, &end, 0);
	return errno == 0 && end != text && *end == '\0';
}

static bool parse_field(const struct field *f, const char *text, uint8_t *byte)
{
	uint64_t value;

	for (const struct value_name *n = f->names;
	     n != NULL && n->name != NULL; n++)
		if (strcmp(n->name, text) == 0) {
			byte[f->at] = n->value;
			return true;
		}
	if (!parse_number(text, &value))
		return false;
	if (*text == '-' && f->bytes < 8)
		value &= (UINT64_C(1) << (8 * f->bytes)) - 1;
	return put_bytes(byte + f->at, f->bytes, value);
}

static bool parse_byte(const char *name, const char *text, uint8_t *byte)
{
	uint64_t at, value;

	if (strncmp(name, "byte", 4) != 0 || !parse_number(name + 4, &at) ||
	    at >= SCRIPT_RECORD || !parse_number(text, &value))
		return false;
	return put_bytes(byte + at, 1, value);
}

/* One NAME=VALUE; @length is changed by "bytes", which is not a field. */
static bool parse_word(const struct shape *shape, char *word, uint8_t *byte,
		       size_t *length)
{
	char *text = strchr(word, '=');
	uint64_t value;

	if (text == NULL)
		return false;
	*text++ = '\0';
	if (strcmp(word, "bytes") == 0) {
		if (!parse_number(text, &value) || value > SCRIPT_RECORD)
			return false;
		*length = (size_t)value;
		return true;
	}
	for (unsigned int i = 0; i < MAX_FIELDS && shape->field[i].name; i++)
		if (strcmp(word, shape->field[i].name) == 0)
			return parse_field(&shape->field[i], text, byte);
	return parse_byte(word, text, byte);
}

static bool parse_hex(const char *text, uint8_t *byte, size_t *length)
{
	size_t n = strlen(text);

	if (n % 2 != 0 || n / 2 > SCRIPT_RECORD ||
	    strspn(text, "0123456789abcdef") != n)
		return false;
	for (size_t i = 0; i < n / 2; i++) {
		const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		byte[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	*length = n / 2;
	return true;
}

/* Returns false for a line that means nothing; *length is 0 for an empty one.
 */
static bool parse_line(char *line, uint8_t *byte, size_t *length)
{
	const struct shape *shape;
	char *saved = NULL;
	char *word;

	*length = 0;
	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r", &saved);
	if (word == NULL)
		return true;
	if (strcmp(word, "payload") == 0) {
		word = strtok_r(NULL, " \t\r", &saved);
		return word != NULL && parse_hex(word, byte, length);
	}
	shape = find_shape(word, &byte[0]);
	if (shape == NULL)
		return false;
	*length = SCRIPT_RECORD;
	while ((word = strtok_r(NULL, " \t\r", &saved)) != NULL)
		if (!parse_word(shape, word, byte, length))
			return false;
	return true;
}

long script_parse(const char *text, uint8_t *data, unsigned int *line)
{
	size_t used = 0;
	long result = 0;
	char *copy = strdup(text);
	char *next = copy;

	*line = 0;
	if (copy == NULL)
		return -ENOMEM;
	while (next != NULL && result == 0) {
		char *current = strsep(&next, "\n");
		uint8_t byte[SCRIPT_RECORD] = {0};
		size_t length = 0;

		++*line;
		if (!parse_line(current, byte, &length))
			result = -EINVAL;
		else if (used + length > SCRIPT_MAX_BYTES)
			result = -E2BIG;
		else
			memcpy(data + used, byte, length);
		used += length;
	}
	free(copy);
	return result != 0 ? result : (long)used;
}
