/* Answers of the control socket.  See report.h. */
#include "backend/supervisor/report.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/supervisor/changes.h"
#include "backend/supervisor/counters.h"
#include "version.h"

/* Of a text that has to be written otherwise: four bytes for each at worst. */
#define TEXT_BYTES 4096u

json_t *report_error(const char *sentence)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", sentence);
}

/* What a toolstack or a guest wrote need not be UTF-8, and a sentence may be
 * cut in the middle of a letter; JSON takes neither. */
static json_t *text(const char *from)
{
	json_t *string = json_string(from);
	char plain[TEXT_BYTES];
	size_t at = 0;

	if (string != NULL)
		return string;
	for (; *from != '\0' && at + sizeof("\\xff") <= sizeof(plain); from++)
		if (*from >= ' ' && *from <= '~')
			plain[at++] = *from;
		else
			at += (size_t)snprintf(plain + at, sizeof(plain) - at,
					       "\\x%02x", (unsigned char)*from);
	plain[at] = '\0';
	return json_string(plain);
}

static json_t *disk_summary(const struct device_view *view)
{
	return json_pack("{s:I, s:I, s:s, s:o, s:I, s:b, s:I, s:I, s:o}",
			 "domid", (json_int_t)view->key.domid, "devid",
			 (json_int_t)view->key.devid, "state", view->state_name,
			 "params", text(view->params), "sectors",
			 (json_int_t)view->sectors, "readonly", view->readonly,
			 "queues", (json_int_t)view->queues, "worker",
			 (json_int_t)view->worker, "error", text(view->error));
}

static json_t *disk_limits(const struct device_view *view)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "domid",
			 (json_int_t)view->key.domid, "devid",
			 (json_int_t)view->key.devid, "limit_iops",
			 (json_int_t)view->limits.iops, "limit_bandwidth",
			 (json_int_t)view->limits.bandwidth, "limit_burst_ms",
			 (json_int_t)view->limits.burst_ms);
}

static json_t *disk_details(const struct device_view *view)
{
	json_t *disk = disk_summary(view);
	json_t *more = json_pack(
		"{s:I, s:I, s:s, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I}",
		"physical_block_bytes", (json_int_t)view->physical_bytes,
		"ring_page_order", (json_int_t)view->ring_order, "protocol",
		view->protocol, "persistent", view->persistent, "direct",
		view->direct, "cdrom", view->cdrom, "changing", view->changing,
		"connections", (json_int_t)view->connections, "worker_deaths",
		(json_int_t)view->worker_deaths, "rescues",
		(json_int_t)view->rescues, "longest_pause_us",
		(json_int_t)(view->longest_pause_ns / 1000), "seconds_in_state",
		(json_int_t)((clock_now_ns() - view->since_ns) / 1000000000u));

	if (disk == NULL || more == NULL ||
	    json_object_update_new(disk, more) < 0 ||
	    json_object_update_new(disk, disk_limits(view)) < 0) {
		json_decref(disk);
		return NULL;
	}
	return disk;
}

static json_t *disk_stats(const struct device_view *view)
{
	json_t *queues = json_array();
	struct stats total = {0}, stats;

	for (unsigned int q = 0; table_stats(view->table, q, &stats); q++) {
		counters_add(&total, &stats);
		json_array_append_new(queues, counters_json(&stats));
	}
	return json_pack("{s:I, s:I, s:s, s:I, s:o, s:o}", "domid",
			 (json_int_t)view->key.domid, "devid",
			 (json_int_t)view->key.devid, "state", view->state_name,
			 "time_ns", (json_int_t)clock_now_ns(), "total",
			 counters_json(&total), "queues", queues);
}

/* --- commands --- */

typedef json_t *make_disk(const struct device_view *view);

static json_t *all_disks(const struct host *host, make_disk *make)
{
	json_t *disks = json_array();
	struct device_view view;

	for (unsigned int i = 0; i < host_devices(host); i++) {
		device_view(host_device(host, i), &view);
		json_array_append_new(disks, make(&view));
	}
	return json_pack("{s:b, s:o}", "ok", 1, "disks", disks);
}

/* A number of a request, if it names one; false when it is none. */
static bool take_number(const json_t *request, const char *key, uint64_t max,
			uint64_t *number)
{
	const json_t *value = json_object_get(request, key);
	const json_int_t n = json_integer_value(value);

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || n < 0 || (uint64_t)n > max)
		return false;
	*number = (uint64_t)n;
	return true;
}

/* One that it must name. */
static bool read_number(const json_t *request, const char *key,
			uint32_t *number)
{
	uint64_t n = 0;

	if (json_object_get(request, key) == NULL ||
	    !take_number(request, key, UINT32_MAX, &n))
		return false;
	*number = (uint32_t)n;
	return true;
}

static json_t *one_disk(const struct host *host, const json_t *request,
			make_disk *make)
{
	const struct device *device;
	struct device_view view;
	struct device_key key;
	char sentence[96];
	json_t *disks;

	if (!read_number(request, "domid", &key.domid) ||
	    !read_number(request, "devid", &key.devid))
		return report_error(
			"the command needs the numbers domid and devid");
	device = host_find(host, key);
	if (device == NULL) {
		snprintf(sentence, sizeof(sentence),
			 "there is no disk %u/%u: list shows those there are",
			 key.domid, key.devid);
		return report_error(sentence);
	}
	device_view(device, &view);
	disks = json_array();
	json_array_append_new(disks, make(&view));
	return json_pack("{s:b, s:o}", "ok", 1, "disks", disks);
}

/* What the request names is changed, the rest stays. */
static const char *change_limits(const json_t *request,
				 struct conf_limits *limits)
{
	uint64_t iops = limits->iops, burst_ms = limits->burst_ms;

	if (!take_number(request, "iops", UINT32_MAX, &iops) ||
	    !take_number(request, "bandwidth", UINT64_MAX,
			 &limits->bandwidth) ||
	    !take_number(request, "burst_ms", UINT32_MAX, &burst_ms))
		return "iops, bandwidth and burst_ms must be numbers, 0 or "
		       "more";
	limits->iops = (uint32_t)iops;
	limits->burst_ms = (uint32_t)burst_ms;
	return conf_limits_wrong(limits);
}

static json_t *set_limits(struct host *host, const json_t *request)
{
	const struct device *device;
	struct device_view view;
	struct device_key key;
	const char *wrong;

	if (!read_number(request, "domid", &key.domid) ||
	    !read_number(request, "devid", &key.devid) ||
	    (device = host_find(host, key)) == NULL)
		return one_disk(host, request, disk_limits);
	device_view(device, &view);
	wrong = change_limits(request, &view.limits);
	if (wrong != NULL)
		return report_error(wrong);
	if (json_object_get(request, "iops") != NULL ||
	    json_object_get(request, "bandwidth") != NULL ||
	    json_object_get(request, "burst_ms") != NULL)
		host_limit(host, key, &view.limits);
	return one_disk(host, request, disk_limits);
}

static json_t *change_disk(struct host *host, const json_t *request)
{
	char sentence[DEVICE_REASON_BYTES];
	struct device_key key;
	struct device *device;

	if (read_number(request, "domid", &key.domid) &&
	    read_number(request, "devid", &key.devid) &&
	    (device = host_edit(host, key)) != NULL &&
	    !changes_begin(device, request, sentence))
		return json_pack("{s:b, s:o}", "ok", 0, "error",
				 text(sentence));
	return one_disk(host, request, disk_details);
}

static json_t *set_level(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "level"));
	int level = name == NULL ? -1 : log_level_parse(name);

	if (level < 0)
		return report_error(
			"level must be error, warning, info, debug or trace");
	log_set_level((enum log_level)level);
	return json_pack("{s:b, s:s}", "ok", 1, "level", name);
}

json_t *report_answer(struct host *host, const json_t *request)
{
	const char *command =
		json_string_value(json_object_get(request, "command"));

	if (command == NULL)
		return report_error("a request is an object with a command, as "
				    "in {\"command\": \"list\"}");
	if (strcmp(command, "list") == 0)
		return all_disks(host, disk_summary);
	if (strcmp(command, "show") == 0)
		return one_disk(host, request, disk_details);
	if (strcmp(command, "stats") == 0)
		return json_object_get(request, "domid") == NULL
			       ? all_disks(host, disk_stats)
			       : one_disk(host, request, disk_stats);
	if (strcmp(command, "limit") == 0)
		return set_limits(host, request);
	if (changes_command(command))
		return change_disk(host, request);
	if (strcmp(command, "log-level") == 0)
		return set_level(request);
	if (strcmp(command, "version") == 0)
		return json_pack("{s:b, s:s}", "ok", 1, "version",
				 XENBLK_VERSION);
	return report_error(
		"there is no such command: use list, show, stats, "
		"limit, resize, eject, insert, log-level or version");
}
