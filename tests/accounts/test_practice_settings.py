"""Changing a practice's settings: what is read, what is refused, and what happens when two people edit."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts import changing, contact, zones
from accounts.models import Practice, SettingsChange
from accounts.practice_settings import change_practice
from tests.factories.accounts import UserFactory

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def change(practice, version=None, by=None, now=NOW, **fields):
    return change_practice(practice, by=by, now=now, version=version or practice.version, **fields)


def test_what_differs_is_stored_with_what_it_was(practice):
    dana = UserFactory()

    done = change(practice, by=dana, name="  Harbor  PT ", phone="(415) 555-0199", languages=["en", "es"])

    expected = {"name": [practice.name, "Harbor PT"], "phone": ["+14155550100", "+14155550199"]}
    assert done.fields == expected
    stored = Practice.objects.get(pk=practice.pk)
    assert (stored.name, stored.phone, stored.version) == ("Harbor PT", "+14155550199", 2)
    assert list(SettingsChange.objects.values_list("subject", "version", "by", "fields")) == [
        (practice.pk, 2, dana.pk, expected)
    ]


def test_saving_what_is_there_already_makes_no_version(practice):
    assert change(practice, name=practice.name).fields == {}
    assert Practice.objects.get(pk=practice.pk).version == 1
    assert not SettingsChange.objects.exists()


def test_two_edits_of_different_fields_are_both_kept(practice):
    change(practice, name="Harbor", phone=practice.phone)

    change(practice, version=1, name=practice.name, phone="415 555 0199")

    stored = Practice.objects.get(pk=practice.pk)
    assert (stored.name, stored.phone, stored.version) == ("Harbor", "+14155550199", 3)


def test_two_edits_of_one_field_are_told_and_nothing_is_lost(practice):
    dana = UserFactory()
    change(practice, by=dana, name="Harbor", phone="415 555 0111")

    with pytest.raises(changing.Stale) as told:
        change(practice, version=1, now=NOW + timedelta(minutes=1), name="Haven", phone=practice.phone, cap_day=2)

    [conflict] = told.value.conflicts
    assert (conflict.name, conflict.mine, conflict.theirs, conflict.by, conflict.at) == (
        "name", "Haven", "Harbor", dana, NOW,
    )  # fmt: skip
    stored = Practice.objects.get(pk=practice.pk)
    assert (stored.name, stored.cap_day) == ("Harbor", 1)


def test_an_edit_that_agrees_with_the_other_one_is_no_conflict(practice):
    change(practice, name="Harbor")

    assert change(practice, version=1, name="Harbor").fields == {}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"slug": "other"}, {"slug"}),
        ({"suspended_at": None}, {"suspended_at"}),
        ({"name": ""}, {"name"}),
        ({"name": "x" * 121}, {"name"}),
        ({"phone": "555 0199", "time_zone": "Mars"}, {"phone", "time_zone"}),
        ({"languages": []}, {"languages"}),
        ({"languages": ["en", "fr"]}, {"languages"}),
        ({"texts_open": time(7)}, {"texts_open"}),
        ({"texts_close": time(20, 1)}, {"texts_close"}),
        ({"texts_open": time(12), "texts_close": time(12)}, {"texts_close"}),
        ({"emails_open": time(9)}, {"emails_close"}),
        ({"emails_open": time(9), "emails_close": time(8)}, {"emails_close"}),
        ({"cap_day": 0}, {"cap_day"}),
        ({"cap_week": 8}, {"cap_week"}),
        ({"cap_day": 3, "cap_week": 2}, {"cap_week"}),
        ({"keep_raw_months": 1}, {"keep_raw_months"}),
        ({"brand_colour": "green"}, {"brand_colour"}),
    ],
)
def test_what_a_practice_may_not_be_is_refused_by_field(practice, fields, wrong):
    with pytest.raises(ValidationError) as told:
        change(practice, **fields)

    assert set(told.value.message_dict) == wrong
    assert not SettingsChange.objects.exists()


@pytest.mark.parametrize("fields", [{"texts_open": time(7)}, {"texts_close": time(21)}, {"cap_day": 9}])
def test_the_database_refuses_what_the_law_does_not_allow(practice, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        Practice.objects.filter(pk=practice.pk).update(**fields)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Eastern", "America/New_York"),
        ("pacific time", "America/Los_Angeles"),
        ("Mountain time without daylight saving (Phoenix)", "America/Phoenix"),
        ("new york", "America/New_York"),
        ("America/Denver", "America/Denver"),
        ("Honolulu", "Pacific/Honolulu"),
        ("Madrid", "Europe/Madrid"),
        ("UTC", "UTC"),
    ],
)
def test_a_zone_is_found_by_the_words_of_people(typed, name):
    assert zones.find(typed) == name


def test_every_zone_is_found_by_the_words_that_the_list_offers():
    assert {name: zones.find(words) for name, words in zones.choices().items()} == {
        name: name for name in zones.choices()
    }


def test_a_misspelt_zone_gets_offers():
    with pytest.raises(zones.NoZone) as told:
        zones.find("Los Angelos")
    assert told.value.offers == ["Pacific time (Los Angeles)"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("415 555 0134", "+14155550134"),
        ("1-415-555-0134", "+14155550134"),
        ("+34 912 345 678", "+34912345678"),
    ],
)
def test_a_phone_number_is_read_as_people_write_it(typed, kept):
    assert contact.phone(typed) == kept


@pytest.mark.parametrize("typed", ["555 0134", "none", "415 555 0134 ext. 12", "000 000 0000"])
def test_what_is_no_phone_number_gets_an_example(typed):
    with pytest.raises(ValidationError, match="like 415 555 0134"):
        contact.phone(typed)


lines = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30)


@given(
    street=lines, city=lines, suite=lines | st.just(""), state=st.sampled_from(sorted(contact.STATES)),
    postal_code=st.from_regex(r"[0-9]{5}(-[0-9]{4})?", fullmatch=True),
)  # fmt: skip
def test_an_address_is_read_back_as_it_was_written(street, city, suite, state, postal_code):
    address = contact.PostalAddress(street, suite, city, state, postal_code)

    address.check()
    assert contact.PostalAddress.of(str(address)) == address


def test_an_address_says_which_line_is_missing():
    with pytest.raises(ValidationError) as told:
        contact.PostalAddress(street="12 Quay Street, Suite 3", state="California").check()
    assert set(told.value.message_dict) == {"street", "city", "state", "postal_code"}
    contact.PostalAddress().check()


def test_who_saw_the_colleagues_value_may_replace_it_and_nothing_else(practice):
    change(practice, name="Harbor", cap_day=2)
    with pytest.raises(changing.Stale):
        change(practice, version=1, name="Haven", cap_day=1)

    change(practice, version=1, over=2, name="Haven", cap_day=1)

    stored = Practice.objects.get(pk=practice.pk)
    assert (stored.name, stored.cap_day) == ("Haven", 2)  # the cap was not touched by the second editor
    change(practice, version=3, name="Third")
    with pytest.raises(changing.Stale):
        change(practice, version=1, over=2, name="Haven again")
