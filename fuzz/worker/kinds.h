/*
 * What a record of the harness worker does; byte 0 names it.
 *
 * For the harness, and for step_seeds.c, which writes such records.
 */
#pragma once

enum kind {
	REQUEST,
	DEVICE,
	ATTACH,
	DETACH,
	STEP,
	PUBLISH,
	BEND,
	DIE,
	UNPUSH,
	TABLE,
	SAY,
	FAIL,
	CLOCK,
	RECORDS,
	KIND_COUNT,
};
