/*
 * The live view: asks, prints, waits for a key or the next second.  See top.h.
 *
 * The terminal is left as it was found, whatever ends us but SIGKILL: signals
 * come as a descriptor.
 */
#include "backend/ctl/top.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "backend/ctl/frame.h"
#include "backend/ctl/socket.h"

#define NO_BOUND   1000000u
#define HOME_CLEAR "\033[H\033[J"

struct screen {
	struct termios before;
	int signals; /* descriptor */
};

/* Keys at once and unseen; Ctrl-C is one of them. */
static bool screen_take(struct screen *screen)
{
	struct termios keys;
	sigset_t set;

	if (!isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &screen->before) < 0)
		return false;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	screen->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	keys = screen->before;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	return screen->signals >= 0 &&
	       tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

static void screen_give_back(const struct screen *screen)
{
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
	close(screen->signals);
}

static bool wants_to_quit(void)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) != 1)
		return true;
	return key == 'q' || key == 'Q' || key == 3 /* Ctrl-C */;
}

static void draw(const struct frame *frame)
{
	struct winsize size = {0};
	unsigned int lines = 24, columns = 80;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 &&
	    size.ws_col > 0) {
		lines = size.ws_row;
		columns = size.ws_col;
	}
	fputs(HOME_CLEAR, stdout);
	frame_print(frame, stdout, lines - 2, columns);
	fputs("q quits", stdout);
	fflush(stdout);
}

/* A signal: the window has another size, or the end. */
static bool signal_ends(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
	       info.ssi_signo != SIGWINCH;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the interval is over; false when the user has had enough. */
static bool wait_for_next(const struct screen *screen,
			  const struct frame *frame, unsigned int interval_ms)
{
	const int64_t end_ms = now_ms() + interval_ms;
	int64_t left_ms;

	while ((left_ms = end_ms - now_ms()) > 0) {
		struct pollfd fds[] = {
			{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = screen->signals, .events = POLLIN},
		};

		if (poll(fds, 2, (int)left_ms) <= 0)
			continue;
		if (fds[0].revents != 0 && wants_to_quit())
			return false;
		if (fds[1].revents != 0 && signal_ends(screen->signals))
			return false;
		draw(frame);
	}
	return true;
}

/* The next moment.  An answer that is no such thing goes to *refusal, to be told
 * when the screen is the user's again: in the picture nobody finds a sentence. */
static enum top_end take(int fd, struct frame *frame, json_t **refusal)
{
	json_t *request = json_pack("{s:s}", "command", "stats");
	json_t *answer = socket_ask(fd, request);

	json_decref(request);
	if (answer == NULL)
		return TOP_HUNG_UP;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		*refusal = answer;
		return TOP_REFUSED;
	}
	frame_take(frame, answer);
	json_decref(answer);
	return TOP_DONE;
}

static enum top_end run_once(int fd, struct frame *frame,
			     unsigned int interval_ms, json_t **refusal)
{
	enum top_end end = take(fd, frame, refusal);

	if (end != TOP_DONE)
		return end;
	(void)poll(NULL, 0, (int)interval_ms);
	end = take(fd, frame, refusal);
	if (end == TOP_DONE)
		frame_print(frame, stdout, NO_BOUND, NO_BOUND);
	return end;
}

static enum top_end run_live(int fd, struct frame *frame,
			     unsigned int interval_ms, json_t **refusal)
{
	struct screen screen;
	enum top_end end;

	if (!screen_take(&screen))
		return TOP_NO_SCREEN;
	do {
		end = take(fd, frame, refusal);
		if (end == TOP_DONE)
			draw(frame);
	} while (end == TOP_DONE && wait_for_next(&screen, frame, interval_ms));
	putchar('\n');
	screen_give_back(&screen);
	return end;
}

enum top_end top_run(int fd, const struct top_options *options)
{
	struct frame *frame = frame_create();
	json_t *refusal = NULL;
	enum top_end end;

	if (frame == NULL)
		return TOP_HUNG_UP;
	end = options->once
		      ? run_once(fd, frame, options->interval_ms, &refusal)
		      : run_live(fd, frame, options->interval_ms, &refusal);
	if (end == TOP_REFUSED)
		fprintf(stderr, "xenblkctl: %s\n", socket_refusal(refusal));
	json_decref(refusal);
	frame_destroy(frame);
	return end;
}
