"""What a notebook shows: every name escaped, no script."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import footpath as fp
from footpath import _views

EVIL = "<script>alert('x')</script>\"&"


class Balanced(HTMLParser):
    """Sees to it that every tag that is opened is closed, and that none is a script."""

    VOID = frozenset({"br", "hr", "img", "input", "line", "rect", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script" and not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID or tag == "text"


def check(html: str) -> str:
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert "<script" not in html and "href" not in html and "src=" not in html
    return html


def test_objects_show_themselves(films: fp.Kg, tiny: fp.Model) -> None:
    assert "480" in check(films._repr_html_())
    assert "10 of 200 rows" in check(films.sample(hops=3, num_paths=200).table()._repr_html_())
    assert "<svg" in check(films.sample(hops=3, num_paths=200)._repr_html_())
    shown = check(tiny.recommend(k=3)._repr_html_())
    assert "<svg" in shown and "3 of 480 users" in shown
    assert "Why Alien (1979) for user-001?" in check(tiny.explain("user-001", "alien-1979")._repr_html_())
    report = fp.evaluate(films, tiny, baselines=True)
    assert "popularity" in check(report._repr_html_())
    check(fp.verify(tiny.recommend(k=1), films)._repr_html_())
    check(fp.audit(films)._repr_html_())


def test_names_are_escaped() -> None:
    kg = fp.import_frames(
        interactions={"user_id": [EVIL, EVIL, "b"], "item_id": ["1", "2", "1"]},
        triples={"head": ["1", "2"], "relation": [EVIL, EVIL], "tail": ["x", "x"]},
        items={"item_id": ["1", "2"], "entity_id": ["1", "2"], "title": [EVIL, EVIL]},
        split="none",
    )
    shown = check(kg.sample(hops=3, end="any")._repr_html_()) + check(kg.neighbours("item:1")._repr_html_())
    assert "&lt;script&gt;" in shown + check(kg._repr_html_())


@pytest.mark.parametrize("label", ["", EVIL, "x" * 500, "\N{SNOWMAN}"])
def test_any_label_is_drawn(label: str) -> None:
    check(_views.path([label, label], ["~" + label]))
