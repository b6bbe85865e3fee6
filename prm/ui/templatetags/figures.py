"""`{% metric %}` and `{% chart %}`: the only ways in which a report prints a number or a picture."""

import base64

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from prm.ui import chart_renderer
from prm.ui.charts import Chart, painted
from prm.ui.metrics import Figure

register = template.Library()


@register.simple_tag
def metric(figure: Figure, *, scope: str = "") -> SafeString:
    """The figure's value as printed, with its key, its n and (for one of many) the `scope` it is about."""
    attributes = format_html(' data-scope="{}"', scope) if scope else ""
    n = "" if figure.n is None else format_html(' data-n="{}"', figure.n)
    inner = format_html('<span class="num" data-metric="{}"{}{}>{}</span>', figure.key, n, attributes, figure.text)
    return format_html('<a href="{}">{}</a>', figure.href, inner) if figure.href and figure.shown else inner


@register.simple_tag
def interval(figure: Figure) -> SafeString:
    """What stands behind a value, "(70 to 84, 214 answers)"; nothing where the value is not shown."""
    if not figure.shown or figure.n is None:
        return SafeString()
    answers = "answer" if figure.n == 1 else "answers"
    return format_html(
        '<span class="small muted" data-metric-interval="{}">({}, {} {})</span>',
        figure.key, figure.interval_text, f"{figure.n:,}", answers,
    )  # fmt: skip


@register.inclusion_tag("parts/chart.html")
def chart(chart: Chart, *, picture: str = "") -> dict[str, object]:
    """The figure: its finding, the picture (fetched from the URL `picture` where given), the table of all values."""
    return {"chart": chart, "picture": picture}


@register.simple_tag
def chart_picture(chart: Chart) -> SafeString:
    """Both widths inline, one shown by the container's; where none can be had, a line that says so."""
    if chart.empty:
        return format_html('<p class="muted">{}</p>', chart.empty)
    try:
        pictures = [(name, chart_renderer.svg(spec)) for name, spec in (("wide", chart.wide), ("narrow", chart.narrow))]
    except chart_renderer.RendererDown:
        return mark_safe(
            '<p class="muted" role="status">The picture cannot be drawn at the moment. '
            "The table below has all its values.</p>"
        )
    label = format_html('<svg role="img" aria-label="{}" ', chart.label)
    return SafeString("".join(
        f'<div class="{name}">{picture.replace("<svg ", label, 1)}</div>' for name, picture in pictures
    ))  # fmt: skip


@register.simple_tag
def chart_print(chart: Chart) -> SafeString:
    """The wide picture in the light theme's hex as an image with its text, for PDF; a line where none can be had."""
    if chart.empty:
        return format_html('<p class="muted">{}</p>', chart.empty)
    try:
        picture = chart_renderer.svg(painted(chart.wide))
    except chart_renderer.RendererDown:
        return SafeString('<p class="muted">The picture could not be drawn; the table has all its values.</p>')
    data = base64.b64encode(picture.encode()).decode()
    return format_html('<img class="chart-print" alt="{}" src="data:image/svg+xml;base64,{}">', chart.label, data)
