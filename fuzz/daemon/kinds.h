/*
 * What a record of the harness daemon does, and the fields of its first.
 *
 * For those who play them (stage.h), for daemon_seeds.c, which writes such records,
 * and for language/daemon.c, which names them: nothing else is wanted for that.
 */
#pragma once

/* Byte 0 names it, byte 1 is the disk.  Unless byte 15 is SCRIPT_ODD or more the
 * daemon is asked for its disks afterwards. */
enum daemon_kind {
	DAEMON_ATTACH,	/* byte 2: which image; 3: odd: read-only */
	DAEMON_DETACH,	/* as a toolstack does */
	DAEMON_REMOVE,	/* its directories go */
	DAEMON_CONNECT, /* byte 2: the personality */
	DAEMON_IO,	/* a guest_kind's bytes from byte 2 on */
	DAEMON_ODD,
	DAEMON_CLOSE,
	DAEMON_CRASH,	/* the frontend is killed */
	DAEMON_NODE,	/* byte 2: which node of the frontend; 3: its value */
	DAEMON_STATE,	/* byte 2: its state; 3: odd: the backend's */
	DAEMON_REQUEST, /* byte 2: a request to the control socket */
	DAEMON_BYTES,	/* bytes 2 to 14 to the control socket */
	DAEMON_WORKER,	/* its worker is killed */
	DAEMON_KILL,	/* the daemon is killed, and started again */
	DAEMON_STOP,	/* it is told to end, and started again */
	DAEMON_SIGNAL,	/* SIGHUP */
	DAEMON_DOMAIN,	/* the domain of the disk dies */
	DAEMON_OTHER,	/* byte 2: another daemon that comes to nothing */
	DAEMON_BEHIND,	/* another daemon in the background, and its end */
	DAEMON_KIND_COUNT,
};

/* Fields of the device record. */
enum {
	DAEMON_QUEUES = 1,
	DAEMON_RESCUES = 2,
	DAEMON_RECORD = 3
};
