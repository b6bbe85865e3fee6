"""The end of a practice: suspended at once, gone after 30 days, its audit and consents sealed, no other one touched."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django_otp_webauthn.models import WebAuthnCredential

from accounts.models import Practice, RecoveryCodes, Session, TotpDevice, User
from patients.models import Consent
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import closing, use_practice
from prm.tenancy.models import DataKey, PracticeClosure
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in
from tests.factories.nps import ResponseFactory
from tests.security import catalogue, rows
from tests.security.test_urls import state

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    return tmp_path


def full(slug: str) -> Practice:
    practice = PracticeFactory(slug=slug, name=slug.capitalize())
    with use_practice(practice.pk):
        for model in rows.tenant_models():
            if model is not DataKey:  # an answer with words brings a real one
                rows.make(model)
        ResponseFactory(comment_text="Words")
    return practice


def rows_of(practice) -> dict[str, int]:
    found = {}
    with connections["platform"].cursor() as cursor:
        for table in sorted(catalogue.tenant_tables(partitions=False)):
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE practice_id = %s', [str(practice.pk)])
            found[table] = cursor.fetchone()[0]
    return found


def fingerprint(practice) -> dict[str, tuple]:
    found = {}
    with connections["platform"].cursor() as cursor:
        for table in sorted(catalogue.tenant_tables(partitions=False)):
            cursor.execute(
                f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM \"{table}\" t "
                "WHERE practice_id = %s",
                [str(practice.pk)],
            )
            found[table] = cursor.fetchone()
    return found


FACTORS = (TotpDevice, RecoveryCodes, WebAuthnCredential, Session)  # what a person signs in with


def test_everything_of_it_goes_and_nothing_of_another(tmp_path):
    leaving, staying = full("leaving"), full("staying")
    with use_practice(leaving.pk):
        only_here, both = MembershipFactory().user, MembershipFactory().user
        for person in (only_here, both):
            for model in FACTORS:
                rows.make(model, user=person)
        kept = {
            label: {str(pk) for pk in model.objects.values_list("pk", flat=True)}
            for label, model in (("audit.AuditEvent", AuditEvent), ("patients.Consent", Consent))
        }
    with use_practice(staying.pk):
        MembershipFactory(user=both)
    before = fingerprint(staying)
    assert min(rows_of(leaving).values()) >= 1

    closure = closing.ask(leaving, by="Olivia Grant", now=NOW)
    closing.erase(closure, now=LATER)

    assert {table: count for table, count in rows_of(leaving).items() if count} == {}
    assert not Practice.objects.filter(pk=leaving.pk).exists()
    assert fingerprint(staying) == before
    archived: dict[str, set[str]] = {}
    for row in closing.read_archive(tmp_path / "archives" / closure.archive):
        archived.setdefault(row["model"], set()).add(row["id"])
    assert {label: archived[label] for label in kept} == kept
    assert set(archived) == set(closing.KEPT)
    assert User.objects.get(pk=only_here.pk).is_active is False
    assert User.objects.get(pk=only_here.pk).name == "Erased"
    assert User.objects.get(pk=both.pk).is_active
    people = [only_here, both]
    left = {model: set(model.objects.filter(user__in=people).values_list("user", flat=True)) for model in FACTORS}
    assert left == {model: {both.pk} for model in FACTORS}
    text = closing.certificate(closure)
    assert "Leaving (leaving)" in text
    assert closure.archive_sha256 in text


def test_the_archive_opens_with_the_platforms_key_alone_and_only_whole(tmp_path):
    leaving = full("leaving")
    closure = closing.ask(leaving, by="Olivia Grant", now=NOW)
    closing.erase(closure, now=LATER)
    path = tmp_path / "archives" / closure.archive
    sealed = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"patient.read" not in sealed
    for broken in (sealed[:-4], sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[: len(sealed) // 2]):
        path.write_bytes(broken)
        with pytest.raises(closing.BadArchive):
            list(closing.read_archive(path))


def test_an_erasure_that_was_stopped_goes_on(monkeypatch):
    class Stopped(Exception):
        pass

    leaving = full("leaving")
    closure = closing.ask(leaving, by="Olivia Grant", now=NOW)
    erase_group, calls = closing._erase_group, []

    def stop_half_way(*args, **kwargs):
        calls.append(1)
        if len(calls) == 20:
            raise Stopped
        return erase_group(*args, **kwargs)

    monkeypatch.setattr(closing, "_erase_group", stop_half_way)
    with pytest.raises(Stopped):
        closing.erase(closure, now=LATER)
    assert [one.pk for one in closing.due(LATER)] == [closure.pk]
    closing.erase(PracticeClosure.objects.get(pk=closure.pk), now=LATER)
    assert set(rows_of(leaving).values()) == {0}


def test_it_is_suspended_at_once_and_runs_again_where_it_is_taken_back():
    practice = PracticeFactory(slug="harbor")
    closure = closing.ask(practice, by="Olivia Grant", now=NOW)
    assert closing.ask(practice, by="Olivia Grant", now=NOW).pk == closure.pk
    assert Practice.objects.get(pk=practice.pk).suspended_at == NOW
    with pytest.raises(closing.NotClosing):
        closing.erase(closure, now=LATER - timedelta(seconds=1))
    closing.cancel(practice, now=NOW + timedelta(days=29))
    assert Practice.objects.get(pk=practice.pk).suspended_at is None
    assert closing.due(LATER) == []
    with pytest.raises(closing.NotClosing):
        closing.cancel(practice, now=NOW)


def test_no_table_is_erased_before_one_that_points_at_it():
    done: set[str] = set()
    order = closing.erasing_order()
    position = {table: number for number, (tables, _together) in enumerate(order) for table in tables}
    for key in catalogue.foreign_keys():
        if key.table in position and key.to in position and len(key.columns) == 2:
            assert position[key.table] <= position[key.to], key.name
            done.add(key.table)
    assert set(position) == catalogue.tenant_tables(partitions=False)


def test_an_owner_closes_it_by_typing_its_name(client):
    practice = PracticeFactory(slug="harbor", name="Harbor")
    with use_practice(practice.pk):
        sign_in(client, MembershipFactory(user__name="Olivia Grant", user__email="olivia@example.com").user)
    wrong = client.post("/harbor/settings/closing/", {"name": "harbour", "without_export": "on"})
    assert wrong.status_code == 422
    assert "Type the name as it stands above" in wrong.content.decode()
    assert not PracticeClosure.objects.exists()
    assert client.post("/harbor/settings/closing/", {"name": "Harbor", "without_export": "on"}).status_code == 302
    assert PracticeClosure.objects.get().asked_by == "Olivia Grant (olivia@example.com)"
    page = client.get("/harbor/settings/closing/").content.decode()
    assert "Everything is erased after" in page
    with use_practice(practice.pk):
        assert AuditEvent.objects.filter(action="practice.closed").count() == 1


def test_the_command_closes_reopens_and_erases():
    practice = full("harbor")
    out = StringIO()
    with clock.at(NOW):
        call_command("practice", "close", "harbor", stdout=out)
        with pytest.raises(CommandError, match="not before 2026-12-24 15:00 UTC"):
            call_command("practice", "erase", "harbor")
        call_command("practice", "reopen", "harbor", stdout=out)
        call_command("practice", "close", "harbor", stdout=out)
    with clock.at(LATER):
        call_command("practice", "erase", "harbor", stdout=out)
    assert "Certificate of erasure" in out.getvalue()
    path = closing.archive_folder() / PracticeClosure.objects.get(cancelled_at=None).archive
    rows_out = StringIO()
    call_command("practice", "archive", str(path), stdout=rows_out)
    assert '"action": "practice.closing_cancelled"' in rows_out.getvalue()
    assert set(rows_of(practice).values()) == {0}
    with pytest.raises(CommandError, match="no practice"):
        call_command("practice", "close", "harbor")


def test_the_data_keys_go_with_it():
    leaving = full("leaving")
    closing.erase(closing.ask(leaving, by="Olivia Grant", now=NOW), now=LATER)
    with use_practice(leaving.pk):
        assert DataKey.objects.count() == 0
    assert state()["tenancy_practiceclosure"][0] == 1
