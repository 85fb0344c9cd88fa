#!/usr/bin/env python3
"""The whole test suite, step by step: what ./check runs.

Every step writes build/check/STEP.log.  A failing step does not stop the rest;
each failure prints the command that repeats it.  The last line says how many
tests passed and failed; a step without tests of its own counts as one.
"""
import argparse
import base64
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LOGS = TOP / 'build' / 'check'
JOBS = str(os.cpu_count() or 2)
# One test more than processors: there is always one that waits.
TESTS_AT_ONCE = str((os.cpu_count() or 2) + 1)
# Tests in which nothing of a preset runs: the step dev has them.
NO_SCRIPTS = ['-LE', '^script$']
STEPS = []
BEGAN = time.time()
# ./check on a fresh machine of two cores takes no longer than this, with installation.
BUDGET_S = 40 * 60
# What the smoke of the laboratory needs, from nothing: packages, images, two boots.
LAB_S = 9 * 60
LAB_MEMORY_MIB = 6 * 1024
LAB_DISK_MIB = 8 * 1024


class Failed(Exception):
    """A command of a step failed; says which, and how to repeat it."""


class TooLong(Failed):
    """A command did not end in its time."""


class Skipped(Exception):
    """A step means nothing here or does not fit; says why."""


class Run:
    """One run of one step: its log, and what it counted."""

    def __init__(self, step, options):
        self.step, self.options = step, options
        self.path = LOGS / f'{step.name}.log'
        self.log = open(self.path, 'wb')
        self.passed = self.failed = self.skipped = 0
        self.why = None  # why the whole step was skipped

    def command(self, argv, timeout=1200, out=None, env=None):
        """Run to the end, log everything; Failed if it does not exit with 0.

        Standard output goes to the file out if there is one.
        """
        self.log.write(f'$ {shlex.join(argv)}\n'.encode())
        self.log.flush()
        p = subprocess.Popen(argv, cwd=TOP, stdin=subprocess.DEVNULL, stdout=out or self.log, stderr=self.log,
                             start_new_session=True, env={**os.environ, **(env or {})})
        try:
            status = p.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TooLong(f'{shlex.join(argv)}\n    did not end within {timeout:.0f} s and was stopped') from None
        finally:
            self.end(p)
        if status != 0:
            raise Failed(f'{shlex.join(argv)}\n    ended with status {status}')

    @staticmethod
    def end(process):
        """Nothing of a step outlives it: end its whole process group."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def build(self, preset, targets=()):
        self.command(['cmake', '--preset', preset, '-DXENBLK_WERROR=ON'], 120)
        self.command(['cmake', '--build', f'build/{preset}', '-j', JOBS, *(['--target', *targets] if targets else [])])

    def ctest(self, preset, arguments=(), env=None):
        """Run a preset's tests and count them one by one."""
        self.log.flush()
        start = self.path.stat().st_size
        failure = None
        try:
            self.command(['ctest', '--test-dir', f'build/{preset}', '--output-on-failure', '--no-tests=error', '-j', TESTS_AT_ONCE,
                          *arguments], 1500, env=env)
        except Failed as e:
            failure = e
        text = self.path.read_bytes()[start:].decode(errors='replace')
        total = re.search(r'tests passed, (\d+) tests? failed out of (\d+)', text)
        if total:
            failed, count = int(total.group(1)), int(total.group(2))
            skipped = len(re.findall(r'\*\*\*Skipped', text))
            self.passed += count - failed - skipped
            self.failed += failed
            self.skipped += skipped
        if failure:
            broken = re.findall(r'^\t *\d+ - (\S+)', text, re.M)
            repeat = f'ctest --test-dir build/{preset} --output-on-failure -R "^({"|".join(broken)})$"' if broken else ''
            raise Failed(f'{repeat or failure}\n    {len(broken)} tests failed: {", ".join(broken[:12])}')

    def sanitized(self, preset, *names):
        """ctest with every report of a sanitizer in a file: also those of a daemon or a
        worker whose exit status nobody asks for (a leak is reported at the very end)."""
        reports = LOGS / f'{self.step.name}.report'
        for old in LOGS.glob(f'{reports.name}.*'):
            old.unlink()
        env = {f'{name}_OPTIONS': f'log_path={reports}:halt_on_error=1' for name in names}
        if 'TSAN' in names:
            env['TSAN_OPTIONS'] += f':suppressions={TOP / "ci" / "tsan.suppressions"}'
        failure = None
        try:
            self.ctest(preset, NO_SCRIPTS, env=env)
        except Failed as e:
            failure = e
        found = []
        for path in sorted(LOGS.glob(f'{reports.name}.*')):
            self.log.write(path.read_bytes())
            if says_something(path.read_text(errors='replace')):
                found.append(path)
        if found:
            self.failed += len(found)
            raise Failed(f'{failure or ""}\n    {len(found)} reports: build/check/{found[0].name} and so on')
        if failure:
            raise failure

    def bin(self, preset, name):
        path = TOP / 'build' / preset / 'bin' / name
        if not path.exists():
            raise Failed(f'build/{preset}/bin/{name} was not built')
        return f'build/{preset}/bin/{name}'


def says_something(report):
    """Whether a sanitizer's file has a report, and not only that its process went away.

    Tests kill daemons and workers.  One that is killed while LeakSanitizer stops its threads,
    at its end, leaves "Unable to get registers from thread N" of those that were gone first,
    or a file that was opened and no more.
    """
    return re.sub(r'^==\d+==Unable to get registers from thread \d+\.$', '', report, flags=re.M).strip() != ''


class Step:
    def __init__(self, function, name, sentence, fast):
        self.function, self.name, self.sentence, self.fast = function, name, sentence, fast


def step(name, sentence, fast=False):
    def register(function):
        STEPS.append(Step(function, name, sentence, fast))
        return function
    return register


def shell_scripts():
    """Every script of ours that names a shell in its first line."""
    found = []
    for folder in ('.', '.ci', 'ci', 'coverage', 'tests', 'sim', 'fuzz', 'conformance', 'bench', 'frontend', 'packaging'):
        paths = (TOP / folder).glob('*') if folder in ('.', '.ci') else (TOP / folder).rglob('*')
        for p in paths:
            if p.is_file() and re.match(rb'#!\s*/(usr/)?bin/(env )?(ba|da)?sh\b', p.open('rb').read(64)):
                found.append(str(p.relative_to(TOP)))
    return sorted(set(found))


# --- the steps, in the order in which they run ---------------------------------

@step('tidy', 'the project\'s own rules hold (ci/tidy)', fast=True)
def tidy(run):
    run.command(['ci/tidy'])


@step('tidy-rules', 'every rule of ci/tidy can be tripped', fast=True)
def tidy_rules(run):
    run.command([sys.executable, 'ci/test_tidy.py'])


@step('format', 'C files have the shape of .clang-format', fast=True)
def code_format(run):
    run.command(['ci/format'])


@step('shellcheck', 'shell scripts pass shellcheck', fast=True)
def shellcheck(run):
    run.command(['shellcheck', '-x', '-P', 'SCRIPTDIR', '-e', 'SC2119', *shell_scripts()])


@step('man', 'man pages pass mandoc\'s lint', fast=True)
def man(run):
    pages = sorted(str(p.relative_to(TOP)) for p in TOP.glob('doc/man/*.[1-8]'))
    if not pages:
        raise Failed('there is no man page in doc/man')
    run.command(['mandoc', '-T', 'lint', '-W', 'warning', *pages])


@step('dev', 'gcc build with -Werror; unit, contract, replay and system tests', fast=True)
def dev(run):
    run.build('dev')
    run.ctest('dev')


@step('headers', 'every header compiles alone', fast=True)
def headers(run):
    found = [p for folder in ('backend', 'sim', 'frontend', 'fuzz', 'conformance', 'bench') for p in sorted((TOP / folder).rglob('*.h'))]
    if not found:
        raise Failed('there is no header')
    broken = []
    for p in (str(p.relative_to(TOP)) for p in found):
        try:
            run.command(['gcc', '-std=gnu17', '-D_GNU_SOURCE', '-fsyntax-only', '-I.', '-Ibuild/dev/include', '-x', 'c', '-include', p, '/dev/null'], 30)
        except Failed:
            broken.append(p)
    if broken:
        raise Failed(f'these headers do not compile alone: {", ".join(broken)}')


@step('clang-tidy', 'clang-tidy finds nothing in backend/, sim/ and frontend/')
def clang_tidy(run):
    run.command(['ci/clang-tidy', 'build/dev'])


@step('release', 'gcc -O2 build with -Werror; the same tests on what ships')
def release(run):
    run.build('release')
    # The steps conformance and determinism run these, on the same programs.
    run.ctest('release', ['-E', r'^conformance\.(inprocess|sim|determinism)$', *NO_SCRIPTS])


@step('asan-ubsan', 'clang build with AddressSanitizer and UBSan; the same tests')
def asan(run):
    run.build('asan-ubsan')
    run.sanitized('asan-ubsan', 'ASAN', 'UBSAN')


@step('tsan', 'clang build with ThreadSanitizer; the same tests')
def tsan(run):
    run.build('tsan')
    run.sanitized('tsan', 'TSAN')


@step('msan', 'clang build with MemorySanitizer; the in-process tests')
def msan(run):
    run.build('msan')
    run.sanitized('msan', 'MSAN')


@step('conformance', 'the conformance suite on both builds of the simulator')
def conformance(run):
    broken = []
    for target in ('inprocess', 'sim'):
        argv = [run.bin('release', 'xenblk-conform'), 'run', '--target', target, '--json']
        answer = LOGS / f'conformance-{target}.json'
        with open(answer, 'wb') as f:
            try:
                run.command(argv, 600, out=f)
            except Failed as e:
                broken.append(str(e))
        rows = json.loads(answer.read_text() or '{}').get('results', [])
        bad = [r['id'] for r in rows if r['verdict'] in ('FAIL', 'CRASH', 'WEDGED')]
        run.passed += sum(r['verdict'] == 'PASS' for r in rows)
        run.failed += len(bad)
        run.skipped += sum(r['verdict'] == 'SKIP' for r in rows)
        if bad or not rows:
            broken.append(f'{target}: {len(rows)} cases, failing: {" ".join(bad)}')
    if broken:
        raise Failed('\n    '.join(broken))


@step('stress', 'frontends, workers and daemons killed under load, fio with verification over NBD, small writes to long blocks')
def stress(run):
    run.bin('release', 'xenblkd')
    for argv in (['tests/stress/kill-frontends', '20'], ['tests/stress/kill-workers', '20'],
                 ['tests/stress/kill-daemon', '6'], ['tests/stress/fio', '10'], ['tests/stress/blocks', '5']):
        run.command(argv, 300)
        run.passed += 1
    if os.access('/dev/fuse', os.W_OK) and os.access('/dev/loop-control', os.W_OK):
        for argv in (['tests/stress/filesystem', '100'], ['tests/stress/slow-store', '2'], ['tests/stress/lost-store', '2']):
            run.command(argv, 300)
            run.passed += 1
    else:
        run.log.write(b'filesystem, slow-store and lost-store: skipped, there is no /dev/fuse or no /dev/loop-control here\n')
        run.skipped += 3


@step('determinism', 'the same seed gives the same trace, twice')
def determinism(run):
    tool = run.bin('release', 'xenblk-conform')
    traces = []
    for i in (1, 2):
        path = LOGS / f'determinism-{i}.trace'
        with open(path, 'wb') as f:
            run.command([tool, 'run', '--target', 'inprocess', '--trace-hash'], out=f)
        traces.append(path.read_bytes())
    if traces[0] != traces[1] or not traces[0]:
        raise Failed('diff build/check/determinism-1.trace build/check/determinism-2.trace\n    two runs with one seed differ')


def fuzz(run, preset, engine):
    """Every harness for a while; each counts as one test."""
    tool = 'fuzz/xenblk-fuzz'
    names = json.loads(subprocess.run([tool, 'list', '--json'], cwd=TOP, capture_output=True, text=True, check=True).stdout)
    driven = [h['harness'] for h in names['harnesses'] if engine in h['engines']]
    run.build(preset, [f'{kind}-{h}' for h in driven for kind in ('fuzz', 'corpus')])
    answer, failure = LOGS / f'{run.step.name}.json', None
    with open(answer, 'wb') as f:
        try:
            run.command([tool, 'run', 'all', '--engine', engine, '--seconds', str(run.options.fuzz_seconds), '--jobs', JOBS, '--json'],
                        len(driven) * (run.options.fuzz_seconds + 120) + 600, out=f)
        except Failed as e:
            failure = e
    sentences = []
    try:
        for r in json.loads(answer.read_text())['runs']:
            ok = r['execs'] > 0 and not r['finds']
            run.passed, run.failed = run.passed + ok, run.failed + (not ok)
            sentences += [found(r['harness'], f) for f in r['finds']]
    except (ValueError, KeyError):
        failure = failure or Failed(f'build/check/{answer.name} is no result of xenblk-fuzz')
    if failure or run.failed:
        raise Failed('\n    '.join([*sentences, str(failure or f'see build/check/{answer.name}')]))


def found(harness, find):
    """A find as somebody needs it who has this output and not this machine."""
    sentence = f'{harness}: {find["oracle"]}: {find["reason"]}\n    again: {find["repro"]}'
    data = Path(find['input']).read_bytes() if os.path.exists(find['input']) else b''
    if 0 < len(data) <= 3072:
        sentence += f'\n    its bytes: base64 -d <<< {base64.b64encode(data).decode()}'
    return sentence


@step('fuzz-libfuzzer', 'a short run of every harness with libFuzzer, ASan and UBSan')
def fuzz_libfuzzer(run):
    fuzz(run, 'fuzz', 'libfuzzer')


@step('fuzz-afl', 'a short run of every harness with AFL++')
def fuzz_afl(run):
    fuzz(run, 'afl', 'afl')


@step('oss-fuzz', 'every harness as OSS-Fuzz would build and check it')
def oss_fuzz(run):
    run.command(['ci/oss-fuzz/try'])


@step('guards', 'every harness reaches what guests reach, is instrumented, stable, fast, and finds a planted bug')
def guards(run):
    answer, failure = LOGS / 'guards.json', None
    with open(answer, 'wb') as f:
        try:
            run.command(['fuzz/xenblk-fuzz', 'guard', 'all', '--json'], 1200, out=f)
        except Failed as e:
            failure = e
    try:
        rows = json.loads(answer.read_text())['guards']
    except (ValueError, KeyError):
        raise failure or Failed(f'build/check/{answer.name} is no result of xenblk-fuzz') from None
    bad = [r for r in rows if not r['ok']]
    run.passed, run.failed = len(rows) - len(bad), len(bad)
    if bad or failure:
        raise Failed('\n    '.join([f'{r["says"]}\n    again: {r["again"]}' for r in bad] or [str(failure)]))


@step('coverage', 'lcov report of unit tests, conformance and corpora; floors per folder')
def coverage(run):
    run.build('coverage')
    run.command(['coverage/report', '--no-build'])


# --- the laboratory: only where it fits ------------------------------------------

def elapsed():
    """Seconds since ./check began, its installation included."""
    return time.time() - float(os.environ.get('XENBLK_CHECK_STARTED') or BEGAN)


def mib_of(pattern, path):
    """A figure in kB of a file of /proc, in MiB."""
    found = re.search(pattern, Path(path).read_text(), re.M)
    return int(found.group(1)) // 1024 if found else 0


def mirror_trouble():
    """Why Debian's mirror cannot be reached, or None."""
    url = os.environ.get('XENBLK_LAB_MIRROR', '').split(' ')[0] or 'http://deb.debian.org/debian'
    url = url.rstrip('/') + '/dists/bookworm/InRelease'
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            answer.read(64)
    except (OSError, ValueError) as e:
        return f'{url} cannot be read: {e}'
    return None


def lab_misfit():
    """Why the laboratory does not fit here, as a sentence, or None."""
    left = BUDGET_S - elapsed()
    if left < LAB_S:
        return (f'it takes up to {LAB_S // 60} minutes, and {max(0, left) / 60:.0f} of the {BUDGET_S // 60} minutes of ./check are left; '
                './check --only lab-smoke runs it alone')
    if shutil.which('qemu-system-x86_64') is None:
        return 'qemu-system-x86_64 is not installed: ci/setup lab installs it'
    memory = mib_of(r'^MemAvailable:\s+(\d+)', '/proc/meminfo')
    if memory < LAB_MEMORY_MIB:
        return f'it needs {LAB_MEMORY_MIB} MiB of memory, and {memory} are available'
    disk = shutil.disk_usage(TOP).free >> 20
    if disk < LAB_DISK_MIB:
        return f'it needs {LAB_DISK_MIB} MiB on the disk of {TOP.name}, and {disk} are free'
    return None


@step('lab-smoke', 'real Xen in QEMU: Linux 6.1 on xenblkd in dom0, where it fits')
def lab_smoke(run):
    reason = lab_misfit()
    if reason:
        raise Skipped(reason)
    run.build('release')
    lab, row = run.bin('release', 'xenblk-lab'), ['--guest', 'linux-6.1']
    end = time.monotonic() + max(LAB_S, BUDGET_S - elapsed())
    try:
        run.command([lab, 'build', *row], end - time.monotonic())
    except TooLong as e:
        raise Skipped(f'there was no time for its images: {e}') from None
    except Failed as e:
        # A warm cache needs no mirror, and an empty one cannot do without.
        trouble = mirror_trouble()
        raise Skipped(trouble) if trouble else e from None
    answer = LOGS / 'lab-smoke.json'
    try:
        with open(answer, 'wb') as f:
            run.command([lab, 'run', 'smoke', *row, '--backend', 'xenblkd', '--json'], max(60, end - time.monotonic()), out=f)
    except Failed as e:
        failure = str(e)
    else:
        failure = None
    rows = json.loads(answer.read_text() or '{}').get('rows', [])
    bad = [f'{r["check"]}: {r["verdict"]}: {r["reason"]}' for r in rows if r['verdict'] not in ('PASS', 'INFO', 'NONSTRICT', 'SKIP')]
    run.passed += sum(r['verdict'] in ('PASS', 'INFO', 'NONSTRICT') for r in rows)
    run.skipped += sum(r['verdict'] == 'SKIP' for r in rows)
    run.failed += len(bad)
    if bad or failure or not rows:
        raise Failed('\n    '.join([*bad, failure or f'build/check/{answer.name} has {len(rows)} verdicts']))


# --- running them ----------------------------------------------------------------

def execute(step, options):
    """Run one step; (passed, failed, skipped, reason)."""
    run = Run(step, options)
    reason = None
    try:
        step.function(run)
    except Skipped as e:
        run.skipped, run.why = run.skipped + 1, str(e)
        run.log.write(f'skipped: {e}\n'.encode())
    except Failed as e:
        reason = str(e)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as e:
        reason = f'{type(e).__name__}: {e}'
    finally:
        run.log.close()
    if reason is None and run.passed == run.skipped == 0:
        run.passed = 1
    if reason is not None and run.failed == 0:
        run.failed = 1
    return run, reason


def report(run, reason, seconds):
    word = 'ok  ' if reason is None else 'FAIL'
    skipped = f', {run.skipped} skipped' if run.skipped else ''
    print(f'{word} {run.step.name:<16}{seconds:7.1f} s  {run.passed} passed, {run.failed} failed{skipped}', flush=True)
    if run.why:
        print(f'    skipped: {run.why}', flush=True)
    if reason is None:
        return
    print(f'    {reason}')
    print(f'    again: ./check --only {run.step.name}    log: build/check/{run.step.name}.log; of it:')
    for line in evidence(run.path.read_text(errors='replace'), run.options.tail):
        print(f'    | {line[:200]}')
    sys.stdout.flush()


def evidence(text, tail):
    """What a failing log has to say: the output of the tests that failed, or else its end."""
    lines = text.splitlines()
    blocks, block = [], None
    for line in lines:
        if re.match(r'\s*\d+/\d+ Test +#\d+:', line):
            block = [] if re.search(r'\*\*\*(?!Skipped)', line) else None
            if block is not None:
                blocks.append(block)
        if block is not None:
            block.append(line)
    # Other tests that run beside a failed one say when they start and nothing else.
    blocks = [[line for line in b if not re.match(r'\s+Start +\d+: ', line)] for b in blocks]
    return [line for b in blocks[:4] for line in b[:1] + b[1:][-tail:]] or lines[-tail:]


def commit():
    p = subprocess.run(['git', '-c', 'safe.directory=*', 'describe', '--always', '--dirty'], cwd=TOP, capture_output=True, text=True)
    return p.stdout.strip() if p.returncode == 0 else 'no git'


def main():
    p = argparse.ArgumentParser(
        prog='./check', description='Install what is needed, then run the whole test suite of xenblk.',
        epilog='Exit status: 0 all passed, 1 something failed, 2 usage, 3 nothing was run, 4 the environment failed.')
    p.add_argument('--list', action='store_true', help='print the steps and end')
    p.add_argument('--only', action='append', metavar='STEP', help='run this step only (repeatable)')
    p.add_argument('--fast', action='store_true', help='what a developer runs before each commit: no sanitizers, no fuzzing')
    p.add_argument('--no-setup', action='store_true', help='do not look at the installed packages first')
    p.add_argument('--fuzz-seconds', type=int, default=5, metavar='N', help='per harness and engine (default 5)')
    p.add_argument('--tail', type=int, default=25, metavar='N', help='lines of a failing log to show (default 25)')
    options = p.parse_args()
    if options.list:
        for s in STEPS:
            print(f'{s.name:<16}{"fast  " if s.fast else "      "}{s.sentence}')
        return 0
    known = {s.name for s in STEPS}
    for name in options.only or []:
        if name not in known:
            p.error(f'there is no step "{name}"; the steps are: {", ".join(s.name for s in STEPS)}')
    chosen = [s for s in STEPS if (not options.only or s.name in options.only) and (not options.fast or s.fast)]
    if not chosen:
        print('check: no step was chosen: nothing was run.', file=sys.stderr)
        return 3

    LOGS.mkdir(parents=True, exist_ok=True)
    # A termination must reach the step that runs: it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    print(f'xenblk {commit()}, {JOBS} cores, {len(chosen)} steps; logs in build/check/', flush=True)
    passed = failed = skipped = 0
    failing = []
    for s in chosen:
        t = time.monotonic()
        run, reason = execute(s, options)
        report(run, reason, time.monotonic() - t)
        passed, failed, skipped = passed + run.passed, failed + run.failed, skipped + run.skipped
        if reason is not None:
            failing.append(s.name)
    minutes, seconds = divmod(time.monotonic() - started, 60)
    print(f'{minutes:.0f} min {seconds:.0f} s' + (f', {skipped} skipped' if skipped else ''))
    if failing:
        print(f'failing steps: {" ".join(failing)}')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print('check: interrupted; what was started is ended.', file=sys.stderr)
        sys.exit(130)
