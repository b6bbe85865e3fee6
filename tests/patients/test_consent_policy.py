"""Choosing a consent policy: the page and the command; what it does to those who are here already."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from patients import consent
from patients.models import Consent, ConsentPolicy
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, staff_client
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db
PATH = "/harbor/settings/consent/"
WORDS = "We text this number about your visits."


@pytest.fixture
def harbor():
    return PracticeFactory(slug="harbor")


def policies(practice) -> list[tuple[str, str, int]]:
    with use_practice(practice.pk):
        return list(ConsentPolicy.objects.order_by("created_at").values_list("channel", "rule", "version"))


def ledger(practice) -> list[tuple[str, bool, str]]:
    with use_practice(practice.pk):
        return list(Consent.objects.order_by("at", "id").values_list("channel", "granted", "evidence"))


def test_nothing_is_chosen_until_somebody_does(harbor):
    page = staff_client(harbor).get(PATH)
    assert [panel["current"] for panel in page.context["panels"]] == [None, None]
    assert policies(harbor) == []


def test_an_owner_chooses_and_the_page_says_who_and_when(harbor):
    client = staff_client(harbor)
    assert client.post(PATH, {"channel": "email", "email-rule": "on_arrival"}).url == PATH
    assert policies(harbor) == [("email", "on_arrival", 1)]
    assert "Version 1, chosen" in client.get(PATH).content.decode()
    with use_practice(harbor.pk):
        [event] = AuditEvent.objects.all()
        assert (event.action, event.facts["rule"]) == ("consent_policy.chosen", "on_arrival")


def test_patients_here_already_get_it_only_where_that_is_ticked(harbor):
    with use_practice(harbor.pk):
        PatientFactory.create_batch(2)
        refusing = PatientFactory()
        consent.state(refusing, "email", "care", granted=False, how="patient", now=clock.now())
        PatientFactory(email="")
        PatientFactory(deceased_at=clock.now())
    client = staff_client(harbor)
    label = client.get(PATH).context["panels"][0]["form"].fields["also_here"].label
    assert label == "Also for the 2 patients who are here already"

    client.post(PATH, {"channel": "email", "email-rule": "on_arrival"})
    assert len(ledger(harbor)) == 1
    client.post(PATH, {"channel": "email", "email-rule": "on_arrival", "email-also_here": "on"})

    assert ledger(harbor)[1:] == [("email", True, "policy version 1, backfill")] * 2
    assert policies(harbor) == [("email", "on_arrival", 1)]


def test_turning_it_off_takes_back_what_it_gave_and_nothing_else(harbor):
    with use_practice(harbor.pk):
        spoken, arrived = PatientFactory(), PatientFactory()
        consent.choose_policy("email", "care", "on_arrival", by=None, now=clock.now())
        consent.arrive([spoken, arrived], now=clock.now())
        consent.state(spoken, "email", "care", granted=True, how="staff", now=clock.now())
    client = staff_client(harbor)
    client.post(PATH, {"channel": "email", "email-rule": "recorded_only"})
    with use_practice(harbor.pk):
        assert consent.allowed([spoken.pk, arrived.pk], "email", "care", "") == {spoken.pk}


@pytest.mark.parametrize(
    ("sent", "field"),
    [({"sms-form_says_so": "on"}, "wording"), ({"sms-wording": WORDS}, "form_says_so")],
)
def test_texts_need_the_words_of_the_intake_form_and_a_tick(harbor, sent, field):
    client = staff_client(harbor)
    answer = client.post(PATH, {"channel": "sms", "sms-rule": "on_arrival", **sent})
    assert answer.status_code == 422
    assert set(answer.context["panels"][1]["form"].errors) == {field}
    assert policies(harbor) == []


def test_the_words_of_the_intake_form_are_kept(harbor):
    client = staff_client(harbor)
    client.post(PATH, {"channel": "sms", "sms-rule": "on_arrival", "sms-wording": WORDS, "sms-form_says_so": "on"})
    with use_practice(harbor.pk):
        assert ConsentPolicy.objects.get().wording == WORDS


@pytest.mark.parametrize("role", ["therapist", "front_desk", "read_only"])
def test_others_may_not_choose(harbor, role):
    client = staff_client(harbor, role)
    assert client.post(PATH, {"channel": "email", "email-rule": "on_arrival"}).status_code == 403
    assert policies(harbor) == []


def run(**options) -> dict:
    out = StringIO()
    call_command("consent_policy", **{"practice": "harbor", "channel": "email", **options}, json=True, stdout=out)
    return json.loads(out.getvalue())


def test_the_command_does_the_same_and_says_how_many_wait(harbor):
    with use_practice(harbor.pk):
        PatientFactory.create_batch(3)
    assert run(rule="on_arrival") == {
        "channel": "email", "purpose": "care", "rule": "on_arrival", "version": 1, "granted": 0, "revoked": 0,
        "waiting": 3,
    }  # fmt: skip
    told = run(rule="on_arrival", also_here=True)
    assert (told["version"], told["granted"], told["waiting"]) == (1, 3, 0)
    told = run(rule="recorded_only")
    assert (told["version"], told["revoked"]) == (2, 3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"practice": "elsewhere", "rule": "on_arrival"}, "--practice: there is no “elsewhere”"),
        ({"channel": "sms", "rule": "on_arrival"}, "--wording: Give the words"),
        ({"purpose": "marketing", "rule": "on_arrival"}, "--rule: Only consent to care"),
    ],
)
def test_the_command_names_what_is_wrong(harbor, options, told):
    with pytest.raises(CommandError, match=told) as problem:
        run(**options)
    assert problem.value.returncode == 2
    assert policies(harbor) == []


def test_the_page_lists_every_version_with_who_chose_it_and_how_many_agreed_by_it(harbor):
    client = staff_client(harbor)
    with use_practice(harbor.pk):
        PatientFactory(email="ruth@example.com")
    client.post(PATH, {"channel": "email", "email-rule": "on_arrival", "email-also_here": "on"})
    client.post(PATH, {"channel": "email", "email-rule": "recorded_only"})
    client.post(PATH, {"channel": "email", "email-rule": "on_arrival"})
    with use_practice(harbor.pk):
        consent.arrive([PatientFactory(email=f"{name}@example.com") for name in ("ana", "ben")], now=clock.now())
        consent.state(PatientFactory(), "email", "care", granted=True, how="staff", now=clock.now(), evidence="by word")
    texts = {"channel": "sms", "sms-rule": "on_arrival", "sms-wording": WORDS, "sms-form_says_so": "on"}
    client.post(PATH, texts)

    page = client.get(PATH)

    listed = [
        [(v.policy.version, v.policy.rule, v.given) for v in panel["versions"]] for panel in page.context["panels"]
    ]
    assert listed == [
        [(3, "on_arrival", 2), (2, "recorded_only", 0), (1, "on_arrival", 1)], [(1, "on_arrival", 0)],
    ]  # fmt: skip
    assert page.content.decode().count(f'<td data-label="By">{page.context["user"].name}</td>') == 4
    assert WORDS in page.content.decode()
