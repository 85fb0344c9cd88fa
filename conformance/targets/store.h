/*
 * The store of long blocks of the target "inprocess".
 *
 * store.c stands where a real backend has its client of servers: there is one
 * server, in memory, whose blocks are those of DISK_BLOCKS.
 */
#pragma once

#define STORE_URI "nbd+unix:///?socket=blocks"
