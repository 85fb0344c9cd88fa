"""A guest in a world: its own rights in the store, disks that come and go, its end."""
import os
import subprocess

from libsim import EXERCISE, SIM, expect, inside, nothing_held, run, sim, status, wait_until

FRONT = "/local/domain/5/device/vbd/51712"
BACK = "/local/domain/0/backend/vbd/5/51712"


def guest(*command, domid="5", check=True):
    return sim("guest", domid, "--", *command, check=check)


def read(path):
    return run("xenstore-read", path).stdout.strip()


def absent(path):
    return run("xenstore-read", path, check=False).returncode != 0


def test_rights():
    guest("xenstore-write", "data/mine", "1")
    expect(guest("xenstore-read", "domid").stdout == "5\n", "the guest does not know its number")
    for path in ("/local/domain/0/x", "/local/domain/6/data/x", "/tool/x", "name"):
        result = guest("xenstore-write", path, "1", check=False)
        expect(result.returncode != 0, f"a guest may write {path}")
    expect(read("/local/domain/5/data/mine") == "1", "what the guest wrote is not there")


def test_disk():
    sim("attach", "5", "xvda", "--params", "/an/image", "--mode", "r", "extra=yes")
    expect(sim("attach", "5", "xvda", check=False).returncode == 1, "a disk attached twice")
    for path, value in ((f"{BACK}/state", "1"), (f"{BACK}/online", "1"), (f"{BACK}/mode", "r"),
                        (f"{BACK}/params", "/an/image"), (f"{BACK}/extra", "yes"),
                        (f"{BACK}/frontend", FRONT), (f"{FRONT}/backend", BACK),
                        (f"{FRONT}/virtual-device", "51712"), (f"{FRONT}/state", "1")):
        expect(read(path) == value, f"{path} is {read(path)}")
    guest("xenstore-write", f"{FRONT}/state", "3")
    expect(guest("xenstore-read", f"{BACK}/mode").stdout == "r\n", "the guest cannot read")
    result = guest("xenstore-write", f"{BACK}/mode", "w", check=False)
    expect(result.returncode != 0, "a guest may write in its backend's directory")


def test_detach():
    run("xenstore-write", f"{BACK}/state", "4")
    result = sim("detach", "5", "xvda", "--timeout", "1", check=False)
    expect(result.returncode == 1 and "state 5" in result.stderr, f"no time-out: {result.stderr}")
    expect(read(f"{BACK}/online") == "0", "online is not 0")
    # Connected again before the backend looks: the state is still 5 from above.
    run("xenstore-write", f"{BACK}/state", "4")
    backend = subprocess.Popen(["sh", "-c", f"while [ $(xenstore-read {BACK}/state) != 5 ]; do :; "
                                f"done; xenstore-write {BACK}/state 6"])
    sim("detach", "5", "xvda")
    backend.wait(timeout=20)
    expect(absent(f"{BACK}/state") and absent(f"{FRONT}/state"), "the disk's nodes are still there")
    sim("attach", "5", "xvdb")
    run("xenstore-write", f"{BACK[:-5]}51728/state", "4")
    sim("detach", "5", "51728", "--force")
    expect(sim("detach", "5", "xvdb", check=False).returncode == 1, "detached twice")


def test_many_clients():
    """Watches and transactions of several programs of one guest do not meet."""
    script = "for i in 1 2 3 4 5 6 7 8 9; do xenstore-write data/$0 $i; done; xenstore-read data/$0"
    programs = [subprocess.Popen([SIM, "guest", "5", "--", "sh", "-c", script, f"k{n}"],
                                 stdout=subprocess.PIPE, text=True) for n in range(8)]
    for program in programs:
        out, _ = program.communicate(timeout=60)
        expect(out == "9\n", f"a program of the guest read {out!r}")
    watchers = [subprocess.Popen([SIM, "guest", "5", "--", "xenstore-watch", "-n", "2",
                                  "data/watched"], stdout=subprocess.PIPE, text=True)
                for _ in range(4)]
    for watcher in watchers:
        expect(watcher.stdout.readline().strip(), "a watch does not fire at once")
    victim = watchers.pop()
    victim.kill()
    victim.communicate()
    guest("xenstore-write", "data/watched", "1")
    for watcher in watchers:
        out, _ = watcher.communicate(timeout=20)
        expect("data/watched" in out, f"a watch saw {out!r}")


def test_two_guests():
    wanted = (EXERCISE, "guest")
    programs = [subprocess.Popen([SIM, "guest", n, "--", *wanted, n]) for n in ("5", "6")]
    for domid in ("5", "6"):
        wait_until(lambda n=domid: not absent(f"/local/domain/{n}/data/exercise"), "no offer")
        expect("all checks hold" in run(EXERCISE, "check", domid).stdout, f"guest {domid}")
    sim("destroy", "6")
    programs[1].wait(timeout=20)
    domains, processes = status()
    expect(6 not in domains, "domain 6 lives on")
    expect(absent("/local/domain/6/name"), "domain 6 is still in the store")
    expect(any(p["domid"] == 5 for p in processes), "the wrong guest died")
    programs[0].kill()
    programs[0].wait(timeout=20)
    nothing_held(5)
    guest("true", domid="6")
    expect(sim("destroy", "7", check=False).returncode == 1, "a domain that is not was destroyed")


def test_faults():
    program = subprocess.Popen([SIM, "guest", "5", "--", EXERCISE, "guest", "5"])
    for plan, where in (("map:1=ENOMEM", "expected all"), ("copy:1=EIO", "segment) == 0"),
                        ("bind:2=EBUSY", "port > 0"), ("notify:1=EIO", "xenevtchn_notify"),
                        ("copy-segment:1=1", "segment[0].status"), ("unmap:1=EIO", "unmap"),
                        ("open:1=EMFILE", "handle")):
        result = run(EXERCISE, "check", "5", check=False,
                     env=dict(os.environ, XENSIM_FAULTS=plan))
        expect(result.returncode == 1 and where in result.stderr,
               f"{plan} led to {result.returncode}: {result.stderr}")
        nothing_held(0)
    result = run(EXERCISE, "check", "5", check=False, env=dict(os.environ, XENSIM_FAULTS="x:1=y"))
    expect("XENSIM_FAULTS" in result.stderr, f"a wrong plan led to {result.stderr}")
    program.kill()
    program.wait(timeout=20)


def test():
    for part in (test_rights, test_disk, test_detach, test_many_clients, test_two_guests,
                 test_faults):
        part()
        print(f"ok {part.__name__}", flush=True)


inside(test)
