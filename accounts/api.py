"""Endpoints of the practice itself, its clinics and its people. None of them touches a patient."""

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Clinic, Membership, MembershipClinic, Practice, Therapist
from prm.api.serializers import Query, StrictSerializer
from prm.api.views import ApiViewSet


class PracticeSerializer(StrictSerializer):
    """The practice."""

    id = serializers.CharField(source="public_id", help_text="The id that public addresses carry.")
    name = serializers.CharField()
    time_zone = serializers.CharField(help_text="IANA name, such as America/New_York.")
    languages = serializers.ListField(child=serializers.ChoiceField(["en", "es"]))
    phone = serializers.CharField(help_text="E.164, or empty.")
    postal_address = serializers.CharField()


class PracticeEndpoint(ApiViewSet):
    """The practice that the key belongs to."""

    scope = "practice"
    serializer_class = PracticeSerializer

    def get_queryset(self) -> QuerySet:
        """The one row."""
        return Practice.objects.filter(pk=self.request.auth.practice_id)

    def one(self, *, to_change: bool = False) -> Practice:
        """The practice itself; its address has no id."""
        found = self.get_queryset().get()
        if to_change:
            self.check_unchanged(found)
        return found

    def retrieve(self, request: Request) -> Response:
        """The practice. Name, address and time zone as Settings show them."""
        return self.answer(self.one())


class HoursField(serializers.DictField):
    """Opening hours: weekday to intervals of wall time in the clinic's zone."""

    expects = 'opening hours such as {"Mon": [["08:00", "12:00"], ["13:00", "17:00"]]}, days Mon to Sun'

    def __init__(self, **options: object) -> None:
        interval = serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
        super().__init__(child=serializers.ListField(child=interval), **options)


class ClinicSerializer(StrictSerializer):
    """A clinic."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    message_name = serializers.CharField(help_text="Stands in messages, where the name would tell a diagnosis.")
    time_zone = serializers.CharField(help_text="IANA name, such as America/New_York.")
    phone = serializers.CharField(help_text="E.164, or empty.")
    address = serializers.CharField()
    hours = HoursField(help_text="Empty means Monday to Friday, 9:00 to 17:00.")
    holidays = serializers.ListField(child=serializers.DateField(), help_text="Closed days.")
    booking_url = serializers.CharField(help_text="Where patients book, or empty.")
    named = serializers.BooleanField(help_text="False for a placeholder: a feed told its id and nothing more.")


class ClinicQuery(Query):
    """Filters of the list of clinics."""

    named = serializers.BooleanField(required=False, help_text="false: the placeholders that feeds have made.")


class ClinicEndpoint(ApiViewSet):
    """The practice's clinics."""

    scope = "clinics"
    serializer_class = ClinicSerializer
    query_class = ClinicQuery
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Clinic]:
        """Every clinic."""
        return Clinic.objects.all()

    def list(self, request: Request) -> Response:
        """The clinics, the oldest first."""
        return super().list(request)

    def retrieve(self, request: Request, clinic_id: str) -> Response:
        """One clinic. The ETag serves a later change."""
        return self.answer(self.one())


class TherapistSerializer(StrictSerializer):
    """A treating therapist."""

    id = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    credential = serializers.CharField(help_text="PT, PTA, OT, OTA, SLP, ATC, or empty.")
    npi = serializers.CharField(help_text="National Provider Identifier, or empty.")
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
        """The therapists, the oldest first."""
        return super().list(request)

    def retrieve(self, request: Request, therapist_id: str) -> Response:
        """One therapist."""
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
        """The staff, the oldest membership first."""
        return super().list(request)

    def retrieve(self, request: Request, membership_id: str) -> Response:
        """One person of the staff."""
        return self.answer(self.one())
