"""Which paths are meant, and other arguments that several functions share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union

from ._errors import UsageError

PathLike = Union[str, "os.PathLike[str]"]
End = Literal["train", "unseen", "any"]
"""Where paths end: at the user's own train items, at items not chosen, or at any."""
Unfinished = Literal["refuse", "resume", "discard"]
"""What to do about an unfinished run at the same output."""
Value = Union[str, int, float, bool, "list[Any]", "dict[str, Any]"]
"""The value of a setting of `train`."""

Shape = tuple[str, str]
"""A kind of description of paths, and the description."""


def shape(
    hops: int | None,
    pattern: str | None,
    pattern_preset: str | None,
    patterns: PathLike | None,
    walk: str | None = None,
) -> Shape | None:
    """The one description of paths that was given, if any.

    >>> shape(3, None, None, None)
    ('hops', '3')
    """
    given: list[Shape] = []
    if hops is not None:
        if isinstance(hops, bool) or not isinstance(hops, int):
            raise UsageError(f"hops: must be a whole number, got {hops!r}")
        given.append(("hops", str(hops)))
    named = (("pattern", pattern), ("preset", pattern_preset), ("file", patterns), ("walk", walk))
    given.extend((kind, os.fspath(text)) for kind, text in named if text is not None)
    if len(given) > 1:
        raise UsageError("give one of hops, pattern, pattern_preset, patterns and walk")
    return given[0] if given else None


def toml(value: Value) -> str:
    """A value as TOML, on one line.

    >>> toml({"log": [1e-4, 1e-2]})
    '{"log" = [0.0001, 0.01]}'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(str(key))} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Iterable):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    try:
        # Numbers of other libraries, such as numpy's.
        return toml(value.item())
    except AttributeError:
        raise UsageError(f"{value!r} is no text, number, list or dict") from None


def ids(name: str, values: str | int | Iterable[str | int]) -> list[str]:
    """One id or several, as text.

    >>> ids("users", "ann"), ids("users", [1, "b"])
    (['ann'], ['1', 'b'])
    """
    if isinstance(values, (str, int)):
        values = [values]
    found = [str(value) for value in values]
    if not found:
        raise UsageError(f"{name}: none is given; leave it out for all")
    return found


def without_none(options: Mapping[str, object]) -> str:
    """Options that were given, as JSON."""
    try:
        return json.dumps({name: value for name, value in options.items() if value is not None}, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"an option is no number or text: {error}") from None
