"""What the tests of xenblk-sim share: how to start a world, how to look into it."""
import json
import os
import subprocess
import sys
import time

BIN = os.environ["XENBLK_BIN"]
BUILD = os.environ["XENBLK_BUILD"]
SIM = os.path.join(BIN, "xenblk-sim")
EXERCISE = os.path.join(BUILD, "tests", "sim-exercise")
INSIDE = "XENBLK_TEST_INSIDE"
# For programs that have nothing to do with a world.
PLAIN = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}


def run(*command, check=True, **options):
    """A program that must end by itself, with what it wrote."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}: {result.stderr}")
    return result


def sim(*arguments, check=True):
    return run(SIM, *arguments, check=check)


def status():
    """The ledger: {domid: {...}}, and the processes that are connected."""
    document = json.loads(sim("status", "--json").stdout)
    return {d["domid"]: d for d in document["domains"]}, document["processes"]


HELD = ("mapped_pages", "mappings", "ports", "handles", "shared_pages")


def held(domid):
    domains, _ = status()
    return {key: domains[domid][key] for key in HELD}


def expect(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def wait_until(condition, sentence, seconds=20):
    """What another process does soon; fails with the sentence if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, sentence)
        time.sleep(0.005)


def wait_for_nbd(socket):
    """Until a server answers: its socket is there before it listens."""
    wait_until(lambda: run("nbdinfo", "--size", f"nbd+unix:///?socket={socket}", check=False, env=PLAIN).returncode == 0,
               f"nobody serves NBD at {socket}", 60)


def nothing_held(domid):
    wait_until(lambda: not any(held(domid).values()),
               f"domain {domid} still holds something: {held(domid)}")


def inside(test):
    """Run this script again in a world of its own, and test() there."""
    if os.environ.get(INSIDE):
        test()
        print("ok")
        sys.exit(0)
    environment = dict(os.environ)
    environment[INSIDE] = "1"
    sys.exit(subprocess.run([SIM, "run", "--", sys.executable, os.path.abspath(sys.argv[0])],
                            env=environment, timeout=280).returncode)
