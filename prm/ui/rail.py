"""The plan rail: one mark per planned visit of an episode (ui.md section 1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

ATTENDED, MISSED, BOOKED, LEFT = "v", "m", "b", "o"
MARK_OF_STATUS = {
    "completed": ATTENDED,
    "arrived": ATTENDED,
    "booked": BOOKED,
    "no_show": MISSED,
    "cancelled": MISSED,
}
MOST_SINGLE_MARKS = 24  # a longer plan shows one mark per two visits


@dataclass(frozen=True, slots=True)
class Rail:
    """What to draw (`marks`, one letter each) and what it says to those who cannot see it (`label`)."""

    marks: str
    label: str


def marks(planned: int | None, visits: Iterable[str], *, for_patient: bool = False) -> Rail:
    """The rail of an episode with `planned` visits (None: not known) and the statuses of its `visits`, oldest first.

    A missed or cancelled visit takes a mark of its own; what remains of the plan is left. Without a plan only attended
    and booked visits show. The patient's own rail never shows misses. ValueError names a status that is no visit's.
    """
    kinds = [_mark(status) for status in visits]
    if planned is None or for_patient:
        kinds = [kind for kind in kinds if kind != MISSED]
    left = max(0, (planned or 0) - len(kinds))
    drawn = "".join(kinds) + LEFT * left
    label = _label(drawn, planned)
    if planned is not None and planned > MOST_SINGLE_MARKS:
        drawn = "".join(_pair(drawn[at : at + 2]) for at in range(0, len(drawn), 2))
        label += ". " + _("Each mark stands for 2 visits")
    return Rail(drawn, label)


def _mark(status: str) -> str:
    try:
        return MARK_OF_STATUS[status]
    except KeyError:
        raise ValueError(f"visit status {status!r}: expected one of {', '.join(MARK_OF_STATUS)}") from None


def _pair(two: str) -> str:
    """A pair shows its gravest fact, so that no miss disappears in a long plan."""
    return next(kind for kind in (MISSED, ATTENDED, BOOKED, LEFT) if kind in two)


def _label(drawn: str, planned: int | None) -> str:
    attended, missed, booked = (drawn.count(kind) for kind in (ATTENDED, MISSED, BOOKED))
    if planned is None:
        parts = [ngettext("%(n)d visit attended", "%(n)d visits attended", attended) % {"n": attended}]
    else:
        parts = [_("%(n)d of %(planned)d visits attended") % {"n": attended, "planned": planned}]
    if missed:
        parts.append(_("%(n)d missed") % {"n": missed})
    if booked:
        parts.append(_("%(n)d booked") % {"n": booked})
    return ", ".join(parts)
