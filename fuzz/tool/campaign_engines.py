"""The instances of a campaign: how each is started, read and ended.

An instance is a role of the plan at work on one harness, in the harness's
folder HARNESS/ of the campaign:

    bin/       the harness, built for each engine     seeds/  what it begins with
    afl/ROLE/  what AFL++ keeps                        libfuzzer/corpus, artifacts
    log.ROLE   what the instance printed last

campaign_run.py is the caller; who runs when is its business.
"""

import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

import afl_files
import orphans
from engines import start
from tree import MAX_LENGTH, MUTATOR, dictionary, folder

# afl-fuzz takes no larger input; nothing that a harness reads is so long.
LARGEST_INPUT = 1 << 20
STOP_S = 30


class Home:
    """The folder of one harness in a campaign."""

    def __init__(self, where, harness):
        self.where, self.harness = os.path.join(where, harness), harness
        self.given = set()  # queue files that libFuzzer has got
        self.bins = folder(os.path.join(self.where, "bin"))
        self.seeds = folder(os.path.join(self.where, "seeds"))
        self.afl = folder(os.path.join(self.where, "afl"))
        self.corpus = folder(os.path.join(self.where, "libfuzzer", "corpus"))
        self.artifacts = folder(os.path.join(self.where, "libfuzzer",
                                             "artifacts"))

    def binary(self, build):
        return os.path.join(self.bins, f"{build}-{self.harness}")

    def mutator(self):
        return os.path.join(self.bins, MUTATOR)

    def log(self, role):
        return os.path.join(self.where, f"log.{role}")

    def judge(self):
        """The build that says most about a find, of those there are."""
        for build in ("fuzz", "afl", "afl-plain"):
            if os.path.exists(self.binary(build)):
                return self.binary(build)
        return None


def collect(home, sources):
    """Copies inputs of any bytes to the seeds, named by their contents.

    Returns sentences about what was left out: nothing in a folder of inputs
    can stop a campaign.
    """
    left_out = []
    for source in sources:
        for path in sorted(glob.glob(os.path.join(source, "*"))):
            try:
                if not os.path.isfile(path):
                    continue
                if os.path.getsize(path) > LARGEST_INPUT:
                    left_out.append(f"{path} is larger than 1 MiB, which no "
                                    "engine takes; it is left out")
                    continue
                with open(path, "rb") as data:
                    put(home.seeds, data.read() or bytes(1))
            except OSError as e:
                left_out.append(f"{path} cannot be read ({e.strerror}); it "
                                "is left out")
    if not os.listdir(home.seeds):
        put(home.seeds, bytes(16))
    return left_out


def put(where, content):
    """Writes an input under the name of its contents; whether it is new."""
    path = os.path.join(where, hashlib.sha1(content).hexdigest())
    if os.path.exists(path):
        return False
    beside = os.path.join(where, "." + os.path.basename(path))
    with open(beside, "wb") as out:
        out.write(content)
    os.replace(beside, path)
    return True


class Instance:
    """A role at work on a harness."""

    def __init__(self, home, role, options):
        self.home, self.role, self.options = home, role, options
        self.name = role["name"]
        self.began = time.monotonic()
        self.process = self.launch()

    def launch(self):
        """With us it ends, too, however we end.

        A parent that died before the signal was asked for sends none, so the
        question comes after: whose child is it now?
        """
        words = ["setpriv", "--pdeathsig", "TERM", "--", "sh", "-c",
                 '[ "$PPID" = "$0" ] || exit 143; exec "$@"',
                 str(os.getpid())] + self.words()
        env = dict(os.environ, **self.variables())
        return start(words, self.home.log(self.name), self.options, env)

    def running(self):
        return self.process.poll() is None

    def tell(self):
        if self.running():
            self.process.send_signal(signal.SIGINT)

    def wait(self):
        """After tell(): nothing of the instance is left."""
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        # What a killed engine leaves of its session ends with it.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        orphans.end_orphans(self.home.bins)

    def tail(self, lines=12):
        with open(self.home.log(self.name), encoding="utf-8",
                  errors="replace") as text:
            plain = re.sub(r"\x1b[\[)(][0-9;?]*[A-Za-z]", "", text.read())
        return "\n".join(plain.splitlines()[-lines:])


class LibFuzzerInstance(Instance):
    def words(self):
        home = self.home
        words = [home.binary(self.role["build"]), "-timeout=20",
                 "-rss_limit_mb=2048", "-print_final_stats=1", "-reload=1",
                 f"-max_len={MAX_LENGTH.get(home.harness, 4096)}",
                 f"-artifact_prefix={home.artifacts}/"]
        if dictionary(home.harness):
            words.append(f"-dict={dictionary(home.harness)}")
        return words + self.role["options"] + [home.corpus, home.seeds]

    def variables(self):
        return {}

    def figures(self):
        """{execs, execs_per_s, edges, corpus} as far as they were printed."""
        with open(self.home.log(self.name), "rb") as text:
            text.seek(0, os.SEEK_END)
            text.seek(max(0, text.tell() - 20000))
            return figures_printed(text.read().decode(errors="replace"))


def figures_printed(tail):
    """What libFuzzer's last lines say."""
    figures = {}
    lines = re.findall(r"^#(\d+)\s.*?cov: (\d+) .*?corp: (\d+)"
                       r".*?exec/s: (\d+)", tail, re.M)
    if lines:
        figures = dict(zip(("execs", "edges", "corpus", "execs_per_s"),
                           map(int, lines[-1])))
    m = re.search(r"stat::number_of_executed_units: (\d+)\s+"
                  r"stat::average_exec_per_sec:\s+(\d+)", tail)
    if m:
        figures.update(execs=int(m.group(1)), execs_per_s=int(m.group(2)))
    return figures


class AflInstance(Instance):
    def words(self):
        home = self.home
        options = [o.replace("{cmplog}", home.binary("afl-cmplog"))
                   for o in self.role["options"]]
        words = ["afl-fuzz", "-i", home.seeds, "-o", home.afl, "-m", "none",
                 "-t", "2000+"]
        if "G" in self.options.features:
            words += ["-G", str(MAX_LENGTH.get(home.harness, 4096))]
        if dictionary(home.harness):
            words += ["-x", dictionary(home.harness)]
        words += options
        # After -M, which afl-fuzz insists on.
        if "-M" in options and "F" in self.options.features:
            words += ["-F", home.corpus]
        return words + ["--", home.binary(self.role["build"])]

    def variables(self):
        """Resumes what it finds; seeds that crash are finds, no end."""
        variables = {
            "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1",
            "AFL_IMPORT_FIRST": "1", "AFL_AUTORESUME": "1",
            "AFL_FAST_CAL": "1", "AFL_SKIP_CRASHES": "1",
            "AFL_IGNORE_SEED_PROBLEMS": "1", "AFL_NO_CRASH_README": "1",
            "AFL_FORKSRV_INIT_TMOUT": "30000", "AFL_SYNC_TIME": "1",
            "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}
        # afl-fuzz takes either MOpt or a mutator.
        if os.path.exists(self.home.mutator()) and \
                "-L" not in self.role["options"] and \
                os.environ.get("XENBLK_MUTATOR") != "0":
            variables["AFL_CUSTOM_MUTATOR_LIBRARY"] = self.home.mutator()
        variables = {k: v for k, v in variables.items()
                     if k in self.options.variables}
        # Not one of AFL++'s: its mutator of ours asks for it.
        variables["XENBLK_HARNESS"] = self.home.harness
        variables.update(self.role["variables"])
        return variables

    def figures(self):
        """plot_data gets a line every few seconds, but none in the first minute and
        none while nothing changes; fuzzer_stats is written once a minute."""
        return afl_files.instance(os.path.join(self.home.afl, self.name))


def begin(home, role, options):
    """Starts a role on a harness."""
    kind = LibFuzzerInstance if role["engine"] == "libfuzzer" else AflInstance
    return kind(home, role, options)


def exchange(home):
    """What AFL++ has found, for libFuzzer, which looks at its folder itself.

    Returns how many were new.  The other way is afl-fuzz's own (-F), and where
    it has no such option, the seeds of the next turn are.
    """
    new = 0
    for path in glob.glob(os.path.join(home.afl, "*", "queue", "id:*")):
        name = os.path.basename(path)
        if ",sync:" in name or ",orig:" in name or path in home.given:
            continue
        try:
            with open(path, "rb") as data:
                new += put(home.corpus, data.read())
        except FileNotFoundError:
            continue  # afl-fuzz has just renamed it
        home.given.add(path)
    return new


def give_back(home):
    """What libFuzzer has found, for an afl-fuzz without -F: as an instance
    that was here once and whose queue the others read."""
    queue = folder(os.path.join(home.afl, "libfuzzer", "queue"))
    known = {n.rpartition(":")[2] for n in os.listdir(queue)}
    number = len(known)
    for name in sorted(os.listdir(home.corpus)):
        if name.startswith(".") or name in known:
            continue
        try:
            shutil.copy(os.path.join(home.corpus, name),
                        os.path.join(queue, f"id:{number:06d},src:{name}"))
        except FileNotFoundError:
            continue  # libFuzzer has found a smaller one
        number += 1
