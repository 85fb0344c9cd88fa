/*
 * empty: nothing is played.  What an engine and a sanitizer cost by themselves;
 * xenblk-fuzz guard holds the speed of the harnesses against it.  It tests
 * nothing, so it is no harness of xenblk-fuzz list.
 */
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	target_report(size > 0 ? data[0] : 0, 0, 0);
	return 0;
}
