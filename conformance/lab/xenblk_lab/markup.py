"""The alphabet of the report page: style, cells, tables.

Whatever comes from a guest, a backend or a log passes through here, and what
passes through here is escaped.  No script, nothing fetched.
"""

import re
from html import escape

STYLE = """
:root { --paper: #fff; --ink: #1f2328; --soft: #5b636c; --line: #d5d5d0;
        --bad: #9b1c1c; --badpaper: #fbeceb; --mark: #24578a; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16191d; --ink: #e4e2dc; --soft: #a3abb4; --line: #3a424b;
          --bad: #f29b93; --badpaper: #3a2020; --mark: #9cc6ec; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 2rem 1.25rem 4rem;
       background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { max-width: 48rem; margin: .4rem 0; }
a { color: inherit; } nav a { margin-right: 1rem; color: var(--mark); }
.soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem;
         border: 1px solid var(--line); }
th { font-weight: 600; } thead th { border-bottom: 2px solid var(--soft); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td small { display: block; color: var(--soft); white-space: nowrap; }
.word { white-space: nowrap; }
.good { color: var(--soft); }
.fails { background: var(--badpaper); color: var(--bad); font-weight: 700;
         outline: 2px solid var(--bad); outline-offset: -2px; }
.fails small { color: inherit; }
.expected { font-style: italic; }
code, pre { font: .85em/1.45 ui-monospace, monospace; }
pre { border: 1px solid var(--line); padding: .6rem .8rem; overflow-x: auto;
      white-space: pre-wrap; overflow-wrap: anywhere; }
dt { font-weight: 600; margin-top: .9rem; } dd { margin: 0 0 0 1.2rem; }
dd code { overflow-wrap: anywhere; }
:target { outline: 3px solid var(--mark); outline-offset: 2px; }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  nav { display: none; } .wide { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: 1pt 3pt; }
  tr, dt { break-inside: avoid; } thead { display: table-header-group; }
  h2 { break-after: avoid; } pre { white-space: pre-wrap; }
  .fails { background: none; } }
"""


class Html(str):
    """Text that is markup already; everything else gets escaped."""


def html(words):
    """Words as markup."""
    return words if isinstance(words, Html) else Html(escape(str(words)))


def element(tag, *inside, **attributes):
    """<tag ...>inside</tag>; class_ is class, aria_label aria-label."""
    head = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value not in (None, "")
    )
    return Html(f"<{tag}{head}>{''.join(map(html, inside))}</{tag}>")


def anchor(words):
    """An id made of these words: letters, digits, dashes; unique if they are."""
    return re.sub(
        r"[^A-Za-z0-9.]", lambda m: "-" if m[0] == " " else f"_{ord(m[0]):x}", words
    )


def table(caption, head, rows):
    """A table that scrolls alone; a row's first cell is its heading."""
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element(
                "thead",
                element("tr", *(element("th", h, scope="col") for h in head)),
            ),
            element("tbody", *(_row(row) for row in rows)),
        ),
        class_="wide", role="region", tabindex="0", aria_label=caption,
    )


def _row(row):
    first, *rest = row
    return element("tr", element("th", first, scope="row"),
                   *(cell(c) for c in rest))


def cell(content):
    """A td, unless it is one already."""
    if isinstance(content, Html) and content.startswith("<td"):
        return content
    number = isinstance(content, (int, float)) and not isinstance(content, bool)
    words = f"{content:.3g}" if isinstance(content, float) else content
    return element("td", words, class_="number" if number else None)


def section(heading, *inside):
    """A part of the page, or nothing if there is nothing in it."""
    inside = [part for part in inside if part]
    if not inside:
        return Html("")
    name = anchor(heading.lower())
    return element("section", element("h2", heading, id=name), *inside)


def document(title, sections, lead):
    """The page around its sections, with links to each."""
    parts = [s for s in sections if s]
    links = re.findall(r'<h2 id="([^"]*)">(.*?)</h2>', "".join(parts))
    return (
        "<!DOCTYPE html>\n"
        + element(
            "html",
            element(
                "head",
                Html('<meta charset="utf-8">'),
                Html('<meta name="viewport" content="width=device-width">'),
                element("title", title),
                element("style", Html(STYLE)),
            ),
            element(
                "body",
                element(
                    "header", element("h1", title), *lead,
                    element(
                        "nav",
                        *(element("a", Html(words), href=f"#{name}")
                          for name, words in links),
                        aria_label="Parts of this page",
                    ),
                ),
                element("main", *parts),
            ),
            lang="en",
        )
        + "\n"
    )
