#!/usr/bin/env python3
"""What ./quickstart does once the packages are there.

Six steps, each with a line on the terminal; a step that fails is reported and
the rest goes on where it can.  Everything that is started is ended, also when
this program is interrupted.  Results go to build/quickstart/: report.html,
report.json and a log per step.
"""
import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import quickstart_attack  # noqa: E402
import quickstart_page  # noqa: E402
import quickstart_serve  # noqa: E402

TOP = Path(__file__).resolve().parent.parent
OUT = TOP / 'build' / 'quickstart'
BIN = TOP / 'build' / 'release' / 'bin'
FUZZ = TOP / 'fuzz' / 'xenblk-fuzz'
JOBS = str(os.cpu_count() or 2)


class Failed(Exception):
    """A sentence for the user: what failed, and where to look."""


class Quickstart:
    """The run: its steps, its results, and the processes that it must end."""

    def __init__(self, options):
        self.options = options
        self.results = {'steps': [], 'ok': True, 'conformance': [], 'attacked': [], 'bench': []}
        self.processes = []

    # --- running programs ---

    def start(self, argv, log, **more):
        p = subprocess.Popen([str(a) for a in argv], cwd=TOP, stdin=subprocess.DEVNULL, stdout=more.pop('stdout', log),
                             stderr=log, start_new_session=True, **more)
        self.processes.append(p)
        return p

    def end_all(self):
        for p in self.processes:
            try:
                os.killpg(p.pid, signal.SIGKILL if p.poll() is not None else signal.SIGTERM)
            except ProcessLookupError:
                continue
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
        self.processes.clear()

    def run(self, argv, log, timeout=600, keep=False, fine=(0,)):
        """Run to the end; its standard output if keep; Failed with the log's end."""
        with open(OUT / log, 'ab') as f:
            f.write(f'$ {" ".join(map(str, argv))}\n'.encode())
            f.flush()
            p = self.start(argv, f, stdout=subprocess.PIPE if keep else f)
            try:
                text = p.communicate(timeout=timeout)[0]
            except subprocess.TimeoutExpired:
                raise Failed(f'{Path(str(argv[0])).name} did not end within {timeout} s; its log is build/quickstart/{log}') from None
            finally:
                self.end_all()
            if keep:
                f.write(text)
        if p.returncode not in fine:
            tail = (OUT / log).read_text(errors='replace').splitlines()[-15:]
            raise Failed('\n      '.join([f'{" ".join(map(str, argv))} ended with status {p.returncode}; the end of build/quickstart/{log}:', *tail]))
        return text

    def harnesses(self):
        # Those that play thousands of inputs in the seconds that each gets: not what starts processes.
        rows = json.loads(self.run([FUZZ, 'list', '--json'], 'fuzz-list.log', 30, keep=True))['harnesses']
        return [h['harness'] for h in rows if 'afl' in h['engines']]

    # --- steps ---

    def step(self, number, name, function):
        print(f'[{number}/6] {name} ...', flush=True)
        started, ok = time.monotonic(), True
        try:
            detail = function()
        except (Failed, quickstart_serve.Failed) as e:
            ok, detail = False, str(e)
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as e:
            ok, detail = False, f'{type(e).__name__}: {e}'
        seconds = time.monotonic() - started
        print(f'      {"" if ok else "FAILED: "}{detail} ({seconds:.1f} s)', flush=True)
        self.results['steps'].append({'name': name, 'ok': ok, 'detail': detail.splitlines()[0], 'seconds': seconds})
        self.results['ok'] &= ok
        return ok

    def build(self):
        presets = {'release': []}
        if self.options.fuzz_seconds:
            presets['fuzz'] = ['--target', *[f'{kind}-{h}' for h in self.harnesses() for kind in ('fuzz', 'corpus')]]
        for preset, targets in presets.items():
            self.run(['cmake', '--preset', preset], f'build-{preset}.log', 120)
            self.run(['cmake', '--build', f'build/{preset}', '-j', JOBS, *targets], f'build-{preset}.log', 900)
        programs = sorted(p.name for p in BIN.iterdir() if os.access(p, os.X_OK) and p.is_file())
        return f'programs in build/release/bin: {", ".join(programs)}'

    def disk(self):
        self.results['disk'] = d = quickstart_serve.make_disk(self, OUT)
        return f'{d["files"]} files of {d["source"]} in an ext4 file system of {quickstart_page.size(d["bytes"])}'

    def serve(self):
        state = OUT / 'serve.json'
        state.unlink(missing_ok=True)
        self.run([BIN / 'xenblk-sim', 'run', '--', sys.executable, TOP / 'ci' / 'quickstart_serve.py', OUT, BIN], 'serve.log', 180, fine=(0, 1))
        if not state.exists():
            raise Failed('the disk was not served; the end of build/quickstart/serve.log:\n      '
                         + '\n      '.join((OUT / 'serve.log').read_text(errors='replace').splitlines()[-12:]))
        served = json.loads(state.read_text())
        if 'error' in served:
            raise Failed(served['error'])
        served.update(self.results['disk'])
        served['checks'] += quickstart_serve.compare(self, OUT, served)
        self.results['served'] = served
        bad = [c['what'] for c in served['checks'] if not c['ok']]
        if bad:
            raise Failed(f'not as it should be: {"; ".join(bad)}')
        return (f'{quickstart_page.size(served["bytes"])} through {served["queues"]} queues in {served["seconds"]:.2f} s; '
                + ', '.join(c['what'] for c in served['checks']))

    def conformance(self):
        for target in ('inprocess', 'sim'):
            started = time.monotonic()
            text = self.run([BIN / 'xenblk-conform', 'run', '--target', target, '--json'], f'conformance-{target}.log', 300, keep=True, fine=(0, 1))
            rows = json.loads(text)['results']
            good = [x for x in rows if x['verdict'] == 'PASS']
            bad = [x for x in rows if x['verdict'] in ('FAIL', 'CRASH', 'WEDGED')]
            self.results['conformance'].append({
                'target': target, 'passed': len(good), 'failed': len(bad), 'other': len(rows) - len(good) - len(bad),
                'failures': [f'{x["id"]}: {x["reason"]}' for x in bad], 'seconds': time.monotonic() - started})
        words = ', '.join(f'{c["target"]}: {c["passed"]} passed, {c["failed"]} failed' for c in self.results['conformance'])
        if any(c['failed'] or not c['passed'] for c in self.results['conformance']):
            raise Failed(words)
        return words

    def bench(self):
        text = self.run([BIN / 'xenblk-bench', 'run', '--quick', '--json', '--case', 'null/*/d32/one-cpu', '--case', 'ram/xenblk/q4/d32/one-cpu'],
                        'bench.log', 180, keep=True)
        for row in json.loads(text)['rows']:
            if row.get('iops'):
                self.results['bench'].append({**{k: row[k] for k in ('case', 'backend', 'queues', 'depth', 'placement', 'iops')},
                                              'cpu_us': row['cpu_us_per_io'] or 0, 'p99_us': row['p99_us'] or 0})
        if not self.results['bench']:
            raise Failed('xenblk-bench measured nothing; its log is build/quickstart/bench.log')
        return '; '.join(f'{b["backend"]} on {b["case"]}, {b["queues"]} queues: {b["iops"] / 1000:,.0f} k/s, {b["cpu_us"]:.2f} µs CPU per I/O'
                         for b in self.results['bench'])

    def attack(self):
        seconds = self.options.fuzz_seconds
        if not seconds:
            return 'left out (--fuzz-seconds 0)'
        rows = self.results['attacked'] = quickstart_attack.attack(self, OUT, FUZZ, seconds, self.harnesses())
        words = '; '.join(f'{f["harness"]}: {f["executions"]:,} inputs, {f["speed"]:,} per second, {f["edges"]:,} edges, {f["findings"]} findings' for f in rows)
        if any(f['findings'] or f['broken'] for f in rows):
            raise Failed(words)
        return words

    # --- the end ---

    def summary(self):
        r = self.results
        print()
        if r.get('served'):
            s = r['served']
            print(f'served    {quickstart_page.size(s["bytes"])}, {s["files"]} files of {s["source"]}, {s["queues"]} queues')
        for c in r['conformance']:
            print(f'passed    conformance {c["target"]}: {c["passed"]} passed, {c["failed"]} failed, {c["other"]} other')
        for f in r['attacked']:
            print(f'attacked  {f["harness"]}: {f["executions"]:,} inputs, {f["speed"]:,}/s, {f["edges"]:,} edges, {f["findings"]} findings')
        for b in r['bench']:
            print(f'fast      {b["backend"]:<14}{b["case"]:<7}{b["queues"]:>3} queues {b["iops"] / 1000:>8,.0f} k/s {b["cpu_us"]:>6.2f} µs CPU per I/O ({b["placement"]})')
        failed = [s['name'] for s in r['steps'] if not s['ok']]
        print(f'report    build/quickstart/report.html, after {r["seconds"] / 60:.1f} min')
        print('all well' if r['ok'] else f'FAILED: {", ".join(failed)}')

    def all(self):
        started = time.monotonic()
        commit = subprocess.run(['git', '-c', 'safe.directory=*', 'describe', '--always', '--dirty'], cwd=TOP, capture_output=True, text=True) \
            if shutil.which('git') else None
        self.results.update(commit='commit ' + commit.stdout.strip() if commit and commit.returncode == 0 else 'version of this folder',
                            machine=f'{platform.node()}, {JOBS} cores, Linux {platform.release()}',
                            date=datetime.datetime.now().strftime('%Y-%m-%d %H:%M'))
        if self.step(1, 'build the release and fuzz presets', self.build):
            if self.step(2, 'make a disk with a real file system', self.disk):
                self.step(3, 'serve it, copy it out through a guest, compare', self.serve)
            self.step(4, 'conformance suite, in process and against the daemon', self.conformance)
            self.step(5, 'measure a little', self.bench)
            self.step(6, f'attack every ring for {self.options.fuzz_seconds} s', self.attack)
        self.results['seconds'] = time.monotonic() - started
        (OUT / 'report.json').write_text(json.dumps(self.results, indent=1))
        (OUT / 'report.html').write_text(quickstart_page.page(self.results))
        self.summary()
        return 0 if self.results['ok'] else 1


def main():
    p = argparse.ArgumentParser(prog='./quickstart', add_help=False)
    p.add_argument('--fuzz-seconds', type=int, default=60)
    p.add_argument('--no-setup', action='store_true')
    options = p.parse_args()
    if not 0 <= options.fuzz_seconds <= 86400:
        p.error(f'--fuzz-seconds {options.fuzz_seconds}: give 0 to 86400 seconds')
    OUT.mkdir(parents=True, exist_ok=True)
    for log in OUT.glob('*.log'):
        log.unlink()
    run = Quickstart(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run.all()
    except KeyboardInterrupt:
        print('\nquickstart: interrupted; what was started is being ended.', file=sys.stderr)
        return 130
    finally:
        run.end_all()


if __name__ == '__main__':
    sys.exit(main())
