/*
 * The text twin of a script, in any language of fuzz/language.
 *
 * One line is one record: its kind, then the fields that are not zero.  A byte
 * that no field names is printed as byteN, so that nothing is lost on the way:
 * parse(print(x)) is x, for every x.
 */
#include "fuzz/script_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/checked.h"

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

int script_print(const struct language *language, const uint8_t *data,
		 size_t bytes, FILE *to)
{
	struct script *script = malloc(sizeof(*script));
	size_t end, at = SCRIPT_RECORD;

	if (script == NULL)
		return -ENOMEM;
	script_decode(data, bytes, script);
	end = bytes - script->payload_bytes;
	print_record(language->device, script->device.byte, 0, to);
	print_length(bytes, to);
	for (unsigned int i = 0; i < script->operations; i++) {
		const struct script_record *r = &script->operation[i];
		const uint8_t kind = r->byte[0];

		print_record(language_shape(language, kind), r->byte,
			     kind < language->kinds, to);
		print_length(end - at, to);
		at += SCRIPT_RECORD;
	}
	if (at < end)
		print_rest(data + at, end - at, to);
	print_payload(script, to);
	free(script);
	return ferror(to) ? -EIO : 0;
}

static const struct shape *find_shape(const struct language *language,
				      const char *name, uint8_t *kind)
{
	*kind = 0;
	if (strcmp(name, language->device->name) == 0)
		return language->device;
	for (uint8_t i = 0; i < language->kinds; i++)
		if (strcmp(name, language->shape[i].name) == 0) {
			*kind = i;
			return &language->shape[i];
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
static bool parse_line(const struct language *language, char *line,
		       uint8_t *byte, size_t *length)
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
	shape = find_shape(language, word, &byte[0]);
	if (shape == NULL)
		return false;
	*length = SCRIPT_RECORD;
	while ((word = strtok_r(NULL, " \t\r", &saved)) != NULL)
		if (!parse_word(shape, word, byte, length))
			return false;
	return true;
}

long script_parse(const struct language *language, const char *text,
		  uint8_t *data, unsigned int *line)
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
		if (!parse_line(language, current, byte, &length))
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
