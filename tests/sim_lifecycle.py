"""xenblk-sim run: exit status, signals, clean-up whoever dies, clear sentences."""
import os
import signal
import subprocess
import tempfile

from libsim import SIM, expect, run, sim, wait_until


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def world(base, command, *options):
    """A running world whose command says its pid and stays."""
    return subprocess.Popen([SIM, "run", *options, "--", "sh", "-c", command],
                            env=dict(os.environ, TMPDIR=base), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def members(base):
    """Pids of everything that runs in a world below this directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if f"TMPDIR={base}".encode() in environ.read().split(b"\0") and alive(pid):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def ends_clean(base, world_process):
    world_process.wait(timeout=20)
    world_process.stdout.close()
    world_process.stderr.close()
    wait_until(lambda: not members(base), f"something still runs: {members(base)}")
    wait_until(lambda: not os.listdir(base), f"files are left: {os.listdir(base)}")


def test_exit_status(base):
    environment = dict(os.environ, TMPDIR=base)
    for code in (0, 1, 77):
        result = run(SIM, "run", "--", "sh", "-c", f"exit {code}", check=False, env=environment)
        expect(result.returncode == code, f"exit status {code} became {result.returncode}")
    result = run(SIM, "run", "--", "sh", "-c", "kill -9 $$", check=False, env=environment)
    expect(result.returncode == 137, f"SIGKILL became {result.returncode}")
    result = run(SIM, "run", "--", "/no/such/program", check=False, env=environment)
    expect(result.returncode == 127, f"a missing command became {result.returncode}")
    expect(not os.listdir(base), "a world left files behind")


def test_signal_reaches_command(base):
    process = world(base, "trap 'exit 42' TERM; echo ready; while :; do sleep 0.01; done")
    expect(process.stdout.readline() == "ready\n", "the command did not start")
    process.send_signal(signal.SIGTERM)
    expect(process.wait(timeout=20) == 42, f"the command's answer became {process.returncode}")
    ends_clean(base, process)


def test_leftovers_end(base):
    process = world(base, "sleep 1000 & (setsid sleep 1000 &) ; echo ready")
    expect(process.stdout.readline() == "ready\n", "the command did not start")
    ends_clean(base, process)
    expect(process.returncode == 0, f"exit status {process.returncode}")


def test_killed(base):
    process = world(base, "setsid sleep 1000 & echo ready; sleep 1000")
    expect(process.stdout.readline() == "ready\n", "the command did not start")
    expect(len(members(base)) >= 4, "the world's processes were not found")
    process.kill()
    ends_clean(base, process)


def child_named(base, name):
    for pid in members(base):
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return pid
    raise AssertionError(f"no {name} runs in the world")


def test_xenstored_dies(base):
    process = world(base, "echo ready; sleep 1000")
    expect(process.stdout.readline() == "ready\n", "the command did not start")
    os.kill(child_named(base, "xenstored"), signal.SIGKILL)
    _, errors = process.communicate(timeout=20)
    expect(process.returncode == 4, f"exit status {process.returncode}")
    expect("xenstored of the world ended" in errors, f"unclear: {errors}")
    ends_clean(base, process)


def test_sentences(base):
    busy = os.path.join(base, "busy")
    os.mkdir(busy)
    with open(os.path.join(busy, "file"), "w", encoding="ascii"):
        pass
    for arguments, code, words in (
            (("run",), 3, "no command"),
            (("run", "--dir", busy, "--", "true"), 4, "no empty directory"),
            (("run", "--dir", "/proc/none", "--", "true"), 4, "cannot use /proc/none"),
            (("run", "--dir", "/" + "x" * 200, "--", "true"), 4, "too many"),
            (("run", "--xenstored", "/none", "--", "true"), 4, "/none"),
            (("status",), 4, "inside a world"),
            (("attach", "5", "xvda"), 4, "inside a world"),
            (("attach", "0", "xvda"), 2, "domain 0"),
            (("attach", "5", "floppy"), 2, "floppy"),
            (("attach", "5", "xvda", "--mode", "z"), 2, "--mode"),
            (("attach", "5", "xvda", "novalue"), 2, "key=value"),
            (("guest", "5"), 2, "no command"),
            (("guest", "99", "--", "true"), 2, "domain 99"),
            (("guest", "5", "--memory", "0", "--", "true"), 2, "--memory"),
            (("nonsense",), 2, "nonsense")):
        result = sim(*arguments, check=False)
        expect(result.returncode == code, f"{arguments}: exit status {result.returncode}")
        expect(words in result.stderr, f"{arguments}: unclear: {result.stderr}")
    expect(sim("--version").stdout.startswith("xenblk-sim "), "--version")
    expect("usage" in sim("--help").stdout, "--help")
    os.remove(os.path.join(busy, "file"))
    os.rmdir(busy)


def test_dir_and_keep(base):
    place = os.path.join(base, "w")
    result = run(SIM, "run", "--dir", place, "--keep", "--", "true")
    expect(place in result.stderr, "where the files are is not said")
    expect("xenstored.log" in os.listdir(place), "--keep keeps no log")
    subprocess.run(["rm", "-r", place], check=True)


with tempfile.TemporaryDirectory(dir="/tmp") as directory:
    for test in (test_exit_status, test_signal_reaches_command, test_leftovers_end, test_killed,
                 test_xenstored_dies, test_sentences, test_dir_and_keep):
        test(directory)
        print(f"ok {test.__name__}")
