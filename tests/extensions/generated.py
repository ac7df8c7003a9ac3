"""Rules made from what extensions declare: options that may stand together, values of their kinds."""

import shlex

from hypothesis import strategies as st
from values import strategy

from pyiptables.extensions.base import Match, Target
from pyiptables.extensions.loading import find, names
from pyiptables.hooks import TABLES, Family
from pyiptables.packet.names import SAVED_PROTOCOLS

MOST_OPTIONS = 5
NEEDED = {
    "addrtype": "--src-type|--dst-type",
    "bpf": "--bytecode|--object-pinned",
    "connlimit": "--connlimit-above|--connlimit-upto",
    "hashlimit": "--hashlimit-upto|--hashlimit-above",
    "multiport": "--source-ports|--destination-ports|--ports",
    "policy": "--dir",
    "recent": "--set|--rcheck|--update|--remove",
    "rateest": "--rateest-bps --rateest-lt|--rateest-gt",
    "set": "--match-set",
    "string": "--algo --string|--hex-string",
    "statistic": "--mode --probability|--every",
    "HMARK": "--hmark-rnd --hmark-mod --hmark-tuple|--hmark-src-prefix|--hmark-sport",
    "CLUSTERIP": "--new --hashmode --clustermac --total-nodes --local-node",
    "SET": "--add-set|--del-set|--map-set",
}
"""Options that an extension asks for where only its own check knows: of those with bars between them, one."""

COMPANY = {"SYNPROXY": "-p tcp", "TCPMSS": "-p tcp --syn", "TPROXY": "-p udp"}
"""What else must be in the rule."""
ONLY = {"--path": ("/",), "--algo": ("bm", "kmp")}
"""Values that are there on every host."""


def extensions():
    """Every extension with each of its families."""
    for base in (Match, Target):
        for name in names(base):
            for family in Family:
                found = find(base, name, family)
                if found is not None:
                    yield found, family


def needed(draw, extension):
    """The options that must be there."""
    by_name = {name: option for option in extension.options.values() for name in option.names}
    yield from (option for option in extension.options.values() if option.required)
    for choice in NEEDED.get(extension.name, "").split():
        yield by_name[draw(st.sampled_from(choice.split("|")))]


@st.composite
def uses(draw, extension, family):
    """The words of one extension: ``-m NAME`` or ``-j NAME``, and options."""
    wanted = list(needed(draw, extension))
    if extension.options:
        wanted += draw(st.lists(st.sampled_from(list(extension.options.values())), max_size=MOST_OPTIONS))
    words = ["-m" if issubclass(extension, Match) else "-j", extension.name]
    chosen = {}
    for option in wanted:
        for attribute in (*option.also, option.attribute):
            one = extension.options[attribute]
            clash = any(one.attribute in other.excludes or other.attribute in one.excludes for other in chosen.values())
            said = attribute in chosen or (one.to and any(one.to == other.to for other in chosen.values()))
            if (not said or one.multi) and not clash:
                chosen[attribute] = one
                if one.invertible and draw(st.booleans()):
                    words.append("!")
                value = draw(
                    st.sampled_from(ONLY[one.names[0]]) if one.names[0] in ONLY else strategy(one.kind, family)
                )
                words += [draw(st.sampled_from(one.names)), *([value] if isinstance(value, str) else value)]
    return words


@st.composite
def rules(draw, extension, family):
    """Table and words of a rule with one extension, and the protocol that it may want."""
    tables = sorted(extension.tables or ("filter", "mangle", "raw"))
    places = [(table, hook) for table in tables for hook in TABLES[table] if hook in (extension.hooks or TABLES[table])]
    table, hook = draw(st.sampled_from(places))
    protocols = [SAVED_PROTOCOLS.get(number, str(number)) for number in sorted(extension.protocols or ())]
    usual = [extension.name] if extension.name in ("tcp", "udp", "icmp") else ["tcp", "udp", "sctp", "icmp"]
    protocol = draw(st.sampled_from(protocols or [*usual, None]))
    company = COMPANY.get(extension.name) or (f"-p {protocol}" if protocol else "")
    return table, ["-A", hook.name, *company.split(), *draw(uses(extension, family))]


def line(words):
    """The words as a shell reads them."""
    return shlex.join(words)
