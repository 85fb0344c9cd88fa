/* Discards of a whole disk in process: what is asked of the image, and the answer. */
#include "backend/base/checked.h"
#include "backend/worker/test_disk.h"

static void put_discard(uint64_t sector, uint64_t sectors)
{
	struct blkif_request_discard *d =
		(void *)put(0, BLKIF_OP_DISCARD, sector, 0);

	d->nr_sectors = sectors;
}

/* C4, K7, Q6: what the store knows nothing of is no error of its; of nothing it is
 * not even asked. */
static void test_a_discard_is_answered_as_its_store_does(void **state)
{
	static const struct {
		uint64_t sectors;
		int result, status;
	} ways[] = {
		{8, 0, BLKIF_RSP_OKAY},
		{8, -EIO, BLKIF_RSP_ERROR},
		{8, -EOPNOTSUPP, BLKIF_RSP_EOPNOTSUPP},
		{0, -EIO, BLKIF_RSP_OKAY},
		{SECTORS, 0, BLKIF_RSP_ERROR},
	};
	struct fixture *f = *state;
	const struct stats *stats;

	f->attach.discard = 1;
	attach(f);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		f->image.result = ways[i].result;
		put_discard(8, ways[i].sectors);
		turn(f);
		assert_int_equal(status_of(0, i), ways[i].status);
	}
	f->image.result = 0;
	stats = &f->region->queue[0].stats;
	assert_int_equal(stats->discards, 4);
	assert_int_equal(stats->sectors_discarded, 24);
	assert_int_equal(stats->errors, 1);
	assert_int_equal(stats->refused, 1);
}

static void test_a_discard_that_was_not_offered_is_unknown(void **state)
{
	struct fixture *f = *state;

	attach(f);
	put_discard(8, 8);
	turn(f);
	assert_int_equal(status_of(0, 0), BLKIF_RSP_EOPNOTSUPP);
	assert_int_equal(f->region->queue[0].stats.refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VBD_TEST(test_a_discard_is_answered_as_its_store_does),
		VBD_TEST(test_a_discard_that_was_not_offered_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
