#!/usr/bin/env python3
"""The disk of ./quickstart: made, served inside a world of the simulator, compared.

make_disk() and compare() run outside; main() is what `xenblk-sim run` starts:
dom0's side of the world (xenblkd, a domain, a disk) and the guest's side (a
frontend that copies the whole disk out).
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

DOMID = '1'
VDEV = 'xvda'
QUEUES = '4'
RING_ORDER = '2'      # rings of four pages
ENOUGH = 8 << 20     # /usr/share/doc of a minimal system may hold less
TOO_MUCH = 400 << 20
MIB = 1 << 20


class Failed(Exception):
    """A sentence for the user."""


def weigh(folder):
    """(files, bytes as an ext4 with 4096-byte blocks takes them)."""
    files = size = 0
    for p in Path(folder).rglob('*'):
        if p.is_file() and not p.is_symlink():
            files += 1
            size += (p.stat().st_size + 4095) // 4096 * 4096
    return files, size


def make_disk(run, out):
    """disk.img: a real ext4 file system made of a folder, without mounting."""
    sources = ['/usr/share/doc']
    files, size = weigh(sources[0])
    if size < ENOUGH:
        sources.append('/usr/include')
        more_files, more = weigh(sources[1])
        files, size = files + more_files, size + more
    tree = out / 'tree'
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    budget = TOO_MUCH
    for source in sources:
        for entry in sorted(Path(source).iterdir()):
            _, weight = weigh(entry) if entry.is_dir() and not entry.is_symlink() else (1, 4096)
            if weight <= budget:
                budget -= weight
                target = tree / entry.name
                if entry.is_symlink():
                    target.symlink_to(entry.readlink())
                elif entry.is_dir():
                    shutil.copytree(entry, target, symlinks=True, dirs_exist_ok=True)
                else:
                    shutil.copy2(entry, target)
    files, size = weigh(tree)
    image = out / 'disk.img'
    image.unlink(missing_ok=True)
    length = (int(size * 1.25) + files * 512 + 32 * MIB) // MIB * MIB
    inodes = sum(1 for _ in tree.rglob('*')) + 1024
    run.run(['mke2fs', '-q', '-t', 'ext4', '-L', 'quickstart', '-b', '4096', '-N', inodes, '-d', tree, image, f'{length // 1024}k'], 'disk.log', 120)
    run.run(['e2fsck', '-fn', image], 'disk.log', 60)
    return {'source': ' and '.join(sources), 'files': files, 'bytes': length}


def compare(run, out, served):
    """What came out against what went in: [{what, ok, detail}]."""
    checks = []

    def check(what, argv, detail):
        try:
            run.run(argv, 'compare.log', 120)
            checks.append({'what': what, 'ok': True, 'detail': detail})
        except Exception as e:  # the reason belongs into the report
            checks.append({'what': what, 'ok': False, 'detail': str(e).splitlines()[0]})

    copy, back = out / 'copy.img', out / 'back'
    check('byte by byte the same', ['cmp', out / 'disk.img', copy], f'{served["bytes"]:,} bytes')
    check('file system clean', ['e2fsck', '-fn', copy], 'e2fsck -fn of the copy')
    shutil.rmtree(back, ignore_errors=True)
    back.mkdir()
    check('files read back', ['debugfs', '-R', f'rdump / {back}', copy], 'debugfs rdump of the copy')
    shutil.rmtree(back / 'lost+found', ignore_errors=True)
    check('every file the same', ['diff', '-r', '--no-dereference', out / 'tree', back], f'{served["files"]:,} files against their source')
    for folder in (back, out / 'tree'):
        shutil.rmtree(folder, ignore_errors=True)
    copy.unlink(missing_ok=True)
    return checks


# --- inside a world ------------------------------------------------------------

class World:
    """dom0's programs, and a guest's."""

    def __init__(self, out, programs):
        self.out, self.programs = Path(out), Path(programs)
        # The world's own folder has a short path, as a UNIX socket needs it.
        self.control = os.environ['XENSTORED_RUNDIR'] + '/control'

    def tool(self, name):
        return str(self.programs / name)

    def run(self, *argv, timeout=60):
        p = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        print(f'$ {" ".join(argv)}\n{p.stdout}{p.stderr}', flush=True)
        if p.returncode != 0:
            raise Failed(f'{Path(argv[0]).name} {argv[1]} ended with status {p.returncode}: {(p.stderr or p.stdout).strip()[-300:]}')
        return p.stdout

    def guest(self, *argv, timeout=120):
        return self.run(self.tool('xenblk-sim'), 'guest', DOMID, '--', *argv, timeout=timeout)

    def serve(self):
        daemon = subprocess.Popen([self.tool('xenblkd'), '--foreground', '--control', self.control], stdin=subprocess.DEVNULL)
        try:
            return self.copy_out(daemon)
        finally:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def copy_out(self, daemon):
        self.run(self.tool('xenblk-sim'), 'introduce', DOMID)
        self.run(self.tool('xenblk-sim'), 'attach', DOMID, VDEV, '--params', f'file:{self.out / "disk.img"}')
        started = time.monotonic()
        self.guest(self.tool('xenblk-front'), 'read', '--devid', VDEV, '--queues', QUEUES, '--ring-order', RING_ORDER,
                   '--output', str(self.out / 'copy.img'))
        seconds = time.monotonic() - started
        stats = self.run(self.tool('xenblkctl'), '--socket', self.control, 'stats')
        self.run(self.tool('xenblk-sim'), 'detach', DOMID, VDEV)
        if daemon.poll() is not None:
            raise Failed(f'xenblkd ended with status {daemon.returncode} while it served')
        return {'seconds': seconds, 'queues': int(QUEUES), 'ring_pages': 1 << int(RING_ORDER), 'stats': stats, 'checks': []}


def main():
    out, programs = sys.argv[1:3]
    try:
        result = World(out, programs).serve()
    except (Failed, OSError, subprocess.SubprocessError) as e:
        result = {'error': str(e)}
    (Path(out) / 'serve.json').write_text(json.dumps(result))
    return 1 if 'error' in result else 0


if __name__ == '__main__':
    sys.exit(main())
