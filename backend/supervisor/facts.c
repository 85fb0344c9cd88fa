/* Reading a backend directory.  See facts.h. */
#include "backend/supervisor/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/supervisor/decimal.h"

#define STATE_MAX 8u /* XenbusStateReconfigured */

static int read_node(struct store *store, const char *directory,
		     const char *key, char *value, size_t room)
{
	char path[STORE_PATH_BYTES];
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", directory, key);
	CHECK(n > 0);
	CHECK((size_t)n < sizeof(path));
	return store_read(store, path, value, room);
}

/* -EAGAIN for what is not there yet. */
static int read_key(struct store *store, const char *directory, const char *key,
		    char *value, size_t room)
{
	const int n = read_node(store, directory, key, value, room);

	return n == -ENOENT ? -EAGAIN : n;
}

/* A flag that defaults to no. */
static bool read_flag(struct store *store, const char *directory,
		      const char *key)
{
	char value[8];

	return read_key(store, directory, key, value, sizeof(value)) == 1 &&
	       value[0] == '1';
}

/* A flag that defaults to yes. */
static bool read_no(struct store *store, const char *directory, const char *key)
{
	char value[8];

	return read_key(store, directory, key, value, sizeof(value)) == 1 &&
	       value[0] == '0';
}

int facts_number(struct store *store, const char *directory, const char *key,
		 uint64_t max, uint64_t *value)
{
	char text[24];
	const int n = read_node(store, directory, key, text, sizeof(text));

	if (n == -ENOENT)
		return 0;
	if (n < 0 && n != -EOVERFLOW)
		return n;
	/* An error that no call of xenstore ends with: its EINVAL is another. */
	if (n < 0 || !decimal_parse(text, (size_t)n, max, value))
		return -ERANGE;
	return 0;
}

static int read_mode(struct store *store, const char *directory,
		     struct facts *facts, char *sentence)
{
	char mode[8];
	int n = read_key(store, directory, "mode", mode, sizeof(mode));

	if (n < 0 && n != -EOVERFLOW)
		return n;
	facts->readonly = n == 1 && mode[0] == 'r';
	if (facts->readonly || (n == 1 && mode[0] == 'w'))
		return 0;
	snprintf(sentence, FACTS_SENTENCE_BYTES,
		 "mode in %s is neither r nor w", directory);
	return -EINVAL;
}

int facts_params(struct store *store, const char *directory, char *params,
		 char *sentence)
{
	int n = read_key(store, directory, "params", params, STORE_VALUE_BYTES);

	if (n == -EOVERFLOW)
		snprintf(sentence, FACTS_SENTENCE_BYTES,
			 "params in %s is longer than %u bytes", directory,
			 STORE_VALUE_BYTES - 1);
	else if (n >= 0 && strlen(params) != (size_t)n)
		snprintf(sentence, FACTS_SENTENCE_BYTES,
			 "params in %s contains a NUL byte", directory);
	else
		return n < 0 ? n : 0;
	return -EINVAL;
}

/* The frontend lies in the directory of the domain that our own path names: no
 * node may lead the grants of one guest to another. */
static int read_frontend(struct store *store, const char *directory,
			 uint32_t domid, struct facts *facts, char *sentence)
{
	char id[16], home[48];
	uint64_t number;
	int n;

	n = read_key(store, directory, "frontend-id", id, sizeof(id));
	if (n < 0 && n != -EOVERFLOW)
		return n;
	if (n < 0 || !decimal_parse(id, (size_t)n, UINT32_MAX, &number) ||
	    number != domid) {
		snprintf(sentence, FACTS_SENTENCE_BYTES,
			 "frontend-id in %s is not %u", directory, domid);
		return -EINVAL;
	}
	/* Room for "/state" behind it. */
	n = read_key(store, directory, "frontend", facts->frontend,
		     sizeof(facts->frontend) - sizeof("/state"));
	if (n < 0 && n != -EOVERFLOW)
		return n;
	snprintf(home, sizeof(home), "/local/domain/%u/", domid);
	if (n < 0 || strlen(facts->frontend) != (size_t)n ||
	    strncmp(facts->frontend, home, strlen(home)) != 0) {
		snprintf(sentence, FACTS_SENTENCE_BYTES,
			 "frontend in %s does not lie below %s", directory,
			 home);
		return -EINVAL;
	}
	return 0;
}

int facts_read(struct store *store, const char *directory, uint32_t domid,
	       struct facts *facts, char *sentence)
{
	char type[16];
	int state, error;

	memset(facts, 0, sizeof(*facts));
	state = facts_state(store, directory);
	if (state < 0)
		return state;
	facts->state = (unsigned int)state;
	error = read_frontend(store, directory, domid, facts, sentence);
	if (error == 0)
		error = read_mode(store, directory, facts, sentence);
	if (error == 0)
		error = facts_params(store, directory, facts->params, sentence);
	if (error < 0)
		return error;
	facts->removable = read_flag(store, directory, "removable");
	facts->discard = !read_no(store, directory, "discard-enable");
	facts->cdrom = read_key(store, directory, "device-type", type,
				sizeof(type)) > 0 &&
		       strcmp(type, "cdrom") == 0;
	return 0;
}

int facts_state(struct store *store, const char *directory)
{
	char path[STORE_PATH_BYTES], value[16];
	uint64_t state;
	int n;

	n = snprintf(path, sizeof(path), "%s/state", directory);
	CHECK(n > 0);
	CHECK((size_t)n < sizeof(path));
	n = store_read(store, path, value, sizeof(value));
	if (n < 0 && n != -EOVERFLOW)
		return n;
	if (n < 0 || !decimal_parse(value, (size_t)n, STATE_MAX, &state))
		return 0;
	return (int)state;
}

/* libxl writes nothing, or its name for a format of nothing. */
bool facts_no_medium(const struct facts *facts)
{
	return facts->cdrom && (facts->params[0] == '\0' ||
				strcmp(facts->params, "empty:") == 0);
}

bool facts_online(struct store *store, const char *directory)
{
	return read_flag(store, directory, "online");
}
