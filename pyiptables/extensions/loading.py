"""Finding extensions by name: the file's place is the registration.

``-m tcp`` is ``matches/tcp.py``; a name that is no module name in Python, or several names for one declaration, stand in
the two tables here. Only what a rule names is imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from pyiptables.extensions.base import Extension, Match, Target
from pyiptables.hooks import Family

PACKAGES = {Match: "pyiptables.extensions.matches", Target: "pyiptables.extensions.targets"}


@cache
def names(base: type[Match] | type[Target]) -> tuple[str, ...]:
    """All names there are, sorted: of matches or of targets."""
    package = importlib.import_module(PACKAGES[base])
    found = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    return tuple(sorted(found))


@cache
def find(base: type[Match] | type[Target], name: str, family: Family) -> type[Extension] | None:
    """The declaration of that name for a family, or None when there is none.

    A module holds the class whose ``name`` is the module's own name; ``name_`` with an underscore serves names that
    Python reserves.
    """
    if not name.isidentifier() or name.startswith("_"):
        return None
    path = f"{PACKAGES[base]}.{name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        return None
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, base) and value.name == name and value.__module__ == path:
            return value.for_family(family) if family in value.families else None
    return None


def find_match(name: str, family: Family) -> type[Match] | None:
    """The match ``-m name``, or None."""
    found = find(Match, name, family)
    return found if found is not None and issubclass(found, Match) else None


def find_target(name: str, family: Family) -> type[Target] | None:
    """The target extension ``-j name``, or None. ACCEPT, DROP, QUEUE and RETURN are no extensions: see Rule.jump."""
    found = find(Target, name, family)
    return found if found is not None and issubclass(found, Target) else None
