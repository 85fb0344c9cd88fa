#!/usr/bin/env python3
"""Proof that the pages of the bank and of a campaign are whole: every element is
closed in its order, every row has the cells that its head names, links lead
somewhere, nothing is fetched, nothing needs a script, and what was said by an
oracle is text."""

import html.parser
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import bank_page  # noqa: E402
import bank_report  # noqa: E402
import campaign_page  # noqa: E402
import campaign_state  # noqa: E402

# What HTML closes by itself, or has no content.
VOID = {"meta", "br", "link", "img"}
IMPLIED = {"html"}
SVG_EMPTY = {"path", "polyline"}
EVIL = "<script>alert('x')</script> & \"more\""


class Page(html.parser.HTMLParser):
    """Raises ValueError where a page is not whole."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.ids, self.links = [], [], set(), []
        self.headings, self.words = [], []
        self.feed(text)
        self.close()
        left = [t for t in self.open if t not in IMPLIED]
        if left:
            raise ValueError(f"{left} are never closed")

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "script" or any(k.startswith("on") for k in values):
            raise ValueError(f"{tag} {values} wants a script")
        for key in ("src", "href"):
            if key in values:
                self.links.append(values[key])
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag in SVG_EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            raise ValueError(f"</{tag}> closes {self.open[-3:]}, line "
                             f"{self.getpos()[0]}")
        self.open.pop()

    def handle_data(self, data):
        inside = set(self.open)
        if inside & {"td", "th"}:
            self.tables[-1][-1][-1] += data
        if inside & {"h1", "h2", "h3"}:
            self.headings[-1] += data
        if "style" not in inside:
            self.words.append(data)


def bug(name, found):
    return {"id": name, "what": EVIL, "class": "sign", "origin": EVIL,
            "tier": "A", "canary": True, "tests": ["unit.a.b"], "oracle":
            "check", "harness": "ring", "harnesses": ["ring"], "sha": "p",
            "file": "/f"}, {
                "bug": name, "harness": "ring", "start": "corpus", "seed": 1,
                "budget": 60, "patch": "p", "binary": "b", "corpus": "c",
                "seconds": 1.0 if found else 60.0,
                "end": "found" if found else "budget",
                "oracle": "memory" if found else None,
                "reason": EVIL if found else None, "reached": True,
                "triggered": found, "execs": 10}


def bank(*names_found):
    bugs, rows = zip(*(bug(*n) for n in names_found))
    clean = [dict(rows[0], bug="clean", end="budget", oracle=None, reason=None)]
    report = bank_report.make(list(bugs), list(rows), clean,
                              {b["id"]: True for b in bugs},
                              {"seeds": 1, "budget_s": "by tier"})
    oracles = [{"oracle": "memory", "alone": 1, "only": 1,
                "only_ids": ["S01"]}]
    return bank_page.page(report, oracles)


def campaign(finds):
    harness = campaign_state.new_harness()
    campaign_state.instance_of(harness, "main").update(execs=5000,
                                                       execs_per_s=50)
    harness.update(seconds=90.0, edges={"fuzz": 77, "afl-plain": 12}, corpus=9,
                   finds=len(finds), last_new_edge=40.0)
    plan = {"harnesses": ["ring"], "cores": 2, "host": EVIL, "seconds": 100,
            "features": {"version": "afl-fuzz++4.04c"}, "notes": [EVIL],
            "roster": [{"name": "main", "engine": "afl", "build": "afl-plain",
                        "variables": {"A": "1"}, "options": ["-M", "main"],
                        "why": EVIL}]}
    state = {"status": "done", "elapsed": 90.0, "turn": 1, "message": EVIL,
             "harnesses": {"ring": harness}, "finds": finds}
    series = [{"harness": "ring", "engine": engine, "t": float(t), "edges": t,
               "execs_per_s": 50, "execs": 50 * t}
              for t in range(1, 900) for engine in ("fuzz", "afl-plain")]
    return campaign_page.page(plan, state, series, False)


class Whole(unittest.TestCase):
    def look(self, text):
        page = Page(text)
        self.assertTrue(text.startswith("<!doctype html>"))
        for table in page.tables:
            self.assertGreater(len(table), 1)
            self.assertEqual({len(row) for row in table}, {len(table[0])})
        for link in page.links:
            self.assertIn(link[:1], ("#",), link)
            self.assertIn(link[1:], page.ids)
        for wanted in (text.endswith("</html>\n"), "://" not in text,
                       '<meta name="viewport"' in text,
                       EVIL in "".join(page.words)):
            self.assertTrue(wanted)
        return page

    def test_survivors_come_first(self):
        page = self.look(bank(("S01", True), ("S02", False), ("S03", True)))
        self.assertEqual(page.headings[:3],
                         ["The bug bank", "Survivors", "All hunts"])
        self.assertEqual([row[0] for row in page.tables[0]], ["id", "S02"])
        self.assertIn("1 hunts", page.tables[0][1][3])
        self.assertEqual([row[0] for row in page.tables[1]][1], "S02")

    def test_without_survivors(self):
        text = bank(("S01", True))
        self.assertEqual(self.look(text).tables[0][1][0], "S01")
        self.assertIn("every bug that was hunted was found", text)

    def test_a_campaign(self):
        find = {"harness": "ring", "oracle": "memory", "reason": EVIL,
                "by": "main", "at": 40.0, "repro": EVIL, "input": "x"}
        page = self.look(campaign([find, find]))
        rows = [t for t in page.tables if t[0][0] == "harness"]
        self.assertEqual(rows[0][1][:3], ["ring", "0:01:30", "5.0k"])
        self.assertEqual(rows[1][1][3], "2")
        self.assertIn("Nothing was found",
                      "".join(self.look(campaign([])).words))


class Parser(unittest.TestCase):
    def test_what_is_not_whole(self):
        for text, says in (
                ("<table><tr><td>a</tr></table>", "closes"),
                ("<p><b>a</p></b>", "closes"),
                ("<p>a", "never closed"),
                ("<script>1</script>", "wants a script"),
                ('<p onclick="x">a</p>', "wants a script")):
            with self.assertRaisesRegex(ValueError, says):
                Page(text)


if __name__ == "__main__":
    unittest.main()
