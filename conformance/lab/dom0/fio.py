"""fio: the words that start it, and what it says in the end.

The bench's load in a guest.  Pure: starts nothing, so that the host tests it
with made-up output.  The figures of a run are those of all its jobs together.
"""

import json

# name: (fio's rw, bytes of a request)
CASES = {
    "randread": ("randread", 4096),
    "randwrite": ("randwrite", 4096),
    "read": ("read", 128 << 10),
    "write": ("write", 128 << 10),
}
PERCENTILES = {"p50_us": "50.000000", "p99_us": "99.000000", "p999_us": "99.900000"}


def words(load, device, disk_bytes, seconds):
    """The command for a load: a dict of case, queues and depth.

    A job per queue, each on a virtual CPU of its own, since a frontend chooses
    the queue by the CPU; each within its own part of the disk.
    """
    rw, block = CASES[load["case"]]
    queues = load["queues"]
    part = disk_bytes // queues // block * block
    return [
        "fio", "--name=bench", f"--filename={device}", f"--rw={rw}",
        f"--bs={block}", f"--iodepth={load['depth']}", "--ioengine=libaio",
        "--direct=1", "--time_based=1", f"--runtime={round(seconds * 1000)}ms",
        f"--size={part}", f"--offset_increment={part}", f"--numjobs={queues}",
        "--thread=1", "--group_reporting=1", f"--cpus_allowed=0-{queues - 1}",
        "--cpus_allowed_policy=split", "--norandommap=1", "--randrepeat=0",
        "--clocksource=clock_gettime", "--clat_percentiles=0",
        "--lat_percentiles=1", "--percentile_list=50:99:99.9",
        "--eta=never", "--output-format=json",
    ]


def result(text):
    """The figures of one run; ValueError if there are none."""
    start = text.find("{")
    if start < 0:
        raise ValueError(f"fio printed no document: {text.strip()[-200:]}")
    document, _ = json.JSONDecoder().raw_decode(text[start:])
    jobs = document.get("jobs") or []
    if len(jobs) != 1:
        raise ValueError(f"fio reported {len(jobs)} groups, not one")
    job = jobs[0]
    if job.get("error"):
        raise ValueError(f"fio's jobs ended with error {job['error']}")
    side = max((job["read"], job["write"]), key=lambda s: s["total_ios"])
    if not side["total_ios"] or not side["runtime"]:
        raise ValueError("fio did no I/O")
    found = {"ios": side["total_ios"], "iops": side["iops"],
             "runtime_s": side["runtime"] / 1000}
    latency = side.get("lat_ns", {}).get("percentile", {})
    for name, key in PERCENTILES.items():
        found[name] = latency[key] / 1000 if key in latency else None
    return found
