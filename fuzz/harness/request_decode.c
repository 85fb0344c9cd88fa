/*
 * request_decode: the decoder of slots agrees with a plain second reading of
 * the protocol on every slot, in both layouts: the same verdict, the same wire
 * status, and for what it accepts the same fields within the disk's bounds.
 *
 * Aims at backend/worker/request.c and abi.c.  Input: one byte of layout,
 * offer and access, one that picks the disk's size, then a slot; missing bytes are zero.
 */
#include <stdbool.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/worker/request.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/reference.h"
#include "fuzz/target.h"

static const enum request_kind kinds[] = {
	[REFERENCE_READ] = REQUEST_READ,
	[REFERENCE_WRITE] = REQUEST_WRITE,
	[REFERENCE_FLUSH] = REQUEST_FLUSH,
	[REFERENCE_DISCARD] = REQUEST_DISCARD,
};

static void compare_segments(const struct reference *want,
			     const struct request *got)
{
	for (unsigned int i = 0; i < want->segments; i++)
		if (got->segment[i].gref != want->segment[i].gref ||
		    got->segment[i].first_sector != want->segment[i].first ||
		    got->segment[i].last_sector != want->segment[i].last)
			oracle_fail(ORACLE_DECODE, "segment %u differs", i);
}

static void compare_discard(const struct reference *want,
			    const struct request *got, uint64_t capacity)
{
	if (got->sector != want->sector || got->extent != want->extent ||
	    !range_fits(got->sector, got->extent, capacity))
		oracle_fail(ORACLE_DECODE,
			    "a discard of %llu sectors at %llu on a disk of "
			    "%llu; the reference says %llu at %llu",
			    (unsigned long long)got->extent,
			    (unsigned long long)got->sector,
			    (unsigned long long)capacity,
			    (unsigned long long)want->extent,
			    (unsigned long long)want->sector);
}

static void compare_accepted(const struct reference *want,
			     const struct request *got, uint64_t capacity)
{
	if (got->kind != kinds[want->kind] || got->segments != want->segments ||
	    got->sectors != want->sectors)
		oracle_fail(ORACLE_DECODE,
			    "kind %u, %u segments, %u sectors; the reference "
			    "says %u, %u, %u",
			    got->kind, got->segments, got->sectors,
			    kinds[want->kind], want->segments, want->sectors);
	if (want->kind == REFERENCE_DISCARD)
		compare_discard(want, got, capacity);
	if (want->segments == 0)
		return;
	if (got->sector != want->sector ||
	    !range_fits(got->sector, got->sectors, capacity))
		oracle_fail(ORACLE_DECODE,
			    "sector %llu on a disk of %llu; the reference says "
			    "%llu",
			    (unsigned long long)got->sector,
			    (unsigned long long)capacity,
			    (unsigned long long)want->sector);
	compare_segments(want, got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {
		2048, 0,	 1, 88, UINT64_MAX / 512, 8, UINT64_C(1) << 40,
		87,   UINT64_MAX};
	uint8_t bytes[2 + 4 * ABI_SLOT_WORDS] = {0};
	uint32_t raw[ABI_SLOT_WORDS];
	struct wire_request wire;
	struct request got;
	struct reference want;
	/* Indirect requests are what the harness indirect is for. */
	struct reference_rules plain = {0};
	struct request_rules rules = {0};
	enum refusal refusal;
	int status;

	if (size > 0)
		memcpy(bytes, data,
		       size < sizeof(bytes) ? size : sizeof(bytes));
	memcpy(raw, bytes + 2, sizeof(raw));
	plain.packed = (bytes[0] & 1) != 0;
	plain.discard = (bytes[0] & 2) != 0;
	plain.readonly = bytes[0] >= 0xc0;
	plain.sectors = sizes[bytes[1] % ARRAY_SIZE(sizes)];
	rules.readonly = plain.readonly;
	rules.discard = plain.discard;
	rules.capacity_sectors = plain.sectors;
	reference_decode(bytes + 2, &plain, &want);
	abi_decode(plain.packed ? LINK_ABI_X86_32 : LINK_ABI_X86_64, raw,
		   &wire);
	refusal = request_decode(&wire, &rules, &got);
	status = refusal == REFUSAL_NONE ? 0 : refusal_status(refusal);
	if (status != want.status)
		oracle_fail(ORACLE_DECODE,
			    "refused with %s (status %d); the reference says "
			    "%d",
			    refusal_name(refusal), status, want.status);
	if (got.id != want.id || got.operation != want.operation)
		oracle_fail(ORACLE_DECODE, "id or operation differ");
	if (status == 0)
		compare_accepted(&want, &got, plain.sectors);
	target_report(got.id + (uint64_t)refusal, 1, status == 0);
	return 0;
}
