/*
 * What libxenstore and xenstored promise: rights, watches, transactions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/contract/contract.h"

struct path {
	char text[128];
};

static struct path below(const struct contract *c, const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/%s", c->base, name);
	return path;
}

static bool put(struct contract *c, xs_transaction_t t, const char *name,
		const char *value)
{
	return xs_write(c->xs, t, below(c, name).text, value,
			(unsigned int)strlen(value));
}

/* Whether the node holds this text. */
static bool holds(struct contract *c, xs_transaction_t t, const char *name,
		  const char *value)
{
	unsigned int length;
	char *got = xs_read(c->xs, t, below(c, name).text, &length);
	bool same = got != NULL && length == strlen(value) &&
		    strcmp(got, value) == 0;

	free(got);
	return same;
}

static bool missing(struct contract *c, xs_transaction_t t, const char *name)
{
	unsigned int length;
	char *got = xs_read(c->xs, t, below(c, name).text, &length);
	bool absent = got == NULL && errno == ENOENT;

	free(got);
	return absent;
}

/* Whether the next event is this one. */
static bool fires(struct contract *c, const char *path, const char *token)
{
	char **event = contract_watch(c->xs);
	bool same = event != NULL && strcmp(event[XS_WATCH_PATH], path) == 0 &&
		    strcmp(event[XS_WATCH_TOKEN], token) == 0;

	free(event);
	return same;
}

static void write_then_read(struct contract *c)
{
	EXPECT(c, put(c, XBT_NULL, "a/b", "hello"));
	EXPECT(c, holds(c, XBT_NULL, "a/b", "hello"));
	EXPECT(c, holds(c, XBT_NULL, "a", ""));
}

static void bytes_with_zero(struct contract *c)
{
	unsigned int length;
	char *got;

	EXPECT(c, xs_write(c->xs, XBT_NULL, below(c, "z").text, "a\0b", 3));
	got = xs_read(c->xs, XBT_NULL, below(c, "z").text, &length);
	EXPECT(c, got != NULL && length == 3 && memcmp(got, "a\0b\0", 4) == 0);
	free(got);
}

static void read_missing(struct contract *c)
{
	EXPECT(c, missing(c, XBT_NULL, "nothing"));
}

static void bad_path(struct contract *c)
{
	unsigned int length;

	errno = 0;
	EXPECT(c, xs_read(c->xs, XBT_NULL, "/a//b", &length) == NULL);
	EXPECT(c, errno == EINVAL);
	errno = 0;
	EXPECT(c, !xs_write(c->xs, XBT_NULL, "/contract?", "", 0));
	EXPECT(c, errno == EINVAL);
}

static void directory_lists(struct contract *c)
{
	unsigned int n = 0;
	char **names;

	EXPECT(c,
	       put(c, XBT_NULL, "d/one", "") && put(c, XBT_NULL, "d/two", ""));
	names = xs_directory(c->xs, XBT_NULL, below(c, "d").text, &n);
	EXPECT(c, names != NULL && n == 2);
	EXPECT(c, strcmp(names[0], "one") == 0 && strcmp(names[1], "two") == 0);
	free(names);
}

static void directory_empty(struct contract *c)
{
	unsigned int n = 9;
	char **names;

	EXPECT(c, xs_mkdir(c->xs, XBT_NULL, below(c, "e").text));
	names = xs_directory(c->xs, XBT_NULL, below(c, "e").text, &n);
	EXPECT(c, names != NULL && n == 0);
	free(names);
}

static void mkdir_keeps(struct contract *c)
{
	EXPECT(c, put(c, XBT_NULL, "k", "value"));
	EXPECT(c, xs_mkdir(c->xs, XBT_NULL, below(c, "k").text));
	EXPECT(c, holds(c, XBT_NULL, "k", "value"));
}

static void remove_below(struct contract *c)
{
	EXPECT(c, put(c, XBT_NULL, "r/s/t", "x"));
	EXPECT(c, xs_rm(c->xs, XBT_NULL, below(c, "r").text));
	EXPECT(c, missing(c, XBT_NULL, "r/s/t") && missing(c, XBT_NULL, "r"));
}

static void remove_missing(struct contract *c)
{
	EXPECT(c, xs_rm(c->xs, XBT_NULL, below(c, "gone").text));
	errno = 0;
	EXPECT(c, !xs_rm(c->xs, XBT_NULL, below(c, "gone/deeper").text));
	EXPECT(c, errno == ENOENT);
}

static void peer_writes_own(struct contract *c)
{
	EXPECT(c, peer_xs_write(c, below(c, "mine").text, "4") == 0);
	EXPECT(c, holds(c, XBT_NULL, "mine", "4"));
}

static void peer_writes_elsewhere(struct contract *c)
{
	EXPECT(c, peer_xs_write(c, "/local/domain/0/contract", "x") == -EACCES);
	EXPECT(c, peer_xs_write(c, "/contract", "x") == -EACCES);
}

static void peer_reads_private(struct contract *c)
{
	struct xs_permissions owner = {.id = c->self, .perms = XS_PERM_NONE};
	char value[CONTRACT_TEXT];

	EXPECT(c, put(c, XBT_NULL, "secret", "s"));
	EXPECT(c, xs_set_permissions(c->xs, XBT_NULL, below(c, "secret").text,
				     &owner, 1));
	EXPECT(c, peer_xs_read(c, below(c, "secret").text, value) == -EACCES);
}

static void peer_may_read_only(struct contract *c)
{
	struct xs_permissions list[2] = {
		{.id = c->self, .perms = XS_PERM_NONE},
		{.id = c->peer, .perms = XS_PERM_READ}};
	char value[CONTRACT_TEXT];

	EXPECT(c, put(c, XBT_NULL, "seen", "s"));
	EXPECT(c, xs_set_permissions(c->xs, XBT_NULL, below(c, "seen").text,
				     list, 2));
	EXPECT(c, peer_xs_read(c, below(c, "seen").text, value) == 1);
	EXPECT(c, strcmp(value, "s") == 0);
	EXPECT(c, peer_xs_write(c, below(c, "seen").text, "t") == -EACCES);
	EXPECT(c, peer_xs_remove(c, below(c, "seen").text) == -EACCES);
}

static void missing_is_hidden(struct contract *c)
{
	struct xs_permissions owner = {.id = c->self, .perms = XS_PERM_NONE};
	char value[CONTRACT_TEXT];

	EXPECT(c, xs_mkdir(c->xs, XBT_NULL, below(c, "shut").text));
	EXPECT(c, xs_set_permissions(c->xs, XBT_NULL, below(c, "shut").text,
				     &owner, 1));
	EXPECT(c, peer_xs_read(c, below(c, "shut/x").text, value) == -EACCES);
	EXPECT(c, peer_xs_read(c, below(c, "open").text, value) == -ENOENT);
}

static void inherited(struct contract *c)
{
	struct xs_permissions *list;
	unsigned int n = 0;
	bool theirs;

	EXPECT(c, put(c, XBT_NULL, "in/her", "x"));
	list = xs_get_permissions(c->xs, XBT_NULL, below(c, "in/her").text, &n);
	EXPECT(c, list != NULL);
	theirs = n == 1 && list[0].id == c->peer;
	free(list);
	EXPECT(c, theirs);
}

static void peer_cannot_give_away(struct contract *c)
{
	EXPECT(c, peer_xs_write(c, below(c, "gift").text, "") == 0);
	EXPECT(c, peer_xs_owner(c, below(c, "gift").text, c->self) == -EPERM);
}

static void peer_owns_only_own(struct contract *c)
{
	struct xs_permissions owner = {.id = c->self, .perms = XS_PERM_WRITE};

	EXPECT(c, put(c, XBT_NULL, "ours", ""));
	EXPECT(c, xs_set_permissions(c->xs, XBT_NULL, below(c, "ours").text,
				     &owner, 1));
	EXPECT(c, peer_xs_owner(c, below(c, "ours").text, c->peer) == -EACCES);
}

static void relative_path(struct contract *c)
{
	EXPECT(c, peer_xs_write(c, "contract/rel", "r") == 0);
	EXPECT(c, holds(c, XBT_NULL, "rel", "r"));
}

static void watch_fires_first(struct contract *c)
{
	EXPECT(c, xs_watch(c->xs, c->base, "t1"));
	EXPECT(c, fires(c, c->base, "t1"));
}

static void watch_sees_below(struct contract *c)
{
	EXPECT(c, xs_watch(c->xs, c->base, "t2") && fires(c, c->base, "t2"));
	EXPECT(c, peer_xs_write(c, below(c, "w/x").text, "1") == 0);
	EXPECT(c, fires(c, below(c, "w/x").text, "t2"));
}

static void watch_sees_removal(struct contract *c)
{
	struct path path = below(c, "v/w");

	EXPECT(c, put(c, XBT_NULL, "v/w", ""));
	EXPECT(c,
	       xs_watch(c->xs, path.text, "t3") && fires(c, path.text, "t3"));
	EXPECT(c, xs_rm(c->xs, XBT_NULL, below(c, "v").text));
	EXPECT(c, fires(c, path.text, "t3"));
}

static void watch_missing(struct contract *c)
{
	struct path path = below(c, "later");

	EXPECT(c,
	       xs_watch(c->xs, path.text, "t4") && fires(c, path.text, "t4"));
	EXPECT(c, put(c, XBT_NULL, "later", "1"));
	EXPECT(c, fires(c, path.text, "t4"));
}

static void watch_not_beside(struct contract *c)
{
	EXPECT(c, xs_watch(c->xs, below(c, "q").text, "t5") &&
			  fires(c, below(c, "q").text, "t5"));
	EXPECT(c, put(c, XBT_NULL, "qq", "1") && put(c, XBT_NULL, "q", "2"));
	EXPECT(c, fires(c, below(c, "q").text, "t5"));
}

static void watch_twice(struct contract *c)
{
	EXPECT(c, xs_watch(c->xs, c->base, "t6"));
	errno = 0;
	EXPECT(c, !xs_watch(c->xs, c->base, "t6"));
	EXPECT(c, errno == EEXIST);
	EXPECT(c, xs_watch(c->xs, c->base, "t7"));
}

static void unwatch_missing(struct contract *c)
{
	errno = 0;
	EXPECT(c, !xs_unwatch(c->xs, c->base, "t8"));
	EXPECT(c, errno == ENOENT);
}

static void unwatch_ends(struct contract *c)
{
	EXPECT(c, xs_watch(c->xs, c->base, "t9") && fires(c, c->base, "t9"));
	EXPECT(c, xs_unwatch(c->xs, c->base, "t9"));
	EXPECT(c, xs_watch(c->xs, below(c, "u").text, "t10") &&
			  fires(c, below(c, "u").text, "t10"));
	EXPECT(c, put(c, XBT_NULL, "other", "1") && put(c, XBT_NULL, "u", "1"));
	EXPECT(c, fires(c, below(c, "u").text, "t10"));
}

static void no_event_is_eagain(struct contract *c)
{
	errno = 0;
	EXPECT(c, xs_check_watch(c->xs) == NULL);
	EXPECT(c, errno == EAGAIN);
}

static void transaction_commits(struct contract *c)
{
	xs_transaction_t t = xs_transaction_start(c->xs);

	EXPECT(c, t != XBT_NULL && put(c, t, "t/x", "1"));
	EXPECT(c, holds(c, t, "t/x", "1") && missing(c, XBT_NULL, "t/x"));
	EXPECT(c, xs_transaction_end(c->xs, t, false));
	EXPECT(c, holds(c, XBT_NULL, "t/x", "1"));
}

static void transaction_aborts(struct contract *c)
{
	xs_transaction_t t = xs_transaction_start(c->xs);

	EXPECT(c, t != XBT_NULL && put(c, t, "no", "1"));
	EXPECT(c, xs_transaction_end(c->xs, t, true));
	EXPECT(c, missing(c, XBT_NULL, "no"));
}

static void transaction_conflicts(struct contract *c)
{
	xs_transaction_t t;

	EXPECT(c, put(c, XBT_NULL, "c", "1"));
	t = xs_transaction_start(c->xs);
	EXPECT(c, holds(c, t, "c", "1") && put(c, t, "c2", "2"));
	EXPECT(c, put(c, XBT_NULL, "c", "changed"));
	errno = 0;
	EXPECT(c, !xs_transaction_end(c->xs, t, false));
	EXPECT(c, errno == EAGAIN);
	EXPECT(c, missing(c, XBT_NULL, "c2"));
}

static void transaction_apart(struct contract *c)
{
	xs_transaction_t t;

	EXPECT(c, put(c, XBT_NULL, "p/a", "1") && put(c, XBT_NULL, "o/b", "1"));
	t = xs_transaction_start(c->xs);
	EXPECT(c, put(c, t, "p/a", "2") && put(c, XBT_NULL, "o/b", "2"));
	EXPECT(c, xs_transaction_end(c->xs, t, false));
	EXPECT(c, holds(c, XBT_NULL, "p/a", "2"));
}

static void transaction_unknown(struct contract *c)
{
	errno = 0;
	EXPECT(c, !xs_transaction_end(c->xs, 4242, false));
	EXPECT(c, errno == ENOENT);
}

static void domain_path(struct contract *c)
{
	char *path = xs_get_domain_path(c->xs, c->peer);
	char wanted[64];
	bool same;

	snprintf(wanted, sizeof(wanted), "/local/domain/%u", c->peer);
	same = path != NULL && strcmp(path, wanted) == 0;
	free(path);
	EXPECT(c, same);
	EXPECT(c, xs_is_domain_introduced(c->xs, c->peer));
	EXPECT(c, !xs_is_domain_introduced(c->xs, c->nobody));
}

const struct contract_case contract_store[] = {
	{"XS-1", "What is written can be read, parents are made",
	 write_then_read},
	{"XS-2", "A value may hold any bytes", bytes_with_zero},
	{"XS-3", "A node that is not there is ENOENT", read_missing},
	{"XS-4", "A path that is malformed is EINVAL", bad_path},
	{"XS-5", "A directory lists its nodes", directory_lists},
	{"XS-6", "An empty directory is a list of none", directory_empty},
	{"XS-7", "mkdir leaves a node that exists as it is", mkdir_keeps},
	{"XS-8", "rm takes everything below away", remove_below},
	{"XS-9", "rm of what is not there is fine if its parent is",
	 remove_missing},
	{"XS-10", "A guest may write below a directory that it owns",
	 peer_writes_own},
	{"XS-11", "A guest may not write elsewhere", peer_writes_elsewhere},
	{"XS-12", "A guest may not read what is private", peer_reads_private},
	{"XS-13", "A guest that may read may not write", peer_may_read_only},
	{"XS-14", "Where a guest may not look, a missing node is EACCES",
	 missing_is_hidden},
	{"XS-15", "A new node has the permissions of its parent", inherited},
	{"XS-16", "A guest cannot give a node away", peer_cannot_give_away},
	{"XS-17", "A guest cannot take a node", peer_owns_only_own},
	{"XS-18", "A relative path begins at the domain's home", relative_path},
	{"XS-19", "A watch fires once when it is set", watch_fires_first},
	{"XS-20", "A watch fires for changes below, naming the node",
	 watch_sees_below},
	{"XS-21", "A watch fires when its node goes with its parent",
	 watch_sees_removal},
	{"XS-22", "A watch may wait for a node that is not there yet",
	 watch_missing},
	{"XS-23", "A watch does not fire for a name that only begins alike",
	 watch_not_beside},
	{"XS-24", "The same watch twice is EEXIST, another token is fine",
	 watch_twice},
	{"XS-25", "unwatch of what is not watched is ENOENT", unwatch_missing},
	{"XS-26", "After unwatch no more events come", unwatch_ends},
	{"XS-27", "Without an event xs_check_watch is NULL and EAGAIN",
	 no_event_is_eagain},
	{"XS-28", "A transaction is seen by others when it ends",
	 transaction_commits},
	{"XS-29", "A transaction that is abandoned changes nothing",
	 transaction_aborts},
	{"XS-30", "A transaction that read what changed fails with EAGAIN",
	 transaction_conflicts},
	{"XS-31", "Changes elsewhere do not disturb a transaction",
	 transaction_apart},
	{"XS-32", "A transaction that was not begun is ENOENT",
	 transaction_unknown},
	{"XS-33", "A domain has a home path and is introduced", domain_path},
	{0},
};
