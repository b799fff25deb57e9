"""Reports: what was found, by name."""

from __future__ import annotations

import json
from typing import Any

from . import _views


class Report(dict[str, Any]):
    """Figures by name, as the command line's ``--json`` has them; a notebook shows them as a table.

    >>> Report({"num_users": 3})
    {'num_users': 3}
    """

    @classmethod
    def parsed(cls, text: str) -> Report:
        """The report that JSON says.

        >>> Report.parsed('{"num_users": 3}')["num_users"]
        3
        """
        return cls(json.loads(text))

    def _repr_html_(self) -> str:
        return _views.figures(type(self).__name__, self)


class Summary(Report):
    """A graph in figures: nodes and facts by kind, what is held out, the hash of its content.

    >>> import footpath as fp
    >>> fp.Kg(films).summary()["num_items"]
    385
    """

    @classmethod
    def parsed(cls, text: str) -> Summary:
        """The summary that JSON says.

        >>> type(Summary.parsed('{"num_users": 3}')).__name__
        'Summary'
        """
        return cls(json.loads(text))

    def _repr_html_(self) -> str:
        return _views.summary(self)


class Verification(Report):
    """What came of checking explanations: counts, and the first things that are wrong (``findings``).

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> found = fp.verify(fp.Model(tiny, kg).recommend("user-001", k=2), kg)
    >>> found["wrong"]
    0
    """

    @classmethod
    def parsed(cls, text: str) -> Verification:
        """The report that JSON says.

        >>> Verification.parsed('{"wrong": 2}').ok
        False
        """
        return cls(json.loads(text))

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong.

        >>> Verification({"wrong": 0}).ok
        True
        """
        return not self["wrong"]


class Audit(Report):
    """What an audit found: the leaks of a split, and what lists reach on labels drawn at random.

    >>> import footpath as fp
    >>> found = fp.audit(fp.Kg(films))
    >>> found.first_wrong is None
    True
    """

    first_wrong: str | None = None
    """What is wrong first, in words."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong.

        >>> import footpath as fp
        >>> fp.audit(fp.Kg(films)).ok
        True
        """
        return self.first_wrong is None
