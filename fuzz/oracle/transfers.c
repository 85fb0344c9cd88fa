/*
 * Transfers: after a short one the engine asks for exactly the rest, after a
 * moment's refusal for the same again, always of the file that it registered.
 */
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

/* The bytes of a vector from @skip on, one range at a time. */
struct walk {
	const struct iovec *iov;
	unsigned int left;
	uint64_t skip;
};

static struct iovec walk_range(struct walk *walk)
{
	struct iovec range = {0};

	while (walk->left > 0 && walk->skip >= walk->iov->iov_len) {
		walk->skip -= walk->iov->iov_len;
		walk->iov++;
		walk->left--;
	}
	if (walk->left > 0) {
		range.iov_base = (char *)walk->iov->iov_base + walk->skip;
		range.iov_len = walk->iov->iov_len - walk->skip;
	}
	return range;
}

static void check_vector(const struct transfer *whole, uint64_t moved,
			 const struct transfer *rest)
{
	struct walk expected = {whole->iov, whole->count, moved};
	struct walk given = {rest->iov, rest->count, 0};

	for (;;) {
		struct iovec a = walk_range(&expected);
		struct iovec b = walk_range(&given);
		size_t n = a.iov_len < b.iov_len ? a.iov_len : b.iov_len;

		if (a.iov_base != b.iov_base)
			oracle_fail(ORACLE_TRANSFERS,
				    "after %llu bytes of an operation were "
				    "moved, the next come from or go to "
				    "another place",
				    (unsigned long long)moved);
		if (n == 0)
			return;
		expected.skip += n;
		given.skip += n;
	}
}

void transfers_check(const struct transfer *whole, uint64_t moved,
		     const struct transfer *rest)
{
	if (!rest->registered)
		oracle_fail(ORACLE_TRANSFERS,
			    "an operation is not on the registered file");
	if (rest->operation != whole->operation)
		oracle_fail(ORACLE_TRANSFERS,
			    "an operation became another half-way");
	if (rest->operation != IMAGE_FLUSH &&
	    rest->offset != whole->offset + moved)
		oracle_fail(ORACLE_TRANSFERS,
			    "an operation at %llu goes on at %llu after %llu "
			    "bytes",
			    (unsigned long long)whole->offset,
			    (unsigned long long)rest->offset,
			    (unsigned long long)moved);
	if (rest->length != whole->length)
		oracle_fail(ORACLE_TRANSFERS,
			    "a discard of %llu bytes became one of %llu",
			    (unsigned long long)whole->length,
			    (unsigned long long)rest->length);
	check_vector(whole, moved, rest);
}
