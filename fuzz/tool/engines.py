"""The engines that drive a harness: how each is started, read and stopped."""

import glob
import os
import re
import shutil
import signal
import subprocess

import afl_files
from tree import (MAX_LENGTH, MUTATOR, Trouble, dictionary, folder, say,
                  timeout_of)

# The longest that one play may take when nothing hurries it.
ALONE_S = 60


def reason_of(log):
    """The line that says what was found, and the oracle's name."""
    try:
        with open(log, encoding="utf-8", errors="replace") as text:
            lines = text.read().splitlines()
    except OSError:
        return "unknown", "the log cannot be read"
    for line in lines:
        # libFuzzer's progress quotes any bytes, also those that we look for.
        if re.match(r"#\d+\s", line):
            continue
        m = re.match(r"oracle (\w+): (.*)", line)
        if m:
            return m.group(1), line
        m = re.search(r"ERROR: AddressSanitizer:? ([\w-]+)", line)
        if m:
            return "asan", line.strip()
        if "runtime error:" in line:
            return "ubsan", line.strip()
        if "CHECK" in line and "failed" in line or "check failed" in line:
            return "check", line.strip()
        m = re.search(r"ERROR: (LeakSanitizer|libFuzzer): (.*)", line)
        if m and "deadly signal" not in line:
            return {"LeakSanitizer": "leak"}.get(m.group(1), "engine"), line
    return "abort", lines[-1] if lines else "nothing was printed"


def play_alone(binary, path, log):
    """Plays an input once: (oracle, reason); ("none", ...) if it passes."""
    with open(log, "wb") as out:
        try:
            done = subprocess.run([binary, path], stdout=out, stderr=out,
                                  stdin=subprocess.DEVNULL, timeout=ALONE_S,
                                  check=False)
        except subprocess.TimeoutExpired:
            return "hang", f"one play takes more than {ALONE_S} s"
    if done.returncode == 0:
        return "none", "did not happen again when played alone"
    return reason_of(log)


def only_late(path):
    """Whether an engine kept it since it took long, as anything may on a
    machine that others use as well."""
    where, name = os.path.split(path)
    return (name.startswith(("timeout-", "slow-unit-"))
            or os.path.basename(where) == "hangs")


def names(log, word):
    with open(log, encoding="utf-8", errors="replace") as text:
        return word in text.read()


def start(words, log, options, env=None):
    """An engine in a session of its own, which a signal to us does not reach."""
    with open(log, "wb") as out:
        process = subprocess.Popen(
            words, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env,
            start_new_session=True, pass_fds=options.keep_open)
    if options.nice:
        yield_to_others(process.pid, options.nice)
    return process


def yield_to_others(pid, nice):
    """A session is a group of its own for Linux's scheduler where that groups
    by session: nice alone then counts only within it."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as group:
            group.write(str(nice))
    except OSError:
        pass  # no such grouping here, or the engine has ended already


class LibFuzzer:
    name = "libfuzzer"

    def __init__(self, harness, binary, where, options):
        self.harness, self.options = harness, options
        self.binary = binary
        self.work = folder(os.path.join(where, "corpus"))
        self.artifacts = folder(os.path.join(where, "artifacts"))
        self.log = os.path.join(where, "log")
        self.jobs = []
        words = [binary, f"-max_total_time={options.seconds}",
                 f"-timeout={timeout_of(harness)}",
                 "-rss_limit_mb=2048", "-print_final_stats=1", "-reload=1",
                 f"-max_len={MAX_LENGTH.get(harness, 4096)}",
                 f"-artifact_prefix={self.artifacts}/"]
        if options.seed is not None:
            words.append(f"-seed={options.seed}")
        if dictionary(harness):
            words.append(f"-dict={dictionary(harness)}")
        words += getattr(options, "words", [])
        words += [self.work] + options.inputs
        for job in range(options.jobs):
            log = f"{self.log}.{job}"
            self.jobs.append((start(words, log, options,
                                    getattr(options, "env", None)), log))

    def running(self):
        return any(p.poll() is None for p, _ in self.jobs)

    def stop(self):
        for process, _ in self.jobs:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process, _ in self.jobs:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def figures(self):
        total = {"execs": 0, "execs_per_s": 0, "edges": 0, "corpus": 0}
        for _, log in self.jobs:
            with open(log, "rb") as text:
                text.seek(0, 2)
                text.seek(max(0, text.tell() - 20000))
                tail = text.read().decode(errors="replace")
            lines = re.findall(r"^#(\d+)\s.*?cov: (\d+) .*?corp: (\d+)"
                               r".*?exec/s: (\d+)", tail, re.M)
            if lines:
                execs, edges, corpus, speed = map(int, lines[-1])
                total["execs"] += execs
                total["execs_per_s"] += speed
                total["edges"] = max(total["edges"], edges)
                total["corpus"] = max(total["corpus"], corpus)
            m = re.search(r"stat::number_of_executed_units: (\d+)\s+"
                          r"stat::average_exec_per_sec:\s+(\d+)", tail)
            if m:
                total["execs"] = max(total["execs"], int(m.group(1)))
        return total

    def finds(self):
        found = []
        for path in sorted(glob.glob(self.artifacts + "/*")):
            logs = [log for _, log in self.jobs
                    if names(log, os.path.basename(path))]
            oracle, line = reason_of(logs[0] if logs else "/dev/null")
            if only_late(path):
                oracle, line = play_alone(self.binary, path, self.log + ".alone")
            if oracle != "none":
                found.append({"input": path, "oracle": oracle, "reason": line})
        return found


class Afl:
    name = "afl"

    def __init__(self, harness, binary, where, options):
        self.where = os.path.join(where, "out")
        self.binary, self.jobs, self.harness = binary, [], harness
        shutil.rmtree(self.where, ignore_errors=True)
        env = dict(getattr(options, "env", None) or os.environ,
                   AFL_NO_UI="1", AFL_SKIP_CPUFREQ="1",
                   AFL_NO_AFFINITY="1", AFL_IMPORT_FIRST="1",
                   AFL_FORKSRV_INIT_TMOUT="30000")
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as text:
            if text.read().startswith("|"):
                say("core_pattern is a pipe: crashes are seen all the same, "
                    "but later; \"echo core >/proc/sys/kernel/core_pattern\" "
                    "as root makes it quick")
                env["AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES"] = "1"
        mutator = os.path.join(os.path.dirname(binary), MUTATOR)
        if os.path.exists(mutator) and env.get("XENBLK_MUTATOR") != "0":
            env["AFL_CUSTOM_MUTATOR_LIBRARY"] = mutator
            env["XENBLK_HARNESS"] = harness
        # afl-fuzz wants one folder that is not empty.
        inputs = os.path.join(where, "in")
        shutil.rmtree(inputs, ignore_errors=True)
        folder(inputs)
        for source in options.inputs:
            for path in glob.glob(source + "/*"):
                shutil.copy(path, inputs)
        if not os.listdir(inputs):
            with open(os.path.join(inputs, "empty"), "wb") as f:
                f.write(bytes(16))
        for job in range(options.jobs):
            role = ["-M", "main"] if job == 0 else ["-S", f"second{job}"]
            words = ["afl-fuzz", "-i", inputs, "-o", self.where, "-m", "none",
                     "-t", "2000+", "-V", str(options.seconds)] + role
            if options.seed is not None:
                words += ["-s", str(options.seed + job)]
            if dictionary(harness):
                words += ["-x", dictionary(harness)]
            log = os.path.join(where, f"log.{job}")
            self.jobs.append((start(words + ["--", binary], log, options,
                                    env), log))

    running = LibFuzzer.running
    stop = LibFuzzer.stop

    def figures(self):
        total = afl_files.together(glob.glob(self.where + "/*/"))
        for process, log in self.jobs:
            if process.poll() not in (None, 0) and not total["execs"]:
                with open(log, encoding="utf-8", errors="replace") as text:
                    raise Trouble("afl-fuzz ended at once:\n" + "\n".join(
                        text.read().splitlines()[-12:]))
        return total

    def finds(self):
        found = []
        for kind in ("crashes", "hangs"):
            for path in sorted(glob.glob(f"{self.where}/*/{kind}/id*")):
                log = path + ".log"
                oracle, line = play_alone(self.binary, path, log)
                os.unlink(log)
                if oracle == "none" and only_late(path):
                    continue
                found.append({"input": path, "oracle": oracle, "reason": line})
        return found
