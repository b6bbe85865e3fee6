"""`manage.py create_practice`: idempotent, clear about what is wrong, an owner who can sign in."""

import base64
import json
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts import agreements
from accounts.models import RESERVED_WORDS, Agreement, Clinic, Membership, Practice, TotpDevice, User
from prm.tenancy import use_practice

pytestmark = pytest.mark.django_db
GIVEN = {"slug": "harbor-pt", "name": "Harbor PT", "zone": "America/Chicago"}


def create(**options) -> dict:
    out = StringIO()
    call_command("create_practice", **{**GIVEN, **options}, json=True, stdout=out)
    return json.loads(out.getvalue())


def test_a_practice_has_one_clinic_of_its_name_and_zone():
    told = create()

    practice = Practice.objects.get()
    with use_practice(practice.pk):
        clinics = list(Clinic.objects.values_list("pk", "name", "time_zone"))
    assert [(str(pk), name, zone) for pk, name, zone in clinics] == [(told["clinic"], "Harbor PT", "America/Chicago")]
    assert told == {
        "slug": "harbor-pt", "id": str(practice.pk), "public_id": practice.public_id, "name": "Harbor PT",
        "zone": "America/Chicago", "clinic": told["clinic"], "created": True, "owner": None, "agreement": "",
    }  # fmt: skip


def test_the_second_time_changes_nothing_and_shows_no_password():
    first, second = create(owner="Dana@Example.com"), create(owner="dana@example.com")

    assert (second["created"], second["owner"], second["id"]) == (False, None, first["id"])
    assert (Practice.objects.count(), User.objects.count(), TotpDevice.objects.count()) == (1, 1, 1)
    with use_practice(first["id"]):
        assert (Clinic.objects.count(), Membership.objects.count()) == (1, 1)


def test_a_new_owner_can_sign_in_with_what_is_printed(client):
    told = create(owner="dana@example.com")["owner"]

    user = authenticate(username=told["email"], password=told["password"])
    device = TotpDevice.objects.get(user=user)
    uri = urlsplit(told["otpauth"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/PRM%3Adana%40example.com")
    secret = parse_qs(uri.query)["secret"][0]
    assert base64.b32decode(secret + "=" * (-len(secret) % 8)) == device.key
    assert len(told["password"]) >= 12


def test_an_existing_user_keeps_his_password():
    User.objects.create_user("dana@example.com", "Dana", "kept as it was here")
    assert create(owner="dana@example.com")["owner"] is None
    assert authenticate(username="dana@example.com", password="kept as it was here")


@pytest.mark.parametrize("word", sorted(RESERVED_WORDS))
def test_words_of_our_own_addresses_are_refused(word):
    with pytest.raises(CommandError, match=r"--slug: .*word of our own addresses") as problem:
        create(slug=word)
    assert problem.value.returncode == 2
    assert not Practice.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"slug": "Har bor"}, "--slug: Enter a valid"),
        ({"zone": "Boston"}, "--zone: “Boston” is not a time zone"),
        ({"name": ""}, "--name: Enter the name of the practice"),
        ({"name": " \u200d\n"}, "--name: Enter the name of the practice"),
        ({"name": "Harbor\x1b[31m"}, r"--name: Leave out the character U\+001B, which cannot be seen"),
        ({"owner": "dana"}, "--owner: Enter a valid email address"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(wrong, told):
    with pytest.raises(CommandError, match=told):
        create(**wrong)
    assert not Practice.objects.exists()


def test_a_line_break_in_a_name_is_a_space(client):
    first, second = create(name="Harbor\r\nBcc: a@b.example "), create(name="Harbor Bcc:\ta@b.example")
    assert (first["name"], second["id"]) == ("Harbor Bcc: a@b.example", first["id"])


def test_a_slug_is_not_given_to_a_second_practice():
    create()
    with pytest.raises(CommandError, match="--slug: “harbor-pt” is the practice “Harbor PT” in America/Chicago"):
        create(name="Other PT")


def test_a_person_with_another_role_is_not_made_an_owner_on_the_side():
    told = create()
    user = User.objects.create_user("dana@example.com", "Dana", "kept as it was here")
    with use_practice(told["id"]):
        Membership.objects.create(user=user, role=Membership.Role.THERAPIST)
    with pytest.raises(CommandError, match=r"--owner: dana@example\.com is already “Therapist”"):
        create(owner="dana@example.com")


def test_without_json_the_way_in_is_shown_in_words():
    out = StringIO()
    call_command("create_practice", **GIVEN, owner="dana@example.com", stdout=out)
    assert out.getvalue().startswith("Created Harbor PT (/harbor-pt/), America/Chicago.\n")
    assert "otpauth://totp/PRM%3Adana%40example.com?secret=" in out.getvalue()


def test_a_signed_agreement_is_recorded_with_its_signatory_once():
    told = [create(agreement_signatory="Dana Kim") for _ in range(2)]

    assert {one["agreement"] for one in told} == {agreements.CURRENT}
    with use_practice(told[0]["id"]):
        assert [(a.party, a.signatory, a.version) for a in Agreement.objects.all()] == [
            ("operator", "Dana Kim", agreements.CURRENT)
        ]
