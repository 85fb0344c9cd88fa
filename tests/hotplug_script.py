"""packaging/hotplug/block-xenblk, run as libxl runs it: what the toolstack gets to see of each outcome."""
import os
import signal
import subprocess
import tempfile

from libsim import BIN, expect, inside, nothing_held, run, sim, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = os.path.join(TOP, "packaging", "hotplug", "block-xenblk")
HOME = "/local/domain/0"


def node(path):
    return run("xenstore-read", path, check=False).stdout.strip()


def write(**nodes):
    """A disk's directories as libxl writes them, whoever serves them."""
    back, front = f"{HOME}/backend/vbd/5/51728", "/local/domain/5/device/vbd/51728"
    values = {"frontend": front, "frontend-id": "5", "online": "1", "mode": "w", "state": "1", **nodes}
    run("xenstore-write", f"{front}/state", "1", f"{front}/backend", back)
    for key, value in values.items():
        run("xenstore-write", f"{back}/{key}", value)
    return back


def holders(image):
    """Processes that have the image open; one may end while we look."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.path.realpath(entry.path) == image for entry in os.scandir(f"/proc/{pid}/fd")):
                found.append(pid)
        except OSError:
            continue
    return found


def script(command, path, control, **environment):
    return subprocess.run(["sh", SCRIPT, command], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "XENBUS_PATH": path, "XENBUS_TYPE": "vbd", "XENBLK_CONTROL": control,
                               "PATH": BIN + ":" + os.environ["PATH"], **environment})


def fails_with(result, path, words):
    expect(result.returncode == 1, f"the script ended with {result.returncode}, not 1: {result.stderr}")
    expect(node(f"{path}/hotplug-status") == "error", "hotplug-status is not error")
    error = node(f"{path}/hotplug-error")
    expect(words in error, f"hotplug-error says \"{error}\", not \"{words}\"")


def without_a_daemon(folder):
    path = write(params="null:1M")
    fails_with(script("add", path, os.path.join(folder, "none"), XENBLK_WAIT="1"), path, "start it, then try again")
    run("xenstore-rm", path)
    fails = script("add", path, os.path.join(folder, "none"), XENBLK_WAIT="1")
    expect(fails.returncode == 1 and "is gone" in fails.stderr, "a directory that is gone is not named")
    run("xenstore-rm", path)


def by_hand():
    for path in ("", "backend/vbd/5", "backend/vbd/x/1", "backend/vbd/5/1/2"):
        result = script("add", path, "/none")
        expect(result.returncode == 2 and "no path of a disk" in result.stderr, f"\"{path}\" is taken for a disk")
    expect(script("online", "backend/vbd/5/1", "/none").returncode == 2, "a command that does not exist is run")


def a_disk_that_is_served(folder, control):
    image = os.path.join(folder, "image")
    with open(image, "wb") as f:
        f.truncate(1 << 20)
    sim("attach", "5", "xvda", "--params", f"file:{image}")
    for path in (f"{HOME}/backend/vbd/5/51712", "backend/vbd/5/51712"):
        result = script("add", path, control)
        expect(result.returncode == 0, f"the script ended with {result.returncode}: {result.stderr}")
        expect(node(f"{path}/hotplug-status") == "connected", "hotplug-status is not connected")
    sim("detach", "5", "xvda")
    expect(script("remove", f"{HOME}/backend/vbd/5/51712", control).returncode == 0, "remove failed")
    # Its return says that the image is nobody's any more.
    expect(not holders(image), f"after remove the image is still open in {holders(image)}")


def a_disk_that_is_refused(folder, control):
    path = write(params=f"file:{folder}/wombat")
    wait_until(lambda: node(f"{path}/state") == "5", "a disk without an image is not refused")
    fails_with(script("add", path, control), path, "wombat")
    run("xenstore-rm", path)


def a_disk_of_the_kernel(folder, control):
    """Without our daemon: it looks into the real /sys and would serve this disk."""
    os.makedirs(os.path.join(folder, "bus/xen-backend/devices/vbd-5-51728/driver"))
    path = write(params="null:1M")
    fails_with(script("add", path, control, XENBLK_SYSFS=folder), path, "rmmod xen-blkback")
    run("xenstore-rm", path)


def test():
    sim("introduce", "5")
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        control = os.path.join(folder, "control")
        by_hand()
        without_a_daemon(folder)
        a_disk_of_the_kernel(folder, control)
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", control])
        wait_until(lambda: os.path.exists(control), "xenblkd does not start")
        a_disk_that_is_served(folder, control)
        a_disk_that_is_refused(folder, control)
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(20) == 0, "xenblkd did not end cleanly")
        nothing_held(0)


inside(test)
