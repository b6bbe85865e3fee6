"""Numbers of reports: each with a definition, printed whole, never where there are too few behind it."""

from fractions import Fraction

import pytest
from django.template import Context, Template

from prm.ui import metrics
from prm.ui.metrics import Figure, Metric


@pytest.fixture(autouse=True)
def _definitions(monkeypatch):
    monkeypatch.setattr(metrics, "_metrics", {})
    for key, unit, minimum in (
        ("score", "points", 10),
        ("rate", "percent", 1),
        ("many", "count", 0),
        ("wait", "minutes", 1),
    ):
        metrics.register(Metric(key, key, unit, "a", "b", "a table", function=len, minimum=minimum))


@pytest.mark.parametrize(("figure", "text", "interval"), [
    (Figure("score", Fraction(155, 2), 30, 70.2, 84.4), "78", "70 to 84"),
    (Figure("score", Fraction(-5, 2), 30, -19.6, 3.2), "−3", "−20 to 3"),
    (Figure("score", Fraction(0), 12, -40.0, 40.0), "0", "−40 to 40"),
    (Figure("score", Fraction(100), 7, 70.2, 100.0), "7 of 10 answers needed", ""),
    (Figure("score", None, 0), "no answers", ""),
    (Figure("rate", Fraction(7, 16), 16, 0.23, 0.67), "44%", "23% to 67%"),
    (Figure("rate", Fraction(0), 16), "0%", ""),
    (Figure("rate", None, 0), "none yet", ""),
    (Figure("many", 0), "0", ""),
    (Figure("many", 12431), "12,431", ""),
    (Figure("wait", Fraction(260, 2), 3), "2 h 10 min", ""),
])  # fmt: skip
def test_a_figure_prints_its_value_or_what_is_missing(figure, text, interval):
    assert (figure.text, figure.interval_text) == (text, interval)


def test_the_tag_writes_key_n_and_scope_and_escapes_it():
    html = Template("{% load figures %}{% metric figure scope=name %}").render(
        Context({"figure": Figure("score", Fraction(78), 214, href="/p/?a=1&b=2"), "name": '"><script>'})
    )
    assert html == (
        '<a href="/p/?a=1&amp;b=2"><span class="num" data-metric="score" data-n="214"'
        ' data-scope="&quot;&gt;&lt;script&gt;">78</span></a>'
    )


def test_a_number_without_definition_is_an_error():
    with pytest.raises(KeyError):
        Template("{% load figures %}{% metric figure %}").render(Context({"figure": Figure("unknown", 1)}))


def test_a_key_has_one_definition():
    with pytest.raises(ValueError, match="defined twice"):
        metrics.register(Metric("score", "another", "points", "a", "b", "a table", function=len))
