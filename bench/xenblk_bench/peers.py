"""Rows that need no world: the bare ring, and fio on the same file."""

import json
import os
import subprocess
import tempfile

from . import cases, clocks


class Failed(Exception):
    """A measurement that did not happen; its text is a sentence."""


def run_ring(row, tools, seconds, cpus):
    """One run of xenblk-bench-ring, as a sample."""
    back = cpus.back(row.placement)
    front = cpus.front(row.placement)
    command = [
        tools.find("xenblk-bench-ring"),
        "--mode",
        row.backend.removeprefix("ring-"),
        "--depth",
        str(row.depth),
        "--seconds",
        str(seconds),
        "--front-cpu",
        str(front),
        "--back-cpu",
        str(back),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 30
    )
    if done.returncode:
        raise Failed(done.stderr.strip() or "xenblk-bench-ring failed")
    figures = json.loads(done.stdout)
    return {
        key: figures[key]
        for key in (
            "iops",
            "cpu_us_per_io",
            "p50_us",
            "p99_us",
            "p999_us",
            "syscalls_per_io",
        )
    }


TUNED = [
    "--registerfiles",
    "--fixedbufs",
    "--iodepth_batch_submit=16",
    "--iodepth_batch_complete_max=16",
]


def _fio_command(row, path, milliseconds, output):
    # invalidate would throw the file out of the page cache.
    return (
        ["fio", "--name=floor", "--thread", f"--filename={path}"]
        + ["--ioengine=io_uring", "--rw=randread", "--norandommap"]
        + ["--direct=0", "--invalidate=0", "--time_based"]
        + [f"--bs={row.block_bytes}", f"--iodepth={row.depth}"]
        + [f"--runtime={milliseconds}ms"]
        + ["--lat_percentiles=1", "--clat_percentiles=0"]
        + ["--output-format=json", f"--output={output}"]
        + (TUNED if row.backend == "fio-tuned" else [])
    )


def _fio(command, cpu, seconds):
    """Run it on one CPU; its own JSON document is in the output file."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        env=clocks.plain_environment(),
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
    )
    if done.returncode:
        raise Failed(f"fio failed: {done.stderr.strip()[:200]}")


def run_fio(row, path, seconds, cpus):
    """One run of fio, the floor of any io_uring user, as a sample."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as output:
        command = _fio_command(row, path, int(seconds * 1000), output.name)
        command.append("--ramp_time=200ms")
        _fio(command, cpus.back(row.placement), seconds)
        return _fio_sample(json.load(output))


def _fio_sample(document):
    job = document["jobs"][0]
    read = job["read"]
    share = (job["usr_cpu"] + job["sys_cpu"]) / 100
    percentile = read["lat_ns"]["percentile"]
    return {
        "iops": read["iops"],
        "cpu_us_per_io": share * 1e6 / read["iops"],
        "p50_us": percentile["50.000000"] / 1e3,
        "p99_us": percentile["99.000000"] / 1e3,
        "p999_us": percentile["99.900000"] / 1e3,
    }


def fio_system_calls(row, path, tool, cpus):
    """System calls per I/O of fio.

    Its start and end cost calls as well; the difference of two runs does not.
    """
    cpu = cpus.back(row.placement)
    few, few_done = _counted_fio(row, path, tool, (100, cpu))
    many, many_done = _counted_fio(row, path, tool, (400, cpu))
    if many_done <= few_done:
        return None
    return max(0.0, (many - few) / (many_done - few_done))


def _counted_fio(row, path, tool, how):
    """(system calls, reads) of one whole run of so many milliseconds."""
    milliseconds, cpu = how
    with tempfile.TemporaryDirectory() as place:
        output = os.path.join(place, "fio.json")
        counted = os.path.join(place, "calls")
        command = _fio_command(row, path, milliseconds, output)
        _fio(clocks.counting(tool, counted) + command, cpu, 1)
        with open(output) as f:
            done = json.load(f)["jobs"][0]["read"]["total_ios"]
        return clocks.counted(tool, counted), done
