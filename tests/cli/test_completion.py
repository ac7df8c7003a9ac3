"""Completion: what can stand in place of the last word, and the scripts by which shells ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyiptables.cli.complete import candidates, without_equal_signs
from pyiptables.cli.completion import SHELLS
from pyiptables.cli.completion import main as completion
from pyiptables.hooks import Family

RULES = """*filter
:INPUT ACCEPT [0:0]
:web - [0:0]
:logs - [0:0]
-A INPUT -i eth0 -o wlan+ -j web
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:forward - [0:0]
COMMIT
"""

CASES = [
    # what is typed, the last word open; all that can stand there, or "... " and some of it; "" for nothing
    ("pyipt t", "trace test"),
    ("pyipt c", "compile completion"),
    ("pyipt --fi", "--file"),
    ("pyipt --file ", "FILES"),
    ("pyipt --ipset ", "FILES"),
    ("pyipt -", "... --file -6 --append -A -t"),
    ("pyipt -t ", "raw mangle nat filter security"),
    ("pyipt -A ", "INPUT FORWARD OUTPUT web logs"),
    ("pyipt -t nat -A ", "PREROUTING INPUT OUTPUT POSTROUTING forward"),
    ("pyipt -P ", "INPUT FORWARD OUTPUT"),
    ("pyipt -P INPUT ", "ACCEPT DROP"),
    ("pyipt -X ", "... web logs"),
    ("pyipt -nvL ", "... INPUT web --line-numbers"),
    ("pyipt -L w", "web"),
    ("pyipt -E ", "web logs"),
    ("pyipt -A INPUT -j w", "web"),
    ("pyipt -A INPUT -g ", "web logs"),
    ("pyipt -A INPUT -j R", "RETURN RATEEST REJECT"),
    ("pyipt -t nat -A INPUT -j R", "RETURN RATEEST REDIRECT"),
    ("pyipt -t mangle -A INPUT -j T", "TCPMSS TCPOPTSTRIP TEE TOS TPROXY TTL"),
    ("pyip6t -t mangle -A INPUT -j H", "HL HMARK"),
    ("pyipt -6 -t mangle -A INPUT -j H", "HL HMARK"),
    ("pyipt -t mangle -A INPUT -j H", "HMARK"),
    ("pyipt -A INPUT -m ic", "icmp"),
    ("pyip6t -A INPUT -m ic", "icmp6"),
    ("pyipt -A INPUT -p t", "tcp"),
    ("pyipt -A INPUT -i ", "lo eth0 wlan+"),
    ("pyipt -A INPUT -m physdev --physdev-in e", "eth0"),
    ("pyipt -A INPUT -p tcp --dp", "--dport"),
    ("pyipt -A INPUT -p tcp ! --dp", "--dport"),
    ("pyipt -A INPUT -p tcp -m udp --dp", "--dport"),
    ("pyipt -A INPUT -p tcp --dport 22 -m conntrack --cts", "--ctstate --ctstatus"),
    ("pyipt -A INPUT -m conntrack --ctstate NEW,EST", "NEW,ESTABLISHED"),
    ("pyipt -A INPUT -m conntrack --ctstate NEW -j DR", "DROP"),
    ("pyipt -A INPUT -p tcp --tcp-flags S", "SYN"),
    ("pyipt -A INPUT -p tcp --tcp-flags SYN,ACK A", "ACK ALL"),
    ("pyipt -A INPUT -p tcp --tcp-flags SYN,ACK ACK -j AC", "ACCEPT"),
    ("pyipt -A INPUT -m set --match-set ", ""),
    ("pyipt --ipset SETS -A INPUT -m set --match-set ", "black white"),
    ("pyipt --ipset SETS -A INPUT -m set --match-set black ", "src dst"),
    ("pyipt -A INPUT -m set --match-set black src,", "src,src src,dst"),
    ("pyipt -A INPUT -j REJECT --reject-with t", "tcp-reset"),
    ("pyipt -A INPUT -p icmp --icmp-type echo-", "echo-reply echo-request"),
    ("pyipt -A INPUT -j LOG --log-", "... --log-prefix --log-level --log-uid"),
    ("pyipt -A INPUT -s ", ""),
    ("pyipt -A INPUT -m nosuch -j no -p nosuch --zz 5 --nu", "--numeric"),
    ("pyipt -A INPUT --fr", "--fragments"),
    ("pyip6t -A INPUT --fr", ""),
    ("pyipt -A INPUT ", "... ! --jump"),
    ("pyipt trace --fo", "--format"),
    ("pyipt trace --format ", "text json kernel"),
    ("pyipt trace --snapshot ", "FILES"),
    ("pyipt trace ", "FILES"),
    ("pyipt trace -i eth0 --dp", "--dport"),
    ("pyipt manual --section ", "extensions"),
    ("pyipt completion ", "bash zsh fish"),
    ("pyipt xml --c", "--combine"),
    ("pyipt-xml ", "FILES"),
    ("pyipt-save -t ", "raw mangle nat filter security"),
    ("pyipt-save ", ""),
    ("pyip6t-restore --n", "--noflush"),
    ("pyipt-restore -T m", "mangle"),
    ("pyipt-restore ", "FILES"),
]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    (tmp_path / "rules").write_text(RULES)
    (tmp_path / "sets").write_text("create black hash:ip\nadd black 192.0.2.1\ncreate white hash:net\n")
    monkeypatch.setenv("PYIPT_FILE", str(tmp_path / "rules"))
    return tmp_path


@pytest.mark.parametrize(("typed", "wanted"), CASES)
def test_candidates(typed, wanted, files):
    program, *words = typed.replace("SETS", str(files / "sets")).split(" ")
    found = [word or about.upper() for word, about in candidates(program, words)]
    if wanted.startswith("... "):
        assert set(wanted[4:].split()) <= set(found)
    else:
        assert found == wanted.split()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["--file", "=", "x"], ["--file", "x"]),
        (["--file", "="], ["--file", ""]),
        (["-A", "=", "x"], ["-A", "=", "x"]),
        ([""], [""]),
    ],
)
def test_words_as_bash_parts_them(typed, kept):
    assert without_equal_signs(typed) == kept


@pytest.mark.parametrize("file", ["/", "/nonexistent/x", "x\0y"])
def test_file_that_cannot_be_read(file, files):
    assert [one.word for one in candidates("pyipt", ["--file", file, "-A", "O"])] == ["OUTPUT"]


PROMPTS = {
    "bash": 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _pyipt; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": "compdef() { : }; _describe() { print -l -- ${found%%:*} }; _files() { print -l -- ${words[CURRENT]}* }\n"
    'source "$1"; words=("${@:2}"); CURRENT=$#words; _pyipt',
    "fish": "source $argv[1]; complete -C (string join ' ' -- $argv[2..-1]) | string replace -r '\\t.*' ''",
}
TYPED = [
    (("-t", ""), ["raw", "mangle", "nat", "filter", "security"]),
    (("-t", "nat", "-A", ""), ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING", "forward"]),
    (("-A", "INPUT", "-p", "tcp", "--dp"), ["--dport"]),
    (("--file", "FOLDER/ru"), ["FOLDER/rules"]),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("typed", "wanted"), TYPED)
def test_in_the_shell(shell, typed, wanted, files, capsys):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    assert completion([shell], Family.IPV4) == 0
    script = files / "script"
    script.write_text(capsys.readouterr().out)
    pyipt = Path(sys.executable).parent / "pyipt"
    words = [word.replace("FOLDER", str(files)) for word in typed]
    separator = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [program, "-c", PROMPTS[shell], *separator, str(script), str(pyipt), *words],
        capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(files), "TERM": "dumb"},
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == ([word.replace("FOLDER", str(files)) for word in wanted], "")
