"""The report of a campaign: one page that needs nothing but itself.

The same plan, state and series give the same bytes: no clock is looked at.
Called by `xenblk-fuzz campaign report`.
"""

import html

from campaign_state import executions
from campaign_status import buckets, clock, edges_of, head, short

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 70em; margin: 2em auto; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child, td.text { text-align: left }
code { font-size: 13px; word-break: break-all }
figure { display: inline-block; margin: .5em 1em .5em 0 }
figcaption { font-size: 13px; color: #555 }
"""
COLOURS = {"fuzz": "#1f77b4", "afl-plain": "#d62728", "afl": "#2ca02c",
           "afl-laf": "#9467bd"}
NAMES = {"fuzz": "libFuzzer", "afl-plain": "AFL++", "afl": "AFL++, sanitizers",
         "afl-laf": "AFL++, split comparisons"}
WIDE, HIGH, LEFT, BELOW = 420, 170, 52, 22
POINTS = 300


def thinned(points):
    """No more points than can be seen; the last one stays."""
    step = max(1, len(points) // POINTS)
    return points[::step] + ([points[-1]] if points else [])


def path_of(points, most_x, most_y):
    def place(x, y):
        return (f"{LEFT + x / most_x * (WIDE - LEFT - 8):.1f},"
                f"{HIGH - BELOW - y / most_y * (HIGH - BELOW - 10):.1f}")
    return " ".join(place(x, y) for x, y in thinned(points))


def plot(title, lines):
    """An SVG of some lines: {colour: [(x, y), ...]}, with its axes."""
    every = [p for points in lines.values() for p in points]
    most_x = max([x for x, _ in every] + [1.0])
    most_y = max([y for _, y in every] + [1.0])
    out = [f'<svg width="{WIDE}" height="{HIGH}" role="img" '
           f'aria-label="{html.escape(title)}" font-size="11" fill="#555">',
           f'<path d="M{LEFT},5V{HIGH - BELOW}H{WIDE - 5}" fill="none" '
           'stroke="#999"/>',
           f'<text x="{LEFT - 4}" y="14" text-anchor="end">{short(most_y)}'
           '</text>',
           f'<text x="{LEFT - 4}" y="{HIGH - BELOW}" text-anchor="end">0'
           '</text>',
           f'<text x="{WIDE - 5}" y="{HIGH - 6}" text-anchor="end">'
           f'{clock(most_x)}</text>']
    for colour, points in sorted(lines.items()):
        out.append(f'<polyline points="{path_of(points, most_x, most_y)}" '
                   f'fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return (f"<figure>{''.join(out)}</svg><figcaption>{html.escape(title)}"
            "</figcaption></figure>")


def plots(name, series):
    """Edges by build, and executions per second, over a harness's own time."""
    mine = [r for r in series if r["harness"] == name]
    edges, speeds, execs = {}, [], []
    for row in mine:
        edges.setdefault(COLOURS.get(row["engine"], "#777"), []).append(
            (row["t"], row["edges"]))
        if not speeds or speeds[-1][0] != row["t"]:
            speeds.append((row["t"], row["execs_per_s"]))
            execs.append((row["t"], row["execs"]))
    return (plot("edges", edges) + plot("executions per second",
                                        {"#444": speeds}) +
            plot("executions", {"#444": execs}))


def table_of(head_row, rows, text_columns=()):
    def cell(i, value):
        kind = ' class="text"' if i in text_columns else ""
        return f"<td{kind}>{value}</td>"
    body = "".join("<tr>" + "".join(cell(i, v) for i, v in enumerate(row)) +
                   "</tr>\n" for row in rows)
    return ("<table><tr>" + "".join(f"<th>{h}</th>" for h in head_row) +
            f"</tr>\n{body}</table>\n")


def harness_rows(plan, state):
    for name in plan["harnesses"]:
        h = state["harnesses"][name]
        last = h["last_new_edge"]
        yield (f'<a href="#{name}">{name}</a>', clock(h["seconds"]),
               short(executions(h)),
               short(executions(h) / max(1.0, h["seconds"])), edges_of(h),
               h["corpus"], h["finds"],
               "-" if last is None else clock(state["elapsed"] - last))


def find_rows(state):
    for often, f in buckets(state):
        yield (f["harness"], html.escape(f["oracle"]),
               html.escape(f["reason"][:300]), often, f["by"], clock(f["at"]),
               f"<code>{html.escape(f['repro'])}</code>")


def roster_rows(plan):
    for r in plan["roster"]:
        words = [f"{k}={v}" for k, v in sorted(r["variables"].items())]
        yield (r["name"], r["engine"], r["build"],
               f"<code>{html.escape(' '.join(words + r['options']))}</code>",
               html.escape(r["why"]))


def legend():
    return " ".join(f'<span style="color:{COLOURS[b]}">&#9632; {NAMES[b]}'
                    "</span>" for b in COLOURS)


def page(plan, state, series, alive):
    """The whole page."""
    finds = list(find_rows(state))
    out = ['<!doctype html>\n<html lang="en"><meta charset="utf-8">'
           '<meta name="viewport" content="width=device-width">'
           f"<title>xenblk: campaign on {html.escape(plan['host'])}</title>"
           f"<style>{STYLE}</style>\n<h1>Campaign</h1>\n",
           f"<p>{html.escape(head(plan, state, alive))}. {plan['cores']} "
           f"cores of {html.escape(plan['host'])}; "
           f"{html.escape(plan['features']['version'])}.</p>\n"]
    if state["message"]:
        out.append(f"<p>{html.escape(state['message'])}</p>\n")
    out.append(table_of(("harness", "time", "executions", "per second",
                         "edges lib/afl/san/laf", "corpus", "finds",
                         "last new edge before"), harness_rows(plan, state)))
    out.append("<h2>Finds</h2>\n")
    out.append(table_of(("harness", "oracle", "reason", "times", "by", "at",
                         "again"), finds, (1, 2, 6)) if finds else
               "<p>Nothing was found.</p>\n")
    out.append(f"<h2>Over time</h2>\n<p>{legend()}; each build counts edges "
               "in its own way.</p>\n")
    for name in plan["harnesses"]:
        out.append(f'<h3 id="{name}">{name}</h3>\n{plots(name, series)}\n')
    out.append("<h2>Line-up</h2>\n" + table_of(
        ("instance", "engine", "build", "options", "why"), roster_rows(plan),
        (1, 2, 3, 4)))
    out += [f"<p>{html.escape(n)}</p>\n" for n in plan["notes"]]
    return "".join(out) + "</html>\n"
