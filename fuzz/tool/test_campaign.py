#!/usr/bin/env python3
"""Proof that a campaign plans, runs, stops, resumes and reports: with engines
that are scripts, so that it takes seconds and every trouble can be had."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import afl_files  # noqa: E402
import campaign  # noqa: E402
import campaign_builds as builds  # noqa: E402
import campaign_engines as engines  # noqa: E402
import campaign_features as features  # noqa: E402
import campaign_lineup as lineup  # noqa: E402
import campaign_page  # noqa: E402
import campaign_run  # noqa: E402
import campaign_slurm  # noqa: E402
import campaign_state as states  # noqa: E402
import campaign_status as status  # noqa: E402
import tree  # noqa: E402
from campaign_share import Share  # noqa: E402

HELP = """afl-fuzz++9.99 by somebody
Execution control settings:
  -p schedule   - power schedules compute a seed's performance score:
                  fast(default), explore, rare -- see docs
  -t msec       - timeout
  -L minutes    - use MOpt
  -c program    - enable CmpLog
  -Z            - sequential queue selection
  -M/-S id      - distributed mode
  -F path       - foreign
"""

# Engines that are scripts.  Both say what the real ones say, and end when told.
FAKE_AFL = """#!/bin/bash
while [ $# -gt 0 ]; do
	case $1 in
	-o) out=$2; shift ;;
	-M | -S) name=$2; mode=$1; shift ;;
	-F) [ "${mode:-}" = -M ] || exit 2; shift ;;
	esac
	shift
done
[ -z "${FAKE_DIES:-}" ] || { echo "no shared memory"; exit 1; }
mkdir -p "$out/$name/queue" "$out/$name/crashes"
echo "$name" >"$out/$name/queue/id:000000,src:0,op:havoc"
n=$(sed -n 's/^.*, 0.00, \\([0-9]*\\),.*/\\1/p' "$out/$name/plot_data" | tail -1)
echo "# relative_time, execs_per_sec, x, total_execs, edges_found, corpus_count" >"$out/$name/plot_data"
trap 'exit 0' INT TERM
for i in $(seq 600); do
	echo "$i, 100.5, 0.00, $(( ${n:-0} + i * 100 )), $((10 + i)), 3" >>"$out/$name/plot_data"
	sleep 0.1
done
"""
FAKE_LIBFUZZER = """#!/bin/bash
for word; do
	case $word in
	-artifact_prefix=*) artifacts=${word#*=} ;;
	-*) ;;
	*) corpus=${corpus:-$word} ;;
	esac
done
if [ -f "$1" ]; then
	grep -q fine "$1" && exit 0
	echo "oracle memory: page 3 has changed"
	exit 1
fi
trap 'echo "stat::number_of_executed_units: 5000"; echo "stat::average_exec_per_sec:     50"; exit 0' INT TERM
echo "#4096	pulse  cov: 77 ft: 99 corp: 12/3kb lim: 4 exec/s: 2048 rss: 30Mb"
[ -z "${FAKE_FINDS:-}" ] || { echo "bad$RANDOM" >"${artifacts}crash-$$"; exit 77; }
for i in $(seq 600); do sleep 0.1; done
"""


def fake_features():
    return features.Features("pLcZMSFlG", ["fast", "explore", "rare"],
                             ["AFL_DISABLE_TRIM", "AFL_AUTORESUME"],
                             ["plain", "cmplog", "laf"], "afl-fuzz++9.99")


def make_plan(names, cores, seconds=3600, which=("afl", "libfuzzer"), **more):
    return lineup.plan(names, cores, seconds, {
        "features": fake_features(), "engines": which, "host": "here", **more})


class Folder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.where = self.temporary.name
        self.said = []
        for module in (campaign, builds, campaign_run):
            patch = mock.patch.object(module, "say", self.said.append)
            patch.start()
            self.addCleanup(patch.stop)

    def path(self, *names):
        return os.path.join(self.where, *names)

    def write(self, name, content):
        with open(self.path(name), "wb") as out:
            out.write(content)
        return self.path(name)


class FeaturesFound(Folder):
    def test_help_is_read(self):
        self.assertEqual(features.options_in(HELP), set("ptLcZMSF"))
        self.assertEqual(features.schedules_in(HELP),
                         ["fast", "explore", "rare"])

    def test_a_program_is_probed_not_believed(self):
        path = self.write("afl", b"#!/bin/sh\n# AFL_AUTORESUME\0AFL_X_Y2\n"
                          b"echo '  -M/-S id - mode'; exit 1\n")
        os.chmod(path, 0o755)
        found = features.probe(path, "gcc")
        self.assertEqual(found.options, {"M", "S"})
        self.assertEqual(found.variables, {"AFL_AUTORESUME", "AFL_X_Y2"})
        # gcc knows neither variable: the objects are the same.
        self.assertEqual(found.builds, {"plain"})
        self.assertEqual(found.environment(AFL_X_Y2="1", AFL_NO="1"),
                         {"AFL_X_Y2": "1"})

    def test_what_is_not_there_is_none(self):
        self.assertIsNone(features.probe(self.path("nothing"), "gcc"))


class LineUp(unittest.TestCase):
    def test_one_main_and_the_shares(self):
        roles = make_plan(["ring"], 40)["roster"]
        words = [" ".join(r["options"]) for r in roles]
        self.assertEqual(len({r["name"] for r in roles}), len(roles))
        self.assertEqual(sum("-M" in w for w in words), 1)
        self.assertEqual(len(roles), 40)
        seconds = [r for r in roles if r["name"].startswith("second")]
        for option, share in (("-L 0", 0.1), ("-Z", 0.1)):
            n = sum(option in " ".join(r["options"]) for r in seconds)
            self.assertAlmostEqual(n / len(seconds), share, delta=0.05)
        n = sum("AFL_DISABLE_TRIM" in r["variables"] for r in seconds)
        self.assertTrue(0.5 <= n / len(seconds) <= 0.7)
        self.assertEqual({w.split("-p ")[1].split()[0] for w in words
                          if "-p " in w}, {"fast", "explore", "rare"})

    def test_what_is_not_supported_is_left_out_and_said(self):
        poor = features.Features("MS", [], [], ["plain"])
        plan = lineup.plan(["ring"], 16, 60, {
            "features": poor, "engines": ["afl"], "host": "h"})
        text = str([(r["name"], r["options"], r["variables"])
                    for r in plan["roster"]])
        for absent in ("-L", "-Z", "'-p'", "cmplog", "laf", "TRIM",
                       "libfuzzer"):
            self.assertNotIn(absent, text)
        self.assertEqual(len(plan["notes"]), 4)

    def test_libfuzzer_alone(self):
        plan = make_plan(["ring"], 3, which=("libfuzzer",))
        self.assertEqual({r["engine"] for r in plan["roster"]}, {"libfuzzer"})

    def test_few_cores_take_turns_over_harnesses_and_roles(self):
        names = [f"h{i}" for i in range(5)]
        plan = make_plan(names, 2)
        met = {}
        for number in range(5 * len(plan["roster"])):
            chosen = lineup.turn(plan, number)
            self.assertEqual(sum(len(r) for _, r in chosen), 2)
            for name, roles in chosen:
                self.assertEqual(roles[0]["name"], "main-here")
                met.setdefault(name, set()).update(r["name"] for r in roles)
        self.assertEqual(set(met), set(names))
        for roles in met.values():
            self.assertEqual(len(roles), len(plan["roster"]))

    def test_one_core_and_many(self):
        one = make_plan(["a", "b"], 1)
        self.assertEqual([len(r) for _, r in lineup.turn(one, 0)], [1])
        many = make_plan(["a", "b"], 30)
        self.assertEqual([len(r) for _, r in lineup.turn(many, 0)], [15, 15])
        self.assertEqual(many["slice_s"], 3600)
        short = make_plan(["a", "b", "c"], 2, 30)
        self.assertEqual(short["slice_s"], 10)

    def test_turns_never_use_more_than_the_cores(self):
        for cores in range(1, 20):
            for count in range(1, 8):
                plan = make_plan([f"h{i}" for i in range(count)], cores)
                used = sum(len(r) for _, r in lineup.turn(plan, 3))
                self.assertTrue(1 <= used <= cores, (cores, count, used))


class Inputs(Folder):
    def test_any_bytes_are_taken_and_the_rest_is_said(self):
        home = engines.Home(self.where, "ring")
        os.mkdir(self.path("more"))
        for name, content in (("a", b"\0\xff"), ("empty", b""),
                              ("b", b"\0\xff"),
                              ("huge", bytes((1 << 20) + 1))):
            self.write("more/" + name, content)
        os.symlink("nowhere", self.path("more", "dangling"))
        left_out = engines.collect(home, [self.path("more")])
        self.assertEqual(len(os.listdir(home.seeds)), 2)
        self.assertEqual(len(left_out), 1)
        self.assertIn("huge is larger than 1 MiB", left_out[0])

    def test_no_input_at_all_is_one_of_zeros(self):
        home = engines.Home(self.where, "ring")
        self.assertEqual(engines.collect(home, []), [])
        self.assertEqual(len(os.listdir(home.seeds)), 1)

    def test_figures_of_both_engines(self):
        self.assertEqual(engines.figures_printed(
            "#8\tINITED cov: 5 ft: 6 corp: 3/9b exec/s: 0 rss: 1Mb\n"),
            {"execs": 8, "edges": 5, "corpus": 3, "execs_per_s": 0})
        self.assertEqual(engines.figures_printed("\xff junk"), {})
        plot = self.write("plot", b"# a, total_execs, edges_found\n1, 5, 6\n"
                          b"2, 50, 60\n3, 5")
        self.assertEqual(afl_files.plotted(plot), {"execs": 50, "edges": 60})
        self.assertEqual(afl_files.plotted(self.write("torn", b"# a\n")), {})
        stats = self.write("stats", b"execs_done : 9\nbroken\n"
                           b"execs_per_sec : inf\nedges_found : -nan\n")
        self.assertEqual(afl_files.stats_of(stats),
                         {"execs": 9, "execs_per_s": 0, "edges": 0})

    def test_of_two_files_of_afl_the_one_that_counted_further(self):
        """It draws no line in its first minute, and none while nothing is new."""
        home = engines.Home(self.where, "ring")
        instance = engines.AflInstance.__new__(engines.AflInstance)
        instance.home, instance.name = home, "main"
        os.makedirs(os.path.join(home.afl, "main"))
        self.assertEqual(instance.figures(), {})
        plot = "ring/afl/main/plot_data"
        self.write(plot, b"# relative_time, total_execs, edges_found\n9, 50, 6\n")
        self.write("ring/afl/main/fuzzer_stats",
                   b"run_time : 60\nexecs_done : 900\nedges_found : 7\n")
        self.assertEqual(instance.figures(),
                         {"seconds": 60, "execs": 900, "edges": 7})
        self.write(plot, b"# relative_time, total_execs, edges_found\n"
                   b"99, 1000, 8\n")
        self.assertEqual(instance.figures()["edges"], 8)

    def test_afls_queue_goes_to_libfuzzer_once(self):
        home = engines.Home(self.where, "ring")
        os.makedirs(os.path.join(home.afl, "main", "queue"))
        for name in ("id:0,src:1", "id:1,sync:x,src:2", "id:2,orig:y"):
            self.write(f"ring/afl/main/queue/{name}", name.encode())
        self.assertEqual(engines.exchange(home), 1)
        self.assertEqual(engines.exchange(home), 0)
        engines.give_back(home)
        engines.give_back(home)
        self.assertEqual(len(os.listdir(os.path.join(
            home.afl, "libfuzzer", "queue"))), 1)


class OnDisk(Folder):
    def test_a_torn_file_is_a_sentence_and_a_torn_line_is_none(self):
        c = states.Campaign(self.where)
        self.write("state.json", b'{"format": 1, "har')
        with self.assertRaisesRegex(tree.Trouble, "move it away"):
            c.state()
        self.write("state.json", b'[1]')
        with self.assertRaisesRegex(tree.Trouble, "is no the state|is no"):
            c.state()
        c.append([(1.0, "ring", "fuzz", 5, 5, 5, 5, 0)])
        with open(self.path("series.csv"), "ab") as out:
            out.write(b"2.0,ring,fu")
        self.assertEqual(len(c.series()), 1)

    def test_a_failed_write_leaves_the_old_state(self):
        c = states.Campaign(self.where)
        c.write_state({"turn": 1})
        with mock.patch("os.fsync", side_effect=OSError(28, "full")):
            with self.assertRaises(OSError):
                c.write_state({"turn": 2})
        self.assertEqual(c.state(), {"turn": 1})

    def test_two_in_one_folder_are_refused(self):
        first, second = states.Campaign(self.where), states.Campaign(self.where)
        first.take()
        self.assertTrue(second.running())
        with self.assertRaisesRegex(tree.Trouble, "is running in"):
            second.take()
        first.lock.close()
        self.assertFalse(second.running())

    def test_a_folder_that_cannot_be(self):
        self.write("file", b"")
        with self.assertRaisesRegex(tree.Trouble, "written.*--folder"):
            states.Campaign(self.path("file", "below")).take()

    def test_nothing_there(self):
        with self.assertRaisesRegex(tree.Trouble, "there is no campaign"):
            states.Campaign(self.where).known()

    def test_executions_survive_an_engine_that_counts_anew(self):
        h = states.new_harness()
        record = states.instance_of(h, "main")
        for execs in (100, 250, 30, 40):
            states.count(record, execs)
        self.assertEqual(states.executions(h), 290)


class Running(Folder):
    """The runner with engines that are scripts."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("path"))
        self.script("path/afl-fuzz", FAKE_AFL)
        path = self.path("path") + os.pathsep + os.environ["PATH"]
        for patch in (mock.patch.dict(os.environ, {"PATH": path}),
                      mock.patch.object(builds, "prepare", self.prepare),
                      mock.patch.object(campaign_run, "WRITE_S", 0.2),
                      mock.patch.object(campaign_run, "EXCHANGE_S", 0.2)):
            patch.start()
            self.addCleanup(patch.stop)
        self.campaign = states.Campaign(self.path("c"))
        self.addCleanup(self.release)
        self.merged = []
        patch = mock.patch.object(
            builds, "merge", lambda home, lib: self.merged.append(home))
        patch.start()
        self.addCleanup(patch.stop)

    def script(self, name, text):
        os.chmod(self.write(name, text.encode()), 0o755)

    def prepare(self, plan, homes, _extra):
        for name, home in homes.items():
            for build in builds.presets_of(plan):
                self.script(os.path.relpath(home.binary(build), self.where),
                            FAKE_LIBFUZZER)
            engines.collect(home, [])
        return []

    def go(self, seconds=2, names=("ring", "link"),
           which=("afl", "libfuzzer"), turn=1, **more):
        if self.campaign.lock is None or self.campaign.lock.closed:
            self.campaign.take()
        plan = make_plan(list(names), 2, seconds, which=which,
                         slice=turn)
        self.campaign.write_plan(plan)
        options = argparse.Namespace(
            keep_free_mib=0, every=1, merge_from=0, share=None, nice=0,
            findings=self.path("findings"), corpora=[], features=set("FG"),
            variables={"AFL_AUTORESUME"},
            keep_open=[self.campaign.lock.fileno()])
        vars(options).update(more)
        return campaign_run.run(self.campaign, plan, options)

    def release(self):
        if self.campaign.lock:
            self.campaign.lock.close()

    def nothing_runs(self):
        """No process of ours holds the campaign's lock any more."""
        self.release()
        return not self.campaign.running()

    def test_it_runs_to_the_end_and_merges(self):
        self.assertEqual(self.go(seconds=4), 0)
        plan, state = self.campaign.known()
        self.assertEqual(state["status"], "done")
        self.assertGreaterEqual(state["turn"], 2)
        for name in ("ring", "link"):
            h = state["harnesses"][name]
            self.assertGreater(states.executions(h), 5000)
            self.assertEqual(h["edges"]["fuzz"], 77)
            self.assertGreater(h["edges"]["afl-plain"], 10)
            self.assertIn("id", str(os.listdir(self.path(
                "c", name, "afl", "main-here", "queue"))))
        self.assertEqual(len(self.merged), 2)
        self.assertGreater(len(self.campaign.series()), 3)
        self.assertTrue(self.nothing_runs())
        text = status.table(plan, state, False)
        self.assertRegex(text, r"done: 0:00:\d+ of 0:00:04 \(100 %\)")
        page = campaign_page.page(plan, state, self.campaign.series(), False)
        self.assertEqual(page, campaign_page.page(
            plan, state, self.campaign.series(), False))
        self.assertEqual(page.count("<svg"), 6)
        self.assertNotIn("http", page)

    def test_a_signal_stops_it_and_it_goes_on_later(self):
        timer = threading.Timer(1.2, os.kill, (os.getpid(), signal.SIGTERM))
        timer.start()
        with self.assertRaisesRegex(campaign_run.Stop, "SIGTERM.*nothing is"):
            self.go(seconds=60)
        timer.join()
        self.assertTrue(self.nothing_runs())
        before = self.campaign.state()
        self.assertEqual(before["status"], "stopped")
        self.assertTrue(0.5 < before["elapsed"] < 60)
        self.assertEqual(self.go(seconds=int(before["elapsed"]) + 2), 0)
        after = self.campaign.state()
        self.assertGreaterEqual(after["elapsed"], before["elapsed"] + 1)
        self.assertGreater(after["turn"], before["turn"])

    def test_a_signal_while_merging_stops_it_too(self):
        def merge(home, _):
            os.kill(os.getpid(), signal.SIGTERM)
            raise tree.Trouble(f"{home.harness} was interrupted")
        with mock.patch.object(builds, "merge", merge):
            with self.assertRaisesRegex(campaign_run.Stop, "while merging"):
                self.go(seconds=1)
        self.assertEqual(self.campaign.state()["status"], "stopped")
        self.assertTrue(self.nothing_runs())
        self.assertEqual(self.go(seconds=1), 0)
        self.assertEqual(len(self.merged), 2)

    def test_mopt_goes_without_the_mutator(self):
        home = engines.Home(self.path("c"), "ring")
        open(home.mutator(), "wb").close()
        for words, there in ((["-S", "a"], True), (["-L", "0"], False)):
            instance = engines.AflInstance.__new__(engines.AflInstance)
            instance.home = home
            instance.role = {"options": words, "variables": {}}
            instance.options = argparse.Namespace(
                variables={"AFL_CUSTOM_MUTATOR_LIBRARY"})
            self.assertEqual("AFL_CUSTOM_MUTATOR_LIBRARY" in
                             instance.variables(), there)

    def test_a_filling_disk_stops_it_before_it_is_full(self):
        usage = mock.Mock(side_effect=[mock.Mock(free=5 << 20)] * 2 +
                          [mock.Mock(free=1 << 20)] * 99)
        with mock.patch("shutil.disk_usage", usage):
            with self.assertRaisesRegex(campaign_run.Stop,
                                        "1 MiB are free.*make room"):
                self.go(seconds=60, keep_free_mib=2)
        self.assertEqual(self.campaign.state()["status"], "stopped")
        self.assertTrue(self.nothing_runs())
        self.assertEqual(self.go(seconds=1), 0)

    def test_finds_are_kept_and_the_engine_goes_on(self):
        with mock.patch.dict(os.environ, {"FAKE_FINDS": "1"}):
            self.assertEqual(self.go(seconds=6, names=["ring"],
                                     which=["libfuzzer"]), 1)
        state = self.campaign.state()
        self.assertGreaterEqual(len(state["finds"]), 2)
        self.assertEqual(state["finds"][0]["oracle"], "memory")
        self.assertEqual(len(os.listdir(self.path("findings", "ring"))),
                         state["harnesses"]["ring"]["finds"])
        self.assertEqual(len(status.buckets(state)), 1)
        page = campaign_page.page(self.campaign.plan(), state, [], False)
        self.assertIn("page 3 has changed", page)

    def test_what_was_only_late_is_no_find(self):
        engines.Home(self.path("c"), "ring")
        self.write("c/ring/libfuzzer/artifacts/timeout-x", b"fine 1")
        self.write("c/ring/libfuzzer/artifacts/slow-unit-x", b"fine 2")
        self.assertEqual(self.go(seconds=1, names=["ring"]), 0)
        self.assertEqual(self.campaign.state()["harnesses"]["ring"]["finds"],
                         0)
        self.write("c/ring/libfuzzer/artifacts/timeout-y", b"bad")
        self.assertEqual(self.go(seconds=2, names=["ring"]), 1)

    def test_a_seed_that_is_a_find_is_taken_out(self):
        home = engines.Home(self.path("c"), "ring")
        engines.put(home.seeds, b"bad")
        self.write("c/ring/libfuzzer/artifacts/crash-x", b"bad")
        self.assertEqual(self.go(seconds=1, names=["ring"]), 1)
        self.assertEqual([n for n in os.listdir(home.seeds)
                          if engines.hashlib.sha1(b"bad").hexdigest() == n],
                         [])

    def test_engines_that_die_are_given_up_with_their_words(self):
        with mock.patch.dict(os.environ, {"FAKE_DIES": "1"}), \
                mock.patch.object(lineup, "width", lambda cores, count: 1):
            with self.assertRaisesRegex(tree.Trouble, "no shared memory"):
                self.go(seconds=60, names=["ring"], which=["afl"],
                        turn=60)
        self.assertEqual(self.campaign.state()["status"], "failed")
        self.assertTrue(self.nothing_runs())

    def test_a_killed_runner_takes_its_engines_along(self):
        child = os.fork()
        if child == 0:
            self.go(seconds=60)
            os._exit(0)
        while self.campaign.state() is None or \
                not self.campaign.series():
            time.sleep(0.1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for _ in range(600):
            if not self.campaign.running():
                break
            time.sleep(0.1)
        self.assertFalse(self.campaign.running())
        plan, state = self.campaign.known()
        self.assertIn("killed (start goes on", status.head(plan, state, False))
        self.assertEqual(self.go(seconds=int(state["elapsed"]) + 2), 0)

    def test_an_engine_that_is_nobodys_child_ends_at_once(self):
        # As if its runner had died before setpriv asked for the signal.
        ran = self.path("ran")
        with mock.patch("os.getpid", return_value=os.getppid()), \
                mock.patch.object(engines.LibFuzzerInstance, "words",
                                  lambda self: ["touch", ran]):
            instance = engines.LibFuzzerInstance(
                engines.Home(self.path("c"), "ring"), {"name": "a"},
                argparse.Namespace(keep_open=(), nice=0, variables=set()))
        self.assertEqual(instance.process.wait(20), 143)
        self.assertFalse(os.path.exists(ran))


class Shared(Folder):
    def test_queues_of_mains_go_round(self):
        home = {h: engines.Home(self.path(h), "ring") for h in "ab"}
        share = {h: Share(self.path("shared"), h, 9) for h in "ab"}
        os.makedirs(os.path.join(home["a"].afl, "main-a", "queue"))
        self.write("a/ring/afl/main-a/queue/id:0,src:0", b"one")
        self.write("a/ring/afl/main-a/queue/id:1,sync:b,src:0", b"two")
        engines.put(home["a"].corpus, b"three")
        # libFuzzer takes a file away that we have just listed.
        with mock.patch("campaign_share.digest_of",
                        side_effect=FileNotFoundError):
            self.assertEqual(share["a"].push(home["a"]), 0)
        share["a"] = Share(self.path("shared"), "a", 9)
        self.assertEqual(share["a"].push(home["a"]), 2)
        self.assertEqual(share["a"].push(home["a"]), 0)
        self.assertEqual(share["b"].pull(home["b"]), 2)
        self.assertEqual(share["b"].pull(home["b"]), 0)
        self.assertEqual(len(os.listdir(os.path.join(
            home["b"].afl, "main-a", "queue"))), 2)
        # Another node takes our place: what we pushed comes back.
        again = engines.Home(self.path("a2"), "ring")
        self.assertEqual(Share(self.path("shared"), "a", 9).pull(again), 2)
        self.assertEqual(len(os.listdir(again.corpus)), 2)
        self.assertEqual(share["a"].push(again), 0)

    def test_a_job_for_slurm_is_a_script(self):
        args = argparse.Namespace(
            tasks=3, share=self.path("sh ared"), local="/scratch",
            minutes=None, grace=60, share_every=None,
            sbatch=["--partition=long"], out=None)
        text = campaign_slurm.script(make_plan(["ring"], 2, 7200), args)
        self.assertIn("#SBATCH --array=0-2\n", text)
        self.assertIn("#SBATCH --time=135\n", text)
        self.assertIn("#SBATCH --partition=long\n", text)
        self.assertIn("--share-every 720 ", text)
        done = subprocess.run(["bash", "-n"], input=text, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0)


class Wanted(Folder):
    def test_a_disk_that_is_full_all_the_same_is_a_sentence(self):
        args = argparse.Namespace(
            folder=self.path("c"), corpus=[], share=None, host="here")
        with mock.patch.object(campaign, "make_plan",
                               lambda _: make_plan(["ring"], 1)), \
                mock.patch.object(campaign_run, "run",
                                  side_effect=OSError(28, "No space", "x")):
            with self.assertRaisesRegex(tree.Trouble, "x: No space; the "):
                campaign.do_start(args)

    def test_a_campaign_that_is_done_is_said(self):
        args = argparse.Namespace(folder=self.path("c"))
        c = states.Campaign(args.folder)
        c.create()
        c.write_state({"status": "done", "elapsed": 3600.0})
        with mock.patch.object(campaign, "make_plan",
                               lambda _: make_plan(["ring"], 1)):
            with self.assertRaisesRegex(tree.Trouble, "is done.*--hours"):
                campaign.do_start(args)

    def test_an_engine_that_is_missing(self):
        with mock.patch("shutil.which", lambda name: None):
            for word in ("auto", "both", "afl", "libfuzzer"):
                with self.assertRaisesRegex(tree.Trouble, "run ci/setup"):
                    campaign.engines_of(word, None)
        with mock.patch("shutil.which", lambda name: "/bin/" + name):
            self.assertEqual(campaign.engines_of("auto", None), ["libfuzzer"])
            with self.assertRaisesRegex(tree.Trouble, "afl-fuzz cannot"):
                campaign.engines_of("both", None)

    def test_a_pipe_for_cores_is_said(self):
        with mock.patch("builtins.open", mock.mock_open(read_data="|/x")):
            campaign.warn_about_cores()
        self.assertIn("core_pattern is a pipe", self.said[0])

    def test_a_harness_that_there_is_not(self):
        with self.assertRaisesRegex(tree.Trouble, "no harness \"rong\""):
            campaign.harnesses_of(["ring,rong"])
        self.assertEqual(campaign.harnesses_of(["ring,link", "ring"]),
                         ["ring", "link"])


if __name__ == "__main__":
    unittest.main()
