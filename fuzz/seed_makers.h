/*
 * Who makes seeds: one function for each group of harnesses, all of one shape.
 *
 * Called by seeds.c only, with the harness that the seeds are for.  Nothing here is
 * taken from the bugs of the bank.
 */
#pragma once

#include "fuzz/seed_folder.h"

typedef void seed_maker(const char *harness, struct seed_folder *to);

/** script_seeds() - scripts that walk through what a harness aims at (kinds of
 * records, operations, modes), so that a fuzzer begins where its property is at
 * stake; none for a harness that plays no scripts. */
seed_maker script_seeds;

/** life_seeds() - lifecycle: a life of a disk, once in every form. */
seed_maker life_seeds;

/** front_seeds() - handshake: each scheme, each kind of wrong node, each change
 * between two looks. */
seed_maker front_seeds;

/** daemon_seeds() - daemon: a day of a host, once in every form. */
seed_maker daemon_seeds;

/** step_seeds() - worker and records: what is right, and what a death or a full disk
 * leaves. */
seed_maker step_seeds;

/** store_seeds() - nbd: queues and servers. */
seed_maker store_seeds;

/** block_seeds() - blocks: queues and a store of whole blocks. */
seed_maker block_seeds;

/** visit_seeds() - metrics: visitors of any manners. */
seed_maker visit_seeds;

/** settings_seeds() - settings and control: what an administrator and his tools say
 * to the daemon. */
seed_maker settings_seeds;
