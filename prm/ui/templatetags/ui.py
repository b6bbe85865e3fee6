"""Template tags and filters of every page: icons, rail, heat strip, marks, and the words of numbers and dates."""

import math
import secrets
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import lucide
from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from prm.ui import fonts, rail, words

register = template.Library()

ONCE = "once"  # the field of `{% once %}`

for name, function in {
    "count": words.count,
    "short_count": words.short_count,
    "signed": words.signed,
    "percent": words.percent,
    "money": words.money,
    "day": words.day,
    "time_of_day": words.time_of_day,
    "moment": words.moment,
    "long_day": words.long_day,
    "long_moment": words.long_moment,
    "duration": words.duration,
    "phone_text": words.phone,
    "initials": words.initials,
}.items():

    def _filter(value: Any, function: Any = function) -> str:
        return "" if value is None or value == "" else function(value)

    register.filter(name, _filter)


@lru_cache(maxsize=512)
def _svg(name: str, size: int, classes: str) -> SafeString:
    attributes = {"class": f"icon {classes}".strip(), "aria-hidden": "true", "focusable": "false"}
    return mark_safe(lucide._render_icon(name, size, **attributes))  # noqa: S308 -- the package's own file


@register.simple_tag
def icon(name: str, size: int = 18, classes: str = "") -> SafeString:
    """A Lucide icon, hidden from screen readers: the words beside it carry the meaning. IconDoesNotExist for a typo."""
    return _svg(name, size, classes)


@register.simple_tag
def once() -> SafeString:
    """The token of a form that creates something: sent twice, it acts once (`accounts.once`). Beside the CSRF token.

    Browsers that restore what was typed leave it alone (`autocomplete`).
    """
    return format_html('<input type="hidden" name="{}" value="{}" autocomplete="off">', ONCE, secrets.token_urlsafe(16))


@register.simple_tag
def logo_path(practice: Any) -> str:
    """The address of a practice's logo, the same for everybody."""
    return reverse("logo", kwargs={"media_practice": practice.public_id, "digest": practice.logo})


@register.simple_tag
def practice_mark(practice: Any, size: int = 16, for_patient: bool = False) -> SafeString:
    """The practice's mark beside its name: its logo, else its icon; patients see the icon on the practice's colour."""
    if practice and practice.logo:
        classes = "logo" if for_patient else "mark logo"
        return format_html('<img class="{}" src="{}" alt="">', classes, logo_path(practice))
    drawn = icon((practice and practice.icon) or "waypoints", size)
    if not practice or not for_patient:
        return format_html('<span class="mark">{}</span>', drawn)
    ground = format_html('<rect width="100%" height="100%" fill="{}"/>', practice.brand_colour)
    return format_html(
        '<span class="mark own"><svg aria-hidden="true" focusable="false">{}</svg>{}</span>', ground, drawn
    )


@register.simple_tag(name="rail")
def plan_rail(episode: Any, size: int = 8, gap: int = 4, for_patient: bool = False) -> SafeString:
    """The plan rail of an episode, `size` and `gap` in px.

    Reads `episode.planned_visits` and the statuses of `episode.visits` in order of start: prefetch them for a list.
    """
    visits = sorted((visit for visit in episode.visits.all() if not visit.hidden), key=lambda visit: visit.starts_at)
    drawn = rail.marks(episode.planned_visits, [visit.status for visit in visits], for_patient=for_patient)
    return draw_rail(drawn, size, gap)


@register.simple_tag
def draw_rail(drawn: rail.Rail, size: int = 8, gap: int = 4) -> SafeString:
    """A rail that is already computed, as SVG without inline style."""
    step, radius = size + gap, size / 2
    shapes = [_mark(kind, at * step + radius + 1, radius + 1, radius) for at, kind in enumerate(drawn.marks)]
    width, height = max(len(drawn.marks) * step - gap, 0) + 2, size + 2
    return format_html(
        '<svg class="rail" role="img" aria-label="{}" width="{w}" height="{h}" viewBox="0 0 {w} {h}">{}</svg>',
        drawn.label,
        format_html_join("", "{}", ((shape,) for shape in shapes)),
        w=width,
        h=height,
    )


@register.simple_tag
def whole_rail(planned: int, size: int = 8, gap: int = 4) -> SafeString:
    """The rail of a plan of `planned` visits, all of them attended: what the product is for."""
    return draw_rail(rail.marks(planned, ["completed"] * planned), size, gap)


def _mark(kind: str, x: float, y: float, radius: float) -> SafeString:
    if kind == rail.MISSED:
        ringed = radius > 4  # a small rail shows the bare cross: a ring round it would only be noise
        reach = radius * (0.38 if ringed else 0.72)
        ring = format_html('<circle class="m" cx="{}" cy="{}" r="{}"/>', x, y, radius - 0.5) if ringed else ""
        arm = 2 * reach
        path = (
            f"M{x - reach:.2f} {y - reach:.2f}l{arm:.2f} {arm:.2f}M{x + reach:.2f} {y - reach:.2f}l{-arm:.2f} {arm:.2f}"
        )
        return format_html('{}<path class="x" d="{}"/>', ring, path)
    shown = {rail.LEFT: radius * 0.42, rail.BOOKED: radius - 0.5}.get(kind, radius)
    return format_html('<circle class="{}" cx="{}" cy="{}" r="{}"/>', kind, x, y, f"{shown:.2f}")


@register.simple_tag
def heat(days: Iterable[str], cell: int = 14, gap: int = 3, rows: int = 1) -> SafeString:
    """Heat strip of exercise days: a digit 0-4 a day, `r` a rest day; `rows`=7 lays weeks out as columns."""
    cells = list(days)
    shapes = []
    for at, level in enumerate(cells):
        inset = 0.5 if level == "r" else 0
        x, y = (at // rows) * (cell + gap) + inset, (at % rows) * (cell + gap) + inset
        shapes.append(("rest" if level == "r" else f"h{level}", x, y, cell - 2 * inset, cell - 2 * inset))
    done, planned = sum(level in "1234" for level in cells), sum(level != "r" for level in cells)
    width, height = max(math.ceil(len(cells) / rows) * (cell + gap) - gap, 0), rows * (cell + gap) - gap
    return format_html(
        '<svg class="heat" role="img" aria-label="{}" width="{w}" height="{h}" viewBox="0 0 {w} {h}">{}</svg>',
        _("Exercises done on %(done)d of %(planned)d planned days") % {"done": done, "planned": planned},
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="3"/>', shapes),
        w=width,
        h=height,
    )


@register.simple_tag
def meter(value: int, top: int, label: str, tone: str = "p", width: int = 272, height: int = 6) -> SafeString:
    """A bar on a track: `value` of `top`, said by `label`. `tone` is a chart class: p, s, d or q."""
    filled = 0 if not top or not value else max(height, min(value / top, 1) * width)
    return format_html(
        '<svg class="chart meter" role="img" aria-label="{}" preserveAspectRatio="none" viewBox="0 0 {w} {h}"'
        ' width="{w}" height="{h}">'
        '<rect class="z" width="{w}" height="{h}" rx="{r}"/><rect class="{}" width="{}" height="{h}" rx="{r}"/></svg>',
        label,
        tone,
        f"{filled:.1f}",
        w=width,
        h=height,
        r=height / 2,
    )


def bucket_of(value: int) -> str:
    """The NPS bucket of a score from 0 to 10; ValueError for anything else."""
    if not 0 <= value <= 10:
        raise ValueError(f"score {value!r}: expected 0 to 10")
    return "detractor" if value <= 6 else "passive" if value <= 8 else "promoter"


@register.simple_tag
def score(value: int | None, size: str = "") -> SafeString:
    """An NPS score in its bucket's colour, with the bucket for screen readers; none for None; `size` may be "big"."""
    if value is None:
        return SafeString()
    bucket = bucket_of(value)
    said = {"detractor": _("detractor"), "passive": _("passive"), "promoter": _("promoter")}[bucket]
    return format_html(
        '<span class="score {}" data-bucket="{}"><span class="sr">{} </span>{}<span class="sr">, {}</span></span>',
        size,
        bucket,
        _("Score"),
        value,
        said,
    )


@register.simple_tag
def avatar(name: str, kind: str = "") -> SafeString:
    """The initials of a person, decoration beside the written name; `kind` may be "staff", "big" or both."""
    return format_html('<span class="avatar {}" aria-hidden="true">{}</span>', kind, words.initials(str(name)))


@register.simple_tag
def badge(text: str, tone: str = "", icon_name: str = "") -> SafeString:
    """A word in a pill; `tone` is good, warn, bad or note, never the only carrier of meaning."""
    return format_html(
        '<span class="badge"{}>{}{}</span>',
        format_html(' data-tone="{}"', tone) if tone else "",
        icon(icon_name, 12) if icon_name else "",
        text,
    )


@register.simple_tag
def ago(value: datetime | None, classes: str = "") -> SafeString:
    """A `<time>`: relative within 24 hours, else day and time; the full moment in its title. Nothing for None."""
    if value is None:
        return SafeString()
    return format_html(
        '<time class="{}" datetime="{}" title="{}">{}</time>',
        classes,
        value.isoformat(),
        words.moment(value),
        words.ago(value),
    )


@register.simple_tag
def when(value: date | None, style: str = "moment", classes: str = "") -> SafeString:
    """A `<time>` in a fixed style: moment, day, time_of_day, long_day or long_moment. Nothing for None."""
    if value is None:
        return SafeString()
    text = {
        "moment": words.moment,
        "day": words.day,
        "time_of_day": words.time_of_day,
        "long_day": words.long_day,
        "long_moment": words.long_moment,
    }[style](value)
    return format_html('<time class="{}" datetime="{}">{}</time>', classes, value.isoformat(), text)


@register.filter
def in_words(value: object) -> str:
    """A value of a record as a person reads it: days and moments in words, nothing for None."""
    return words.in_words(value)


@register.filter
def phone(e164: str | None) -> SafeString:
    """A phone number as a link that dials it."""
    if not e164:
        return SafeString()
    return format_html('<a href="tel:{}">{}</a>', e164, words.phone(e164))


@register.simple_tag
def fonts_built() -> bool:
    """Whether the web fonts are there to be preloaded (prm.ui.fonts)."""
    return fonts.built()


@register.inclusion_tag("parts/error_summary.html")
def error_summary(*forms: Any) -> dict[str, Any]:
    """What is wrong in these forms, with links to the fields; empty while nothing is."""
    problems = []
    for form in forms:
        problems += [("", text) for text in form.non_field_errors()]
        problems += [(field.first_id, text) for field in form for text in field.problems]
    return {"problems": problems}


@register.simple_tag(takes_context=True)
def page_link(context: template.Context, **changes: str) -> str:
    """The query of this page with `changes`; an empty value drops its name. A new sort or filter drops the cursor."""
    query = context["request"].GET.copy()
    if "after" not in changes:
        query.pop("after", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"


@register.inclusion_tag("parts/sort_header.html", takes_context=True)
def sort_header(context: template.Context, name: str, label: str, numeric: bool = False) -> dict[str, Any]:
    """The head of a column that sorts by `name`: a link that turns the order round. Reads `sort` from the context."""
    sort = context.get("sort", "")
    direction = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
    following = f"-{name}" if direction == "ascending" else name
    return {"label": label, "numeric": numeric, "direction": direction, "url": page_link(context, sort=following)}


@register.inclusion_tag("parts/nps_scale.html")
def nps_scale(name: str = "score", chosen: int | str | None = None, error_id: str = "") -> dict[str, Any]:
    """The scale 0 to 10 as radio buttons, without colour: a red-to-green scale leads the answer. Stands in a fieldset.

    Nothing is preselected but `chosen`, the score that a person clicked in the e-mail or sent before.
    """
    picked = int(chosen) if str(chosen).isdigit() else None
    return {"name": name, "choices": range(11), "chosen": picked, "error_id": error_id}
