"""Forms of people: inviting, access, leaving, absence, a therapist's profile, and joining."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from accounts import absence, joining, passwords, people, profiles
from accounts.models import Clinic, Invitation, Membership, Therapist, User
from accounts.role_words import ROLE_LINES


class AccessForm(forms.Form):
    """Role, clinics and profile, of what the actor may give."""

    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)
    clinics = forms.ModelMultipleChoiceField(
        None, label="Clinics", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Tick none for all clinics. Otherwise this person sees patients of the ticked ones only.",
    )  # fmt: skip
    therapist = forms.ModelChoiceField(
        None, label="Therapist profile", required=False, empty_label="None",
        help_text="Whose patients are this person’s own. Profiles that a colleague uses are not listed.",
    )  # fmt: skip

    def __init__(self, actor: Membership, *args: Any, member: Membership | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.actor = actor
        self.fields["role"].choices = [
            (role, f"{Membership.Role(role).label}. {ROLE_LINES[Membership.Role(role)]}")
            for role in people.roles_to_give(actor)
        ]
        clinics = people.clinics_to_give(actor, member)
        self.fields["clinics"].queryset = clinics
        self.fields["therapist"].queryset = free_profiles(member)
        if not people.within(actor, []):
            self.fields["clinics"].required = True
            self.fields["clinics"].help_text = "This person sees patients of the ticked clinics only."
            self.fields["clinics"].error_messages["required"] = "Tick at least one of your clinics."
        elif len(clinics) < 2:
            del self.fields["clinics"]


class InviteForm(AccessForm):
    """Whom to ask, and as what."""

    email = forms.EmailField(
        label="Work e-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    field_order = ("email", "role", "clinics", "therapist")

    def clean_email(self) -> str:
        """An address that is neither here nor asked already."""
        email = User.objects.normalise(self.cleaned_data["email"])
        if Membership.objects.filter(user__email=email, ended_at=None).exists():
            raise ValidationError("This person works here already. Change the role on their own page.")
        if Invitation.objects.filter(email=email, state=Invitation.State.OPEN).exists():
            raise ValidationError("This address is invited already. Send the link again in the list.")
        return email


class DepartureForm(forms.Form):
    """Who gets the open work of a member who leaves."""

    cover = forms.ModelChoiceField(None, label="Open work goes to", required=False, empty_label="The clinic’s queue")

    def __init__(self, member: Membership, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["cover"].queryset = absence.possible_covers(member)
        self.fields["cover"].label_from_instance = named


class AbsenceForm(forms.Form):
    """From when to when, and who covers."""

    starts_on = forms.DateField(label="First day away", widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(label="Last day away", widget=forms.DateInput(attrs={"type": "date"}))
    cover = forms.ModelChoiceField(
        None, label="Who covers", required=False, empty_label="Nobody: the clinic’s queue",
        help_text="New and open work goes there. A cover who is away, too, passes on to their own cover.",
    )  # fmt: skip

    def __init__(self, member: Membership, today: Any, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        self.fields["cover"].queryset = absence.possible_covers(member)
        self.fields["cover"].label_from_instance = named

    def clean_ends_on(self) -> Any:
        """Not before the first day, and not over already."""
        ends, starts = self.cleaned_data["ends_on"], self.cleaned_data.get("starts_on")
        if starts and ends < starts:
            raise ValidationError("The last day is before the first. Give the same day twice for one day.")
        if ends < self.today:
            raise ValidationError("This day is over. An absence can be planned from today on.")
        return ends


class TherapistForm(forms.ModelForm):
    """A profile; saving gives a placeholder its name."""

    licence_state = forms.ChoiceField(
        label="State of the license", required=False, choices=[("", "None"), *profiles.STATES.items()]
    )
    languages = forms.MultipleChoiceField(
        label="Languages", required=False, choices=list(profiles.LANGUAGES.items()), widget=forms.CheckboxSelectMultiple
    )
    supervisor = forms.ModelChoiceField(
        None, label="Supervised by", required=False, empty_label="Nobody",
        help_text="For assistants: the therapist who signs.",
    )  # fmt: skip
    work_days = forms.MultipleChoiceField(
        label="Work days", required=False, choices=list(profiles.DAYS.items()), widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Therapist
        fields = (
            "first_name", "last_name", "credential", "npi", "licence_number", "licence_state", "languages", "work_days",
        )  # fmt: skip
        labels = {
            "first_name": "First name", "last_name": "Last name", "credential": "Credential", "npi": "NPI",
            "licence_number": "License number",
        }  # fmt: skip
        help_texts = {"npi": "10 digits of the person, not of the practice."}

    field_order = (
        "first_name", "last_name", "credential", "npi", "licence_number", "licence_state", "supervisor", "languages",
        "work_days",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["first_name"].required = self.fields["last_name"].required = True
        self.fields["credential"].choices = [("", "None"), *Therapist.Credential.choices]
        self.fields["npi"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "off"}
        others = Therapist.objects.filter(named=True).exclude(pk=self.instance.pk).order_by("last_name", "first_name")
        self.fields["supervisor"].queryset = others
        self.initial.setdefault("supervisor", self.instance.supervisor_id)

    def clean_npi(self) -> str:
        """Nobody else's: one number is one person."""
        number = self.cleaned_data["npi"]
        other = Therapist.objects.filter(npi=number).exclude(pk=self.instance.pk).first() if number else None
        if other:
            raise ValidationError(f"{other} has this NPI. Compare both with the NPI registry.")
        return number

    def clean(self) -> dict[str, Any]:
        """A license is a number in a state. The key is set here: Django's own field would ask before a practice is."""
        given = super().clean() or self.cleaned_data
        self.instance.supervisor = given.get("supervisor")
        if given.get("licence_number") and not given.get("licence_state"):
            self.add_error("licence_state", "Choose the state that gave the license.")
        return given


class JoinTherapistForm(forms.Form):
    """Who the therapist of whom a feed knows only an id really is."""

    into = forms.ModelChoiceField(None, label="Therapist", empty_label="Choose")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["into"].queryset = joining.choices()


class JoinForm(forms.Form):
    """Name and password of a person who has no account yet."""

    name = forms.CharField(
        label="Your name", max_length=120, help_text="As colleagues know you.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    password = forms.CharField(
        label="Password", strip=False, max_length=1024, help_text="At least 12 characters; a few words are best.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, email: str, practice_name: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email, self.practice_name = email, practice_name

    def clean(self) -> dict[str, Any]:
        """A password that a stranger would not guess from name, address and practice."""
        given = super().clean() or self.cleaned_data
        if "password" in given:
            try:
                person = User(email=self.email, name=given.get("name", ""))
                passwords.check(given["password"], person, words=[self.practice_name])
            except ValidationError as problem:
                self.add_error("password", problem)
        return given


def free_profiles(member: Membership | None = None) -> QuerySet[Therapist]:
    """Profiles that no other member uses."""
    taken = Membership.objects.filter(ended_at=None, therapist__isnull=False).values("therapist")
    own = Q(pk=member.therapist_id) if member else Q()
    free = Therapist.objects.filter(Q(named=True)).exclude(pk__in=taken)
    return (free | Therapist.objects.filter(own) if member and member.therapist_id else free).order_by(
        "last_name", "first_name", "pk"
    )


def named(member: Membership) -> str:
    """“Dana Kowalski (Front desk)”."""
    return f"{member.user.name} ({member.get_role_display()})"


def ticked(clinics: Collection[Clinic]) -> list[Clinic]:
    """What a form without the field, or with none ticked, means: all clinics, an empty limit."""
    return list(clinics or ())
