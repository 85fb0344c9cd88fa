"""The report page of ./quickstart: one static file, nothing fetched, no script.

Takes the dictionary that ci/quickstart.py collected and writes HTML.  Whatever
came from a program's output is escaped.
"""
from html import escape

STYLE = '''
:root { --paper: #fbfaf7; --ink: #22262b; --soft: #636b74; --line: #dcd8ce; --card: #ffffff;
        --good: #2f7d4f; --bad: #b3372f; --mark: #2c5f8a; --bar: #c9d8e4; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16191d; --ink: #e4e2dc; --soft: #9aa3ad; --line: #333a42; --card: #1e2329;
          --good: #6cc08b; --bad: #ef8379; --mark: #8bbbe2; --bar: #2f4a61; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .6rem; }
p { margin: .4rem 0 .8rem; max-width: 46rem; }
.soft { color: var(--soft); }
.verdict { font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .9rem 1rem; }
.card b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .88rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: .88em/1.5 ui-monospace, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .curve { fill: none; stroke: var(--mark); stroke-width: 2; }
svg .axis { stroke: var(--line); }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--mark); }
'''


def count(n):
    """A number for people: 12,345."""
    return f'{n:,.0f}' if isinstance(n, (int, float)) else '-'


def size(n):
    for unit in ('B', 'KiB', 'MiB', 'GiB'):
        if n < 1024 or unit == 'GiB':
            return f'{n:.0f} {unit}' if unit == 'B' else f'{n:.1f} {unit}'
        n /= 1024
    return ''


def card(figure, words, good=None):
    tone = '' if good is None else ' class="good"' if good else ' class="bad"'
    return f'<div class="card"><b{tone}>{escape(str(figure))}</b><span>{escape(words)}</span></div>'


def table(head, rows, numbers=()):
    """An HTML table; columns whose index is in numbers are right-aligned."""
    def cell(tag, i, text):
        n = ' class="n"' if i in numbers else ''
        return f'<{tag}{n}>{text if text.startswith("<") else escape(text)}</{tag}>'
    out = ['<div class="wide"><table><tr>', *[cell('th', i, h) for i, h in enumerate(head)], '</tr>']
    for row in rows:
        out += ['<tr>', *[cell('td', i, str(c)) for i, c in enumerate(row)], '</tr>']
    return ''.join(out + ['</table></div>'])


def verdict(ok, words=('pass', 'FAIL')):
    return f'<span class="verdict {"good" if ok else "bad"}">{words[0 if ok else 1]}</span>'


def curve(points, words):
    """A small line of (seconds, value) with its last value named."""
    if len(points) < 2:
        return ''
    width, height, left, top, bottom = 860, 170, 10, 20, 24
    last_t, high = points[-1][0] or 1, max(v for _, v in points) or 1
    xy = ' '.join(f'{left + (width - 2 * left) * t / last_t:.1f},{top + (height - top - bottom) * (1 - v / high):.1f}' for t, v in points)
    base = height - bottom
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}">'
            f'<line class="axis" x1="{left}" y1="{base}" x2="{width - left}" y2="{base}"/>'
            f'<polyline class="curve" points="{xy}"/>'
            f'<text x="{left}" y="14">{escape(words)}: {count(points[-1][1])}</text>'
            f'<text x="{left}" y="{height - 6}">0 s</text>'
            f'<text x="{width - left}" y="{height - 6}" text-anchor="end">{last_t:.0f} s</text></svg>')


def served(r):
    s = r.get('served')
    if not s:
        return '<p class="bad">The disk was not served; see the steps below.</p>'
    rows = [(c['what'], verdict(c['ok']), c['detail']) for c in s['checks']]
    return (f'<p>An ext4 file system of {size(s["bytes"])} with {count(s["files"])} files, made from <code>{escape(s["source"])}</code>, '
            f'was served by <code>xenblkd</code> on the simulator with the real xenstored. A guest connected with {s["queues"]} queues and '
            f'rings of {s["ring_pages"]} pages, and copied the whole disk out in {s["seconds"]:.2f} s ({size(s["bytes"] / max(s["seconds"], 1e-6))}/s).</p>'
            + table(('check', 'verdict', 'detail'), rows)
            + (f'<details><summary>Counters of the disk (xenblkctl stats)</summary><pre>{escape(s["stats"])}</pre></details>' if s.get('stats') else ''))


def conformance(r):
    rows = [(c['target'], verdict(c['failed'] == 0 and c['passed'] > 0), count(c['passed']), count(c['failed']), count(c['other']), f'{c["seconds"]:.1f} s')
            for c in r.get('conformance', [])]
    failures = [f'{c["target"]}: {f}' for c in r.get('conformance', []) for f in c['failures']]
    return ('<p>The same cases run against the device in process and against the real daemon. '
            '<code>xenblk-conform list</code> prints them as a specification.</p>'
            + table(('target', 'verdict', 'passed', 'failed', 'other', 'time'), rows, (2, 3, 4, 5))
            + (f'<pre>{escape(chr(10).join(failures))}</pre>' if failures else ''))


def attacked(r):
    rows = [(f['harness'], verdict(not f['findings'] and not f['broken'], ('no finding', 'DID NOT RUN' if f['broken'] else 'FINDING')), count(f['executions']), count(f['speed']), count(f['edges']), f'{f["seconds"]} s')
            for f in r.get('attacked', [])]
    if not rows:
        return '<p class="soft">Nothing was attacked in this run.</p>'
    main = r['attacked'][0]
    return ('<p>libFuzzer drove the shipped objects with AddressSanitizer and UndefinedBehaviorSanitizer: hostile requests on every ring, '
            'revoked and re-used grants, impossible indices, events at will. Each input is checked against a model of the disk and of the '
            'guest\'s memory, a ledger of grants, and the resources held before.</p>'
            + table(('harness', 'verdict', 'executions', 'per second', 'edges', 'time'), rows, (2, 3, 4, 5))
            + curve(main.get('curve', []), f'edges reached by "{main["harness"]}"')
            + ''.join(f'<pre>{escape(f["report"])}</pre>' for f in r['attacked'] if f.get('report')))


def fast(r):
    rows = [(b['case'], b['backend'], b['queues'], b['depth'], b['placement'], count(b['iops']), f'{b["cpu_us"]:.2f}', f'{b["p99_us"]:.0f}')
            for b in r.get('bench', [])]
    if not rows:
        return '<p class="soft">Nothing was measured in this run.</p>'
    return ('<p>Random reads of 4 KiB on the simulator; short runs on whatever else this machine was doing: an impression, not a benchmark. '
            '<code>xenblk-bench run</code> measures properly. The simulator makes copies and persistent grants cheaper than real Xen does.</p>'
            + table(('disk', 'backend', 'queues', 'depth', 'placement', 'I/O per s', 'CPU µs per I/O', 'p99 µs'), rows, (2, 3, 5, 6, 7)))


def page(r):
    steps = [(s['name'], verdict(s['ok'], ('ok', 'FAILED')), s['detail'], f'{s["seconds"]:.1f} s') for s in r['steps']]
    s, a = r.get('served'), r.get('attacked', [])
    cards = [card('all well' if r['ok'] else 'failed', f'{len(steps)} steps in {r["seconds"] / 60:.1f} min', r['ok'])]
    if s:
        cards.append(card(size(s['bytes']), f'served through {s["queues"]} queues, compared byte by byte', all(c['ok'] for c in s['checks'])))
    cards += [card(f'{c["passed"]} of {c["passed"] + c["failed"]}', f'conformance cases, {c["target"]}', c['failed'] == 0) for c in r.get('conformance', [])]
    if a:
        cards.append(card(count(sum(f['executions'] for f in a)), 'hostile inputs', not any(f['findings'] or f['broken'] for f in a)))
    return f'''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>xenblk quickstart</title><style>{STYLE}</style></head><body><main>
<h1>xenblk quickstart</h1>
<p class="soft">{escape(r['commit'])} · {escape(r['machine'])} · {escape(r['date'])}</p>
<div class="cards">{''.join(cards)}</div>
<h2>What was served</h2>{served(r)}
<h2>What passed</h2>{conformance(r)}
<h2>What was attacked</h2>{attacked(r)}
<h2>How fast</h2>{fast(r)}
<h2>Steps</h2>{table(('step', 'verdict', 'detail', 'time'), steps, (3,))}
<p class="soft">Written by ./quickstart; the logs are beside this file.</p>
</main></body></html>
'''
