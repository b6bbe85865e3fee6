"""Charts as Vega-Lite specs in plain dicts: one spec for page, PDF and mail (reports.md 5).

A builder takes rows that are ready to print and gives a `Chart`: the finding, two widths, and the table of all values.
Colours are the tokens of `static/prm.css`, written `var(--chart-…)`; `painted` swaps in the light theme's hex where no
style sheet reaches. No `id=`, clip or gradient may come out of a spec: ids of two charts on one page would collide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
Marker = str | None  # "filled", "hollow" (few answers), "flagged", or None: nothing may be drawn

WIDE, NARROW = 720, 360  # px of a whole picture
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"

# The light theme of ui.md 2, for PDF and mail. A test holds it against static/prm.css.
LIGHT = {
    "var(--chart-line)": "#246f5b",
    "var(--chart-good)": "#134437",
    "var(--chart-mid)": "#c98f2b",
    "var(--chart-bad)": "#ba3b2d",
    "var(--chart-rest)": "#b9e5d6",
    "var(--chart-few)": "#817d75",
    "var(--chart-grid)": "#e5e1dc",
    "var(--surface)": "#ffffff",
    "var(--ink)": "#1b1916",
    "var(--ink-3)": "#635e58",
}

MARKERS = {
    "filled": ("30 or more answers", "var(--chart-line)", "circle"),
    "hollow": ("10 to 29 answers", "var(--chart-few)", "circle"),
    "flagged": ("Low scores, please review", "var(--chart-bad)", "diamond"),
}

CONFIG: Spec = {
    "font": "Figtree, Liberation Sans, sans-serif",
    "background": None,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "aria": False,  # the figure's label and each mark's sentence say it better
        "labelColor": "var(--ink-3)",
        "titleColor": "var(--ink-3)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelFontWeight": "normal",
        "gridColor": "var(--chart-grid)",
        "domainColor": "var(--chart-few)",
        "tickColor": "var(--chart-few)",
    },
    "axisX": {"grid": False, "labelAngle": 0},
    "axisY": {"domain": False, "ticks": False},
    "legend": {
        "aria": False,
        "labelFontSize": 12,
        "labelColor": "var(--ink)",
        "title": None,
        "orient": "top",
        "symbolType": "square",
        "labelLimit": 300,
    },
    "title": {
        "anchor": "start",
        "fontSize": 15,
        "color": "var(--ink)",
        "fontWeight": "bold",
        "subtitleFontSize": 12,
        "subtitleColor": "var(--ink-3)",
        "offset": 14,
        "subtitlePadding": 4,
    },
    "text": {"fontSize": 12, "color": "var(--ink)"},
}


@dataclass(frozen=True)
class Chart:
    """One chart: its finding, who and when it is about, both widths, and all values as a table.

    `label` is what a screen reader hears instead of the picture; `empty` replaces it where nothing may be drawn.
    """

    key: str
    title: str
    subtitle: str
    wide: Spec
    narrow: Spec
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""

    @property
    def label(self) -> str:
        """The picture in words: the finding, then what it is about."""
        return f"{self.title}. {self.subtitle}"


@dataclass(frozen=True)
class Point:
    """A value on a scale with its interval: a month of a trend, a clinic, a therapist. None where it may not be shown.

    `say` is the whole sentence of the mark ("May 2025: NPS 75, 95% interval 59 to 85, 79 answers"), `value_text` the
    short one beside it.
    """

    name: str
    say: str
    value_text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    marker: Marker = None

    def row(self, position: int) -> Spec:
        """The point as a datum; `at` is its place, so that two of one name stay two."""
        shown = {} if self.marker is None else {"kind": MARKERS[self.marker][0]}
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {
            "at": position,
            "name": self.name,
            "say": self.say,
            "text": self.value_text,
            **shown,
            **{key: None if number is None else round(number, 4) for key, number in numbers.items()},
        }


def painted(spec: Any, colours: dict[str, str] | None = None) -> Any:
    """The spec with each colour token replaced by its hex of the light theme (or of `colours`)."""
    colours = colours or LIGHT
    if isinstance(spec, dict):
        return {key: painted(value, colours) for key, value in spec.items()}
    if isinstance(spec, list):
        return [painted(value, colours) for value in spec]
    return colours.get(spec, spec) if isinstance(spec, str) else spec


def titled(chart: Chart, *, narrow: bool = False) -> Spec:
    """The chart's spec with its finding inside, on the surface: for pictures that stand alone (mail, targets)."""
    spec = chart.narrow if narrow else chart.wide
    width = 44 if narrow else 100  # characters a line holds
    title = {"text": _lines(chart.title, width - 8), "subtitle": _lines(chart.subtitle, width)}
    return {**spec, "title": title, "background": "var(--surface)"}


def _lines(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _spec(layers: list[Spec], **parts: Any) -> Spec:
    return {"$schema": SCHEMA, "config": CONFIG, "layer": layers, **parts}


def _floor(values: Sequence[float | None], step: int, least: int) -> int:
    """The axis' lower end: a multiple of `step` at or below all values, never above `least`."""
    lowest = min([value for value in values if value is not None] + [least])
    return max(-100, int(lowest // step) * step)


# ------------------------------------------------------------------------------------------------------- C1: the trend


def nps_trend(
    points: Sequence[Point],
    *,
    title: str,
    subtitle: str,
    references: Sequence[tuple[int, str, str]],
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    empty: str = "",
) -> Chart:
    """C1: NPS by month with its 95 % interval; hollow for 10 to 29 answers, a gap below.

    `references` are dashed lines: (value, label for the wide picture, label for the narrow one).
    """
    return Chart(
        "nps_trend",
        title,
        subtitle,
        wide=_trend(points, [(value, label) for value, label, _ in references], plot=570, height=240),
        narrow=_trend(points, [(value, label) for value, _, label in references], plot=258, height=200),
        columns=columns,
        rows=tuple(rows),
        empty=empty,
    )


def _trend(points: Sequence[Point], references: list[tuple[int, str]], *, plot: int, height: int) -> Spec:
    values = {"values": [point.row(place) for place, point in enumerate(points)]}
    drawn = {"values": [row for row in values["values"] if row["value"] is not None]}
    scale: Spec = {"domain": [_floor([point.low for point in points], 10, 30), 100], "nice": False}
    every = max(1, math.ceil(len(points) * 46 / plot))
    names_gaps = every == 1  # else the words of two months would run into each other; the table has them
    x: Spec = {
        "field": "at",
        "type": "ordinal",
        "title": None,
        "scale": {"type": "point", "padding": 0.3, "domain": list(range(len(points)))},
        "axis": {
            "values": list(range(len(points)))[::every],
            "labelExpr": _label_expression(points),
            "labelOverlap": True,
        },
    }
    y: Spec = {"field": "value", "type": "quantitative", "title": None, "scale": scale}
    line = "var(--chart-line)"
    kinds = [MARKERS["filled"][0], MARKERS["hollow"][0]]
    legend = {"symbolStrokeColor": line, "symbolStrokeWidth": 2, "symbolType": "circle"}
    marks = [{"y": value, "t": label} for value, label in references if value >= scale["domain"][0]]
    return _spec(
        [
            {
                "data": values,
                "mark": {"type": "area", "aria": False, "color": line, "opacity": 0.16},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "rule", "aria": False, "color": "var(--chart-few)", "strokeDash": [3, 3]},
                "encoding": {"y": {"field": "y", "type": "quantitative"}},
            },
            {
                "data": values,
                "mark": {"type": "line", "aria": False, "color": line, "strokeWidth": 2},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": drawn,
                "mark": {
                    "type": "point",
                    "filled": True,
                    "opacity": 1,
                    "size": 70,
                    "stroke": line,
                    "strokeWidth": 2,
                },
                "encoding": {
                    "x": x,
                    "y": y,
                    "description": {"field": "say", "type": "nominal"},
                    "fill": {
                        "field": "kind",
                        "type": "nominal",
                        "scale": {"domain": kinds, "range": [line, "var(--surface)"]},
                        "legend": legend,
                    },
                },
            },
            {
                "data": {"values": [row for row in values["values"] if row["value"] is None and names_gaps]},
                "mark": {"type": "text", "aria": False, "fontSize": 11, "color": "var(--ink-3)"},
                "encoding": {"x": x, "y": {"value": height - 12}, "text": {"field": "text", "type": "nominal"}},
            },
            {
                "data": {"values": marks},
                "mark": {
                    "type": "text",
                    "aria": False,
                    "align": "left",
                    "dx": 6,
                    "fontSize": 11,
                    "color": "var(--ink-3)",
                },
                "encoding": {
                    "x": {"value": plot},
                    "y": {"field": "y", "type": "quantitative"},
                    "text": {"field": "t", "type": "nominal"},
                },
            },
        ],
        width=plot,
        height=height,
    )


def _label_expression(points: Sequence[Point]) -> str:
    """The axis' labels by place: quoted as a Vega expression's strings, so a name can never be code."""
    names = ",".join("'" + point.name.replace("\\", "\\\\").replace("'", "\\'") + "'" for point in points)
    return f"[{names}][datum.value]"


# ------------------------------------------------------------------------------------------------- C2: the distribution


def score_distribution(
    counts: Sequence[int],
    *,
    title: str,
    subtitle: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    empty: str = "",
) -> Chart:
    """C2: how many answers each score 0 to 10 got, coloured by bucket; `counts` has eleven entries."""
    if len(counts) != 11:
        raise ValueError(f"counts has {len(counts)} entries: expected 11, for the scores 0 to 10")
    return Chart(
        "score_distribution",
        title,
        subtitle,
        wide=_bars(counts, plot=536, height=190, bar=36),
        narrow=_bars(counts, plot=312, height=170, bar=20),
        columns=columns,
        rows=tuple(rows),
        empty=empty,
    )


def _bars(counts: Sequence[int], *, plot: int, height: int, bar: int) -> Spec:
    buckets = ["Detractors 0–6", "Passives 7–8", "Promoters 9–10"]
    values = {
        "values": [
            {
                "score": score,
                "n": n,
                "bucket": buckets[0 if score <= 6 else 1 if score <= 8 else 2],
                "say": f"Score {score}: {n:,} {'answer' if n == 1 else 'answers'}",
            }
            for score, n in enumerate(counts)
        ]
    }
    top = max([*counts, 1])
    x: Spec = {"field": "score", "type": "ordinal", "title": "Score"}
    y: Spec = {
        "field": "n",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, top], "nice": top > 4},
        "axis": {"tickCount": min(4, top), "format": ",d"} if any(counts) else None,
    }
    return _spec(
        [
            {
                "data": values,
                "mark": {"type": "bar", "size": bar},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": {
                        "field": "bucket",
                        "type": "nominal",
                        "scale": {
                            "domain": buckets,
                            "range": ["var(--chart-bad)", "var(--chart-mid)", "var(--chart-good)"],
                        },
                    },
                    "description": {"field": "say", "type": "nominal"},
                },
            },
            {
                "data": values,
                "mark": {"type": "text", "aria": False, "dy": -8},
                "encoding": {
                    "x": x,
                    "y": y,
                    "text": {"field": "n", "type": "quantitative", "format": ",d"},
                },
            },
        ],
        width=plot,
        height=height,
    )


# -------------------------------------------------------------------------------------- C3: by clinic and by therapist


def nps_by(
    key: str,
    points: Sequence[Point],
    *,
    title: str,
    subtitle: str,
    whole: tuple[float, str] | None,
    axis: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    empty: str = "",
) -> Chart:
    """C3: one row a clinic or therapist in the order given: dot and interval, or the name alone where n is under 10.

    `whole` is the practice's value and its label, a dashed line.
    """
    kinds = [kind for kind in MARKERS if kind != "flagged" or any(point.marker == kind for point in points)]
    return Chart(
        key,
        title,
        subtitle,
        wide=_rows(points, whole, axis, kinds, plot=390, step=27, narrow=False),
        narrow=_rows(points, whole, axis, kinds, plot=330, step=44, narrow=True),
        columns=columns,
        rows=tuple(rows),
        empty=empty,
    )


def _rows(
    points: Sequence[Point],
    whole: tuple[float, str] | None,
    axis: str,
    kinds: list[str],
    *,
    plot: int,
    step: int,
    narrow: bool,
) -> Spec:
    everyone = {"values": [point.row(place) for place, point in enumerate(points)]}
    drawn = {"values": [row for row in everyone["values"] if row["value"] is not None]}
    scale: Spec = {"domain": [_floor([point.low for point in points], 20, 20), 100], "nice": False}
    y: Spec = {"field": "at", "type": "ordinal", "axis": None, "scale": {"domain": list(range(len(points)))}}
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "scale": scale,
        "title": axis,
        "axis": {"grid": True, "tickCount": 5},
    }
    labels, colours, shapes = zip(*(MARKERS[kind] for kind in kinds), strict=True)
    colour: Spec = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": list(labels), "range": list(colours)},
        "legend": {"symbolType": "circle", "columns": 1 if narrow else 3},
    }
    shape: Spec = {
        "field": "kind",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(labels), "range": list(shapes)},
    }
    down = {"yOffset": 6} if narrow else {}
    beside = {"type": "text", "aria": False, "color": "var(--ink-3)"}
    if narrow:  # name and value stand above the bar
        value_mark = {**beside, "align": "right", "dy": -12, "limit": 130}
        name_mark = {**beside, "align": "left", "dy": -12, "color": "var(--ink)", "limit": 190}
        value_x, name_x = {"value": plot}, {"value": 0}
    else:
        value_mark = {**beside, "align": "left", "dx": 10, "limit": 150}
        name_mark = {**beside, "align": "right", "dx": -8, "color": "var(--ink)", "limit": 160}
        value_x, name_x = {"value": plot}, {"value": 0}
    layers: list[Spec] = [
        {
            "data": drawn,
            "mark": {"type": "rule", "aria": False, "strokeOpacity": 0.45, "strokeWidth": 3, **down},
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "color": colour},
        },
        {
            "data": drawn,
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 90, **down},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "shape": shape,
                "description": {"field": "say", "type": "nominal"},
            },
        },
        {
            "data": everyone,
            "mark": value_mark,
            "encoding": {"x": value_x, "y": y, "text": {"field": "text", "type": "nominal"}},
        },
        {
            "data": everyone,
            "mark": name_mark,
            "encoding": {"x": name_x, "y": y, "text": {"field": "name", "type": "nominal"}},
        },
    ]
    if whole is not None and whole[0] >= scale["domain"][0]:
        line = {"values": [{"x": round(whole[0], 4), "t": whole[1]}]}
        at: Spec = {"field": "x", "type": "quantitative", "scale": scale}
        layers.insert(
            1,
            {
                "data": line,
                "mark": {"type": "rule", "aria": False, "color": "var(--ink)", "strokeDash": [4, 3]},
                "encoding": {"x": at},
            },
        )
        layers.append(
            {
                "data": line,
                "mark": {**beside, "align": "center", "dy": -8, "fontSize": 11},
                "encoding": {"x": at, "y": {"value": 0}, "text": {"field": "t", "type": "nominal"}},
            }
        )
    return _spec(layers, width=plot, height={"step": step})
