"""A quicker constructor for frozen slotted dataclasses of which there are hundreds of thousands.

The constructor that dataclasses make sets each field through ``object.__setattr__``. Here a new object is for a moment
of an open class with the same slots, whose fields can be set as any, and it takes a third of the time.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

_Frozen = TypeVar("_Frozen")


def quick(frozen: type[_Frozen]) -> type[_Frozen]:
    """Give a frozen slotted dataclass, which has no other base and no default factories, its quicker constructor."""
    kind: Any = frozen
    names = [field.name for field in fields(kind)]
    opened = type(kind.__name__, (), {"__slots__": names})
    body = "".join(f"\n  self.{name} = {name}" for name in names)
    source = f"def __init__(self, {', '.join(names)}):\n  open_up(self, '__class__', opened){body}\n  self.__class__ = frozen"
    made: dict[str, Any] = {}
    exec(source, {"open_up": object.__setattr__, "opened": opened, "frozen": kind}, made)
    constructor, before = made["__init__"], kind.__init__
    for attribute in ("__defaults__", "__annotations__", "__qualname__", "__module__"):
        setattr(constructor, attribute, getattr(before, attribute))
    kind.__init__ = constructor
    return frozen
