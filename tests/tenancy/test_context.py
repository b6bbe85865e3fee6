"""The door: one practice a transaction, in the ORM and in PostgreSQL at once."""

import threading

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.models import Clinic
from prm.ids import uuid7
from prm.tenancy import NoPractice, WrongPractice, current_practice_id, use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def setting() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('prm.practice', true), '')")
        return cursor.fetchone()[0]


def make_a_clinic_and_fail(practice) -> None:
    with use_practice(str(practice.pk)):
        ClinicFactory()
        raise ZeroDivisionError


@pytest.fixture
def practice():
    return PracticeFactory()


def test_without_a_practice_the_manager_raises_and_nothing_is_set():
    with pytest.raises(NoPractice):
        Clinic.objects.count()
    with pytest.raises(NoPractice):
        current_practice_id()
    assert setting() == ""


def test_the_practice_lasts_for_the_transaction_only(practice):
    with use_practice(practice.pk):
        assert (current_practice_id(), setting()) == (practice.pk, str(practice.pk))
    assert setting() == ""
    with pytest.raises(NoPractice):
        current_practice_id()


def test_an_error_leaves_no_practice_behind(practice):
    with pytest.raises(ZeroDivisionError):
        make_a_clinic_and_fail(practice)
    assert setting() == ""
    with use_practice(practice.pk):
        assert Clinic.objects.count() == 0


def test_the_same_practice_nests_as_a_savepoint(practice):
    with use_practice(practice.pk):
        kept = ClinicFactory()
        with pytest.raises(ZeroDivisionError):
            make_a_clinic_and_fail(practice)
        assert [clinic.pk for clinic in Clinic.objects.all()] == [kept.pk]


def test_another_practice_inside_one_is_refused(practice):
    with use_practice(practice.pk), pytest.raises(WrongPractice), use_practice(uuid7()):
        raise AssertionError("opened")


def test_what_is_no_id_is_refused():
    with pytest.raises(ValueError, match="badly formed"), use_practice("' or true --"):
        raise AssertionError("opened")


def test_a_transaction_around_the_practice_goes_on_without_it(practice):
    with transaction.atomic():
        with use_practice(practice.pk):
            ClinicFactory()
        assert setting() == ""
        with use_practice(PracticeFactory().pk):
            assert Clinic.objects.count() == 0


def test_a_commit_hook_has_no_practice_until_it_opens_one(practice):
    seen = []

    def hook() -> None:
        with pytest.raises(NoPractice):
            Clinic.objects.count()
        with use_practice(practice.pk):
            seen.append((setting(), Clinic.objects.count()))

    with use_practice(practice.pk):
        ClinicFactory()
        transaction.on_commit(hook)

    assert seen == [(str(practice.pk), 1)]


def test_another_thread_starts_without_a_practice(practice):
    found = []

    def look() -> None:
        try:
            Clinic.objects.count()
        except NoPractice:
            found.append("refused")
        finally:
            connection.close()

    with use_practice(practice.pk):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert found == ["refused"]


def test_a_row_takes_the_practice_of_the_context_and_no_other(practice):
    other = PracticeFactory()
    with use_practice(practice.pk):
        assert Clinic.objects.create(name="Own", time_zone="UTC").practice_id == practice.pk
        assert [c.practice_id for c in Clinic.objects.bulk_create([Clinic(name="Bulk", time_zone="UTC")])] == [
            practice.pk
        ]
    with pytest.raises(ProgrammingError, match="row-level security"), use_practice(practice.pk):
        Clinic(practice_id=other.pk, name="Foreign", time_zone="UTC").save()
