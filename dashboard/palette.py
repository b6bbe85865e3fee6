"""What Ctrl-K finds: patients of the reader's sight, and pages that he may open (ui.md section 5)."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from accounts.access import may
from accounts.models import Membership
from patients import search
from patients.models import Patient
from prm.audit.models import AuditEvent
from prm.ui import navigation, settings_pages, words

PATIENTS_SHOWN, PAGES_SHOWN, RECENT_SHOWN = 8, 8, 5
READS_LOOKED_AT = 40  # of one's own, newest first, for the patients seen lately
FEWEST_LETTERS = 2  # before patients are looked for


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to go to; `hint` tells it from others of the same name."""

    label: str
    hint: str
    icon: str
    url: str


def pages(request: HttpRequest, text: str) -> list[Entry]:
    """The pages whose words hold all that was typed: those of the side bar, then of Settings. No statement."""
    slug = request.practice.slug  # type: ignore[attr-defined]
    found = [Entry(link.label, "", link.icon, link.url) for link in navigation.pages_for(request)]
    for group, links in settings_pages.pages_for(request).items():
        found += [Entry(str(link.label), f"Settings, {group}", link.icon, link.url) for link in links]
    found.append(Entry("Keyboard shortcuts", "", "keyboard", reverse("keyboard", args=[slug])))
    wanted = text.casefold().split()
    return [one for one in found if all(word in f"{one.label} {one.hint}".casefold() for word in wanted)][:PAGES_SHOWN]


def patients(member: Membership, text: str) -> list[Patient]:
    """The best matches by name, phone, birth date or id; none for less than two letters."""
    if len(text) < FEWEST_LETTERS or not may(member, "patients.view"):
        return []
    return search.first_few(text, member, most=PATIENTS_SHOWN)


def recent(member: Membership) -> list[Patient]:
    """The patients whom the member read last and still sees, newest first: from the record of reads, nowhere else."""
    if not may(member, "patients.view"):
        return []
    reads = AuditEvent.objects.filter(actor_id=member.user_id, action="patient.read", patient_id__isnull=False)
    ids: list[UUID] = list(dict.fromkeys(reads.order_by("-at").values_list("patient_id", flat=True)[:READS_LOOKED_AT]))
    seen = (
        Patient.objects.visible_to(member).filter(merged_into=None, archived_at=None).in_bulk(ids[: 2 * RECENT_SHOWN])
    )
    return [seen[one] for one in ids if one in seen][:RECENT_SHOWN]


def entry(request: HttpRequest, patient: Patient) -> Entry:
    """A patient as the palette shows him."""
    born = (
        f"born {patient.birth_date:%b} {patient.birth_date.day}, {patient.birth_date.year}"
        if patient.birth_date
        else ""
    )
    hint = " · ".join(part for part in (born, words.phone(patient.phone) if patient.phone else "") if part)
    url = reverse("patient", args=[request.practice.slug, patient.pk])  # type: ignore[attr-defined]
    return Entry(str(patient), hint, "user-round", url)
