"""What objects look like in a notebook: tables and drawings, without a script, every name escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

STYLE = "font-family:sans-serif;font-size:13px"
CHAR = 6.6
"""Width of a character of a label, in pixels, about."""
MAX_LABEL = 34
"""Longest label that is drawn; the rest is cut."""
ROW = 58
"""Height of a path, in pixels."""


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], total: int) -> str:
    """The first rows of a table, and how many there are."""
    head = "".join(f"<th style='text-align:left'>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{_cell(row[column])}</td>" for column in columns) + "</tr>"
        for row in rows
    )
    more = f"<p>{len(rows)} of {total:,} rows</p>" if total > len(rows) else ""
    return f"<div style='{STYLE}'><table><tr>{head}</tr>{body}</table>{more}</div>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return escape(" ".join(str(inner) for inner in value))
    return escape(str(value))


def figures(title: str, report: Mapping[str, Any]) -> str:
    """Plain figures of a report, by name."""
    rows = [{"": name, "value": value} for name, value in report.items() if not isinstance(value, (dict, list))]
    return f"<div style='{STYLE}'><b>{escape(title)}</b>{table(['', 'value'], rows, len(rows))}</div>"


def summary(report: Mapping[str, Any]) -> str:
    """A graph in figures."""
    counts = ("num_users", "num_items", "num_entities", "num_triples", "num_train", "num_valid", "num_test")
    rows = [{"": name.removeprefix("num_"), "number": f"{report[name]:,}"} for name in counts if name in report]
    kinds = [{"type of entity": kind["name"], "number": f"{kind['count']:,}"} for kind in report.get("entities", [])]
    facts = [{"relation": kind["name"], "facts": f"{kind['count']:,}"} for kind in report.get("relations", [])]
    parts = [table(["", "number"], rows, len(rows))]
    if kinds:
        parts.append(table(["type of entity", "number"], kinds[:15], len(kinds)))
    if facts:
        parts.append(table(["relation", "facts"], facts[:15], len(facts)))
    side = "".join(f"<div>{part}</div>" for part in parts)
    return f"<div style='{STYLE}'><b>Knowledge graph</b><div style='display:flex;gap:2em'>{side}</div></div>"


def paths(drawn: Iterable[tuple[Sequence[str], Sequence[str]]], title: str) -> str:
    """Paths as nodes and relations, drawn."""
    pictures = "".join(path(nodes, relations) for nodes, relations in drawn)
    return f"<div style='{STYLE}'><b>{escape(title)}</b>{pictures}</div>"


def path(labels: Sequence[str], relations: Sequence[str]) -> str:
    """One path as a picture: boxes for nodes, arrows for relations."""
    x, parts = 4.0, []
    for place, label in enumerate(labels):
        width = _width(label)
        fill = "#dce9f7" if place == len(labels) - 1 else "#f4f4f4"
        parts.append(
            f"<rect x='{x:.0f}' y='18' width='{width:.0f}' height='26' rx='6' fill='{fill}' stroke='#888'/>"
            f"<text x='{x + width / 2:.0f}' y='35' text-anchor='middle' font-size='12'>{_short(label)}</text>"
        )
        x += width
        if place < len(relations):
            relation = relations[place]
            hop = max(_width(relation), 50.0)
            parts.append(_arrow(x, hop, relation))
            x += hop
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{x + 4:.0f}' height='{ROW}' role='img' "
        f"style='display:block;max-width:100%'>{''.join(parts)}</svg>"
    )


def _arrow(x: float, width: float, relation: str) -> str:
    inverse = relation.startswith("~")
    start, end = x + 4, x + width - 4
    tip = (
        f"<path d='M{start:.0f},31 l7,-4 v8 z' fill='#555'/>"
        if inverse
        else f"<path d='M{end:.0f},31 l-7,-4 v8 z' fill='#555'/>"
    )
    return (
        f"<line x1='{start:.0f}' y1='31' x2='{end:.0f}' y2='31' stroke='#555'/>{tip}"
        f"<text x='{x + width / 2:.0f}' y='14' text-anchor='middle' font-size='11' fill='#555'>"
        f"{_short(relation.removeprefix('~'))}</text>"
    )


def _width(label: str) -> float:
    return min(len(label), MAX_LABEL) * CHAR + 16


def _short(label: str) -> str:
    cut = label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"
    return escape(cut, quote=True)


def recommendations(lists: Sequence[Mapping[str, Any]], num_users: int) -> str:
    """The first lists, each item with its path drawn."""
    parts = []
    for found in lists:
        parts.append(f"<h4 style='margin:0.6em 0 0.2em'>Recommendations for {escape(str(found['user']))}</h4>")
        for item in found["items"][:5]:
            share = f"{item['confidence'] * 100:.0f} %"
            parts.append(
                f"<div><b>{item['rank']}. {escape(item['label'] or item['item'])}</b> "
                f"<span style='color:#777'>{share} of its probability:</span> {escape(item['text'])}</div>"
                f"{path(item['labels'] or item['nodes'], item['relations'])}"
            )
        if found["reason"]:
            parts.append(f"<div><i>{escape(found['reason'])}</i></div>")
    more = f"<p>{len(lists)} of {num_users:,} users</p>" if num_users > len(lists) else ""
    return f"<div style='{STYLE}'>{''.join(parts)}{more}</div>"


def why(found: Mapping[str, Any]) -> str:
    """Why an item suits a user."""
    title = f"Why {found['label'] or found['item']} for {found['user']}?"
    drawn = "".join(path(one["labels"], one["relations"]) for one in found["paths"])
    reason = f"<i>{escape(found['reason'])}</i>" if found["reason"] else ""
    return f"<div style='{STYLE}'><b>{escape(title)}</b>{drawn}{reason}</div>"


def evaluation(rows: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Figures by row, and the intervals of one metric drawn."""
    metrics = [name for name in rows[0] if name not in ("name", "setting") and not name.endswith(("_low", "_high"))]
    shown: list[dict[str, str]] = []
    for row in rows:
        cells = {"": str(row["name"])}
        cells |= {name: f"{row[name]:.4f} ±{(row[f'{name}_high'] - row[f'{name}_low']) / 2:.4f}" for name in metrics}
        shown.append(cells)
    return f"<div style='{STYLE}'>{table(['', *metrics], shown, len(shown))}{_intervals(rows, metric)}</div>"


def _intervals(rows: Sequence[Mapping[str, Any]], metric: str) -> str:
    """A line for each row from the lower to the upper end of its interval, a dot at the mean."""
    left, width, height = 190, 380, 22
    most = max((float(row[f"{metric}_high"]) for row in rows), default=0.0) or 1.0

    def at(value: object) -> float:
        return left + float(str(value)) / most * width

    parts = [f"<text x='{left}' y='14' font-size='12'>{escape(metric)}, 0 to {most:.3f}</text>"]
    for place, row in enumerate(rows):
        y = 32 + place * height
        low, high, mean = (at(row[name]) for name in (f"{metric}_low", f"{metric}_high", metric))
        parts.append(
            f"<text x='{left - 8}' y='{y + 4}' text-anchor='end' font-size='12'>{_short(str(row['name']))}</text>"
            f"<line x1='{low:.1f}' y1='{y}' x2='{high:.1f}' y2='{y}' stroke='#4477aa' stroke-width='3'/>"
            f"<circle cx='{mean:.1f}' cy='{y}' r='4' fill='#224466'/>"
        )
    total = 40 + len(rows) * height
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{left + width + 20}' height='{total}' role='img'>"
        f"{''.join(parts)}</svg>"
    )
