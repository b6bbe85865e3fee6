"""Endpoints of the practice itself, its clinics and its people. None of them touches a patient."""

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clinics
from accounts.changing import Changed
from accounts.models import Clinic, Membership, MembershipClinic, Practice, Therapist
from accounts.practice_settings import change_practice
from prm import clock
from prm.api.serializers import Query, StrictSerializer
from prm.api.views import ApiViewSet
from prm.audit.record import record

TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", "example": "08:00"}
INTERVAL = {"type": "array", "items": TIME, "minItems": 2, "maxItems": 2}
HOURS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {day: {"type": "array", "items": INTERVAL} for day in clock.WEEKDAYS},
}


class PracticeSerializer(StrictSerializer):
    """The practice."""

    id = serializers.CharField(source="public_id", help_text="The id that public addresses carry.")
    name = serializers.CharField()
    time_zone = serializers.CharField(help_text="IANA name, such as America/New_York.")
    languages = serializers.ListField(child=serializers.ChoiceField(["en", "es"]))
    phone = serializers.CharField(allow_blank=True, help_text="E.164, or empty.")
    postal_address = serializers.CharField(allow_blank=True)


class ZoneField(serializers.ChoiceField):
    """A time zone by its IANA name; people’s words for it are for pages."""

    expects = "an IANA name, such as America/New_York"

    def __init__(self, **options: Any) -> None:
        super().__init__(sorted(available_timezones()), help_text="IANA name, such as America/New_York.", **options)


class PracticeChange(StrictSerializer):
    """What a program may change of the practice."""

    name = serializers.CharField(max_length=120, required=False)
    time_zone = ZoneField(required=False)
    languages = serializers.ListField(
        child=serializers.ChoiceField(["en", "es"]), min_length=1, max_length=2, required=False
    )
    phone = serializers.CharField(max_length=40, allow_blank=True, required=False)
    postal_address = serializers.CharField(max_length=240, allow_blank=True, required=False)


class PracticeEndpoint(ApiViewSet):
    """The practice that the key belongs to."""

    scope = "practice"
    serializer_class = PracticeSerializer
    takes: ClassVar[dict[str, type[serializers.Serializer]]] = {"partial_update": PracticeChange}

    def get_queryset(self) -> QuerySet:
        """The one row."""
        return Practice.objects.filter(pk=self.request.auth.practice_id)

    def retrieve(self, request: Request) -> Response:
        """Read the practice. Name, address and time zone as Settings show them."""
        return self.answer(self.one())

    def partial_update(self, request: Request) -> Response:
        """Change the practice. Patients read the name and the address; fields that you leave out stay as they are."""
        practice, now = self.one(to_change=True), clock.now()
        done = change_practice(practice, by=None, now=now, version=practice.version, **self.valid(request))
        return self.answer(_told(request, done, "practice.changed"))


@extend_schema_field(HOURS)
class HoursField(serializers.DictField):
    """Opening hours: weekday to intervals of wall time in the clinic's zone."""

    expects = 'opening hours such as {"Mon": [["08:00", "12:00"], ["13:00", "17:00"]]}, days Mon to Sun'

    def __init__(self, **options: Any) -> None:
        interval = serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
        super().__init__(child=serializers.ListField(child=interval), **options)


class ClinicSerializer(StrictSerializer):
    """A clinic."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    message_name = serializers.CharField(
        allow_blank=True, help_text="Stands in messages, where the name would tell a diagnosis."
    )
    time_zone = serializers.CharField(help_text="IANA name, such as America/New_York.")
    phone = serializers.CharField(allow_blank=True, help_text="E.164, or empty.")
    address = serializers.CharField(allow_blank=True)
    hours = HoursField(help_text="Empty means Monday to Friday, 9:00 to 17:00.")
    holidays = serializers.ListField(child=serializers.DateField(), help_text="Closed days.")
    booking_url = serializers.CharField(allow_blank=True, help_text="Where patients book, or empty.")
    named = serializers.BooleanField(help_text="False for a placeholder: a feed told its id and nothing more.")
    closed_at = serializers.DateTimeField(allow_null=True, help_text="When it was closed for good, or null.")


class ClinicChange(StrictSerializer):
    """What a program may change of a clinic."""

    name = serializers.CharField(max_length=120, required=False)
    message_name = serializers.CharField(
        max_length=120, allow_blank=True, required=False,
        help_text="Stands in messages, where the name would tell a diagnosis.",
    )  # fmt: skip
    time_zone = ZoneField(required=False)
    phone = serializers.CharField(max_length=40, allow_blank=True, required=False)
    address = serializers.CharField(max_length=240, allow_blank=True, required=False)
    hours = HoursField(required=False, help_text="Wall time in the clinic’s zone; a day that is left out is closed.")
    holidays = serializers.ListField(
        child=serializers.DateField(), max_length=clinics.LONGEST_LIST, required=False, help_text="Closed days."
    )
    booking_url = serializers.CharField(
        max_length=200, allow_blank=True, required=False, help_text="Where patients book: https, or empty."
    )


class NewClinic(ClinicChange):
    """A clinic to open."""

    name = serializers.CharField(max_length=120)
    time_zone = ZoneField()


class ClinicQuery(Query):
    """Filters of the list of clinics."""

    named = serializers.BooleanField(required=False, help_text="false: the placeholders that feeds have made.")
    open = serializers.BooleanField(required=False, help_text="true: open clinics; false: those closed for good.")


class ClinicEndpoint(ApiViewSet):
    """The practice's clinics."""

    scope = "clinics"
    serializer_class = ClinicSerializer
    query_class = ClinicQuery
    takes: ClassVar[dict[str, type[serializers.Serializer]]] = {"create": NewClinic, "partial_update": ClinicChange}

    def get_queryset(self) -> QuerySet[Clinic]:
        """Every clinic, closed ones too."""
        return Clinic.objects.all()

    def filtered(self, rows: QuerySet) -> QuerySet:
        """By whether a feed made it, and by whether it is open."""
        if "named" in self.query:
            rows = rows.filter(named=self.query["named"])
        return rows.filter(closed_at__isnull=self.query["open"]) if "open" in self.query else rows

    def list(self, request: Request) -> Response:
        """List clinics. The oldest first, closed ones too."""
        return super().list(request)

    def create(self, request: Request) -> Response:
        """Open a clinic. It can be chosen at once; the answer’s Location is its address."""
        now = clock.now()
        clinic = clinics.create(by=None, now=now, **self.valid(request))
        record("clinic.created", now=now, request=request, object_id=clinic.pk, name=clinic.name)
        return self.answer(clinic, status=201, Location=reverse("api:clinics-detail", args=[clinic.pk]))

    def retrieve(self, request: Request, clinic_id: str) -> Response:
        """Read a clinic. Its ETag serves a later change."""
        return self.answer(self.one())

    def partial_update(self, request: Request, clinic_id: str) -> Response:
        """Change a clinic. Fields that you leave out stay; a placeholder that gets a name is none any more."""
        clinic, now = self.one(to_change=True), clock.now()
        done = clinics.change(clinic, by=None, now=now, version=clinic.version, **self.valid(request))
        return self.answer(_told(request, done, "clinic.changed"))

    @action(detail=True, methods=["put"])
    def closure(self, request: Request, clinic_id: str) -> Response:
        """Close a clinic for good. Its episodes and figures stay. 422 for the practice’s last open one."""
        done = clinics.close(self.one(to_change=True), by=None, now=clock.now())
        return self.answer(_told(request, done, "clinic.closed"))

    @closure.mapping.delete
    def reopening(self, request: Request, clinic_id: str) -> Response:
        """Open a closed clinic again. What was closed by mistake is as it was."""
        done = clinics.reopen(self.one(to_change=True), by=None, now=clock.now())
        return self.answer(_told(request, done, "clinic.reopened"))


def _told(request: Request, done: Changed, what: str) -> Any:
    """The changed row, audited where anything changed."""
    if done.fields:
        record(what, now=clock.now(), request=request, object_id=done.row.pk, changed=done.fields)
    return done.row


class TherapistSerializer(StrictSerializer):
    """A treating therapist."""

    id = serializers.UUIDField()
    first_name = serializers.CharField(allow_blank=True)
    last_name = serializers.CharField(allow_blank=True)
    credential = serializers.CharField(allow_blank=True, help_text="PT, PTA, OT, OTA, SLP, ATC, or empty.")
    npi = serializers.CharField(allow_blank=True, help_text="National Provider Identifier, or empty.")
    languages = serializers.ListField(child=serializers.CharField(), help_text="Codes of the languages spoken.")
    work_days = serializers.ListField(child=serializers.ChoiceField(clock.WEEKDAYS), help_text="Empty: not told.")
    named = serializers.BooleanField(help_text="False for a placeholder: a feed told an id and nothing more.")


class TherapistQuery(Query):
    """Filters of the list of therapists."""

    named = serializers.BooleanField(required=False, help_text="false: the placeholders that feeds have made.")


class TherapistEndpoint(ApiViewSet):
    """The practice's therapists, with or without a sign-in of their own."""

    scope = "staff"
    serializer_class = TherapistSerializer
    query_class = TherapistQuery

    def get_queryset(self) -> QuerySet[Therapist]:
        """Every therapist."""
        return Therapist.objects.all()

    def list(self, request: Request) -> Response:
        """List therapists. The oldest first, placeholders of feeds too."""
        return super().list(request)

    def retrieve(self, request: Request, therapist_id: str) -> Response:
        """Read a therapist."""
        return self.answer(self.one())


class MemberSerializer(StrictSerializer):
    """A person of the staff: what a colleague sees, nothing about the sign-in."""

    id = serializers.UUIDField()
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(Membership.Role.choices)
    clinics = serializers.SerializerMethodField(help_text="Ids of the clinics the person is limited to; empty: all.")
    therapist = serializers.UUIDField(source="therapist_id", allow_null=True, help_text="The therapist’s id, or null.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="When the person left, or null.")

    def get_clinics(self, member: Membership) -> list[str]:
        """The ids, in order."""
        return sorted(str(link.clinic_id) for link in member.clinic_links.all())


class MemberQuery(Query):
    """Filters of the list of staff."""

    role = serializers.ChoiceField(Membership.Role.choices, required=False)
    active = serializers.BooleanField(required=False, help_text="true: who works here now; false: who has left.")


class MemberEndpoint(ApiViewSet):
    """The people who sign in to the practice."""

    scope = "staff"
    serializer_class = MemberSerializer
    query_class = MemberQuery

    def get_queryset(self) -> QuerySet[Membership]:
        """Every membership with its person and clinics, in three statements."""
        links = Prefetch("clinic_links", MembershipClinic.objects.order_by("pk"))
        return Membership.objects.select_related("user").prefetch_related(links)

    def filtered(self, rows: QuerySet) -> QuerySet:
        """By role, and by whether they still work here."""
        if "role" in self.query:
            rows = rows.filter(role=self.query["role"])
        return rows.filter(ended_at__isnull=self.query["active"]) if "active" in self.query else rows

    def list(self, request: Request) -> Response:
        """List staff. The oldest membership first, those who have left too."""
        return super().list(request)

    def retrieve(self, request: Request, membership_id: str) -> Response:
        """Read a person of the staff."""
        return self.answer(self.one())
