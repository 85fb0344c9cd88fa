"""A strict reader of the text format that Prometheus collects (0.0.4): what it does not know is an error."""
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{([^}}]*)\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(?:Inf|NaN|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)")
TYPES = ("counter", "gauge", "histogram")


class Wrong(Exception):
    pass


def require(condition, line, sentence):
    if not condition:
        raise Wrong(f"{sentence}: {line!r}")


def read_labels(text, line):
    labels = {}
    while text:
        match = LABEL.match(text)
        require(match, line, "no label")
        require(match[1] not in labels, line, "a label twice")
        labels[match[1]] = match[2]
        text = text[match.end():]
    return labels


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type, self.samples = name, help_text, None, {}

    def suffixes(self):
        return ("_bucket", "_sum", "_count") if self.type == "histogram" else ("",)

    def add(self, name, labels, value, line):
        require(any(name == self.name + s for s in self.suffixes()), line, f"a sample within {self.name}")
        require(self.type != "counter" or name.endswith("_total"), line, "a counter that is not named _total")
        require(self.type == "gauge" or value >= 0, line, "a negative count")
        key = (name, tuple(sorted(labels.items())))
        require(key not in self.samples, line, "a sample twice")
        self.samples[key] = value

    def close(self):
        require(self.type, self.name, "a family without a type")
        if self.type == "histogram":
            self.check_histograms()

    def check_histograms(self):
        series = {}
        for (name, labels), value in self.samples.items():
            rest = tuple(item for item in labels if item[0] != "le")
            parts = series.setdefault(rest, {"buckets": []})
            if name.endswith("_bucket"):
                parts["buckets"].append((float(dict(labels)["le"].replace("+Inf", "inf")), value))
            else:
                parts[name[len(self.name):]] = value
        for labels, parts in series.items():
            bounds = [bound for bound, _ in parts["buckets"]]
            counts = [count for _, count in parts["buckets"]]
            require(bounds == sorted(set(bounds)) and bounds and bounds[-1] == math.inf, labels, "bounds of buckets")
            require(counts == sorted(counts), labels, "buckets do not add up")
            require("_sum" in parts and parts.get("_count") == counts[-1], labels, "sum or count of a histogram")


def read(text):
    """The families of a page, by name."""
    require(text.endswith("\n"), text[-40:], "the page does not end with a line")
    families, family = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            match = re.fullmatch(rf"# HELP ({NAME}) (.+)", line)
            require(match and match[1] not in families, line, "HELP")
            if family:
                family.close()
            family = families[match[1]] = Family(match[1], match[2])
            continue
        require(family, line, "a line before the first HELP")
        if line.startswith("# TYPE "):
            match = re.fullmatch(rf"# TYPE ({NAME}) (\w+)", line)
            require(match and match[1] == family.name and match[2] in TYPES, line, "TYPE")
            require(family.type is None and not family.samples, line, "a TYPE too much")
            family.type = match[2]
            continue
        match = SAMPLE.fullmatch(line)
        require(match and NUMBER.fullmatch(match[3]), line, "neither HELP, TYPE nor a sample")
        require(family.type, line, "a sample before its TYPE")
        value = float(match[3].replace("Inf", "inf"))
        family.add(match[1], read_labels(match[2] or "", line), value, line)
    if family:
        family.close()
    return families
