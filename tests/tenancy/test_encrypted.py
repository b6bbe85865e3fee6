"""Which columns are encrypted, and putting them under a new key while people write."""

import base64
from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models

from accounts import totp
from accounts.models import TotpDevice
from nps.models import Response
from prm import clock, crypto
from prm.audit import seal
from prm.audit.record import record
from prm.tenancy import closing, data_keys, encrypted, use_practice
from prm.tenancy.models import DataKey
from tests.factories.accounts import PracticeFactory, UserFactory
from tests.factories.nps import ResponseFactory

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "The new exercises hurt my knee"


def columns() -> dict[str, encrypted.EncryptedColumn]:
    return {f"{column.table}.{column.name}": column for column in encrypted.encrypted_columns()}


@pytest.fixture
def harbor():
    return PracticeFactory(slug="harbor")


def answers(practice, number: int = 3) -> list[Response]:
    with use_practice(practice.pk):
        return [ResponseFactory(comment_text=WORDS) for _ in range(number)]


def raw(practice) -> list[bytes]:
    with use_practice(practice.pk):
        return [bytes(one) for one in Response.objects.values_list("comment", flat=True)]


def test_every_binary_field_is_an_encrypted_column_or_says_that_it_is_none():
    binary = {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, models.BinaryField)
    }
    plain = {
        f"{model._meta.db_table}.{name}" for model in apps.get_models() for name in getattr(model, "plain_columns", ())
    }
    assert set(columns()) == binary - plain
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE data_type = 'bytea' "
            "AND table_schema = 'public' AND table_name NOT IN (SELECT relname FROM pg_class WHERE relispartition)"
        )
        assert {name for (name,) in cursor.fetchall()} == binary


def test_rotation_puts_every_row_under_the_new_key_and_all_texts_stay_readable(harbor):
    other = PracticeFactory()
    answers(harbor), answers(other)
    before = raw(other)

    out = StringIO()
    call_command("keys", "rotate", "--practice=harbor", stdout=out)

    assert {one[:5] for one in raw(harbor)} == {b"\x02\x00\x00\x00\x02"}
    assert raw(other) == before
    assert "harbor: nps_response.comment: 3 rows" in out.getvalue()
    with use_practice(harbor.pk):
        assert {row.comment_text for row in Response.objects.all()} == {WORDS}
        keys = dict(DataKey.objects.values_list("number", "retired_at"))
        assert keys[1] is not None
        assert keys[2] is None


def test_a_run_that_was_killed_between_slices_goes_on_where_it_was(harbor, monkeypatch):
    class Killed(Exception):
        pass

    def kill(done) -> None:
        raise Killed

    answers(harbor, 5)
    monkeypatch.setattr(encrypted, "SLICE", 2)
    data_keys.add(harbor.pk)
    with pytest.raises(Killed):
        encrypted.reencrypt(columns()["nps_response.comment"], harbor.pk, each=kill)
    new = b"\x02\x00\x00\x00\x02"
    done = {one for one in raw(harbor) if one.startswith(new)}
    assert len(done) == 2

    call_command("keys", "rotate", "--practice=harbor", "--continue", stdout=StringIO())

    after = raw(harbor)
    assert {one[:5] for one in after} == {new}
    assert done < set(after)  # what was done before the kill was not done again
    with use_practice(harbor.pk):
        assert {row.comment_text for row in Response.objects.all()} == {WORDS}
        assert DataKey.objects.count() == 2


def test_what_somebody_writes_meanwhile_stays(harbor, monkeypatch):
    [response] = answers(harbor, 1)
    data_keys.add(harbor.pk)
    column = columns()["nps_response.comment"]
    seal = encrypted.EncryptedColumn.seal

    def seal_slowly(self, plain, **where):
        crypto.seal_text(response, "comment", "Better now")  # a colleague, between reading and writing
        Response.objects.filter(pk=response.pk).update(comment=response.comment)
        return seal(self, plain, **where)

    monkeypatch.setattr(encrypted.EncryptedColumn, "seal", seal_slowly)
    done = encrypted.reencrypt(column, harbor.pk)

    assert done.changed == 0
    with use_practice(harbor.pk):
        assert Response.objects.get().comment_text == "Better now"


def test_a_ciphertext_that_does_not_open_is_counted_and_kept(harbor):
    first, second = answers(harbor, 2)
    with use_practice(harbor.pk):
        Response.objects.filter(pk=first.pk).update(comment=second.comment)
    with pytest.raises(CommandError, match="1 ciphertexts did not open") as raised:
        call_command("keys", "rotate", "--practice=harbor", stdout=StringIO())
    assert raised.value.returncode == 1
    with use_practice(harbor.pk):
        assert bytes(Response.objects.get(pk=first.pk).comment) == bytes(second.comment)
        assert Response.objects.get(pk=second.pk).comment_text == WORDS


@pytest.fixture
def new_master(settings):
    """Put another master key in front of the ring, as an operator does."""
    old = settings.MASTER_KEYS

    def choose(keys: str) -> None:
        settings.MASTER_KEYS = keys
        data_keys.ring.cache_clear()
        data_keys.derived.cache_clear()
        data_keys._cache.clear()

    yield (
        lambda: choose(f"new1:{base64.b64encode(b'n' * 32).decode()},{old}"),
        lambda: choose(f"new1:{base64.b64encode(b'n' * 32).decode()}"),
    )
    choose(old)


def test_a_new_master_key_takes_over_and_the_old_one_can_go(harbor, new_master):
    add, drop_old = new_master
    answers(harbor)
    device = totp.new_device(UserFactory(), confirmed=True)
    secret, texts = device.key, raw(harbor)

    add()
    call_command("keys", "rotate", "--rewrap", stdout=StringIO())
    drop_old()

    assert raw(harbor) == texts  # only the data key was wrapped anew
    with use_practice(harbor.pk):
        assert {row.comment_text for row in Response.objects.all()} == {WORDS}
        assert set(DataKey.objects.values_list("master", flat=True)) == {"new1"}
    assert TotpDevice.objects.get(pk=device.pk).key == secret


def test_without_rewrapping_the_old_master_key_is_missed_and_said_by_name(harbor, new_master):
    add, drop_old = new_master
    answers(harbor)
    old = data_keys.current_master()
    add()
    drop_old()
    with use_practice(harbor.pk), pytest.raises(crypto.UnknownKey, match=f"does not hold the key '{old}'"):
        Response.objects.first().comment_text  # noqa: B018  (reading it is the test)
    out = StringIO()
    call_command("keys", "status", stdout=out)
    assert f"{old}: MISSING, wraps 1 data keys" in out.getvalue()


def test_a_master_key_is_retired_only_when_nothing_needs_it(harbor, new_master, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    add, _drop_old = new_master
    answers(harbor)
    totp.new_device(UserFactory(), confirmed=True)
    old = data_keys.current_master()
    with pytest.raises(CommandError, match=f"{old} stays.*\n{old} encrypts: it is the first"):
        call_command("keys", "retire", old)
    add()
    with pytest.raises(CommandError) as refused:
        call_command("keys", "retire", old)
    assert str(refused.value).splitlines() == [
        f"{old} stays, it is still needed:",
        f"harbor: 1 data keys are wrapped by {old}: `keys rotate --rewrap` mends that.",
        f"1 rows of accounts_totpdevice are encrypted under {old}: `keys rotate --rewrap` mends that.",
    ]

    call_command("keys", "rotate", "--rewrap", stdout=StringIO())
    out = StringIO()
    call_command("keys", "retire", old, stdout=out)
    assert out.getvalue() == f"Nothing needs {old}. Take it out of PRM_MASTER_KEYS and restart every process.\n"


def test_a_key_that_signed_a_day_of_the_record_or_opens_an_archive_stays(harbor, new_master, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    add, _drop_old = new_master
    old, now = data_keys.current_master(), clock.now()
    quay = PracticeFactory(slug="quay")
    for practice in (harbor, quay):
        with use_practice(practice.pk):
            record("practice.created", now=now - timedelta(days=2), object_id=practice.pk)
            days = len(seal.seal_through(now=now))
    archive = closing.archive_folder() / f"{quay.pk}.prm"
    closing._write_archive(archive, quay.pk)
    add()
    call_command("keys", "rotate", "--rewrap", stdout=StringIO())
    with pytest.raises(CommandError) as refused:
        call_command("keys", "retire", old)
    said = str(refused.value)
    assert f"harbor: {old} signed {days} days of the record, the last one {seal.last_closed_day(now)}" in said
    assert f"Archive {archive.name} opens with {old} alone" in said

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    closing._write_archive(elsewhere / "later.prm", quay.pk)  # opens with the new key, holds what the old one signed
    with pytest.raises(CommandError, match=f"Archive later.prm holds {days} days of the record that {old} signed"):
        call_command("keys", "retire", old, f"--archives={elsewhere}")
    (elsewhere / "broken.prm").write_bytes(b"no archive")
    with pytest.raises(CommandError, match=f"{old} stays: an archive in .* cannot be read"):
        call_command("keys", "retire", old, f"--archives={elsewhere}")


def test_a_key_that_is_none_is_named(harbor):
    with pytest.raises(CommandError, match="PRM_MASTER_KEYS holds no key none"):
        call_command("keys", "retire", "none")


def test_without_its_data_keys_nothing_of_a_practice_opens(harbor):
    [response] = answers(harbor, 1)
    with use_practice(harbor.pk):
        DataKey.objects.update(wrapped=base64.b64encode(b"x" * 60).decode())
    data_keys.forget(harbor.pk)
    with use_practice(harbor.pk), pytest.raises(crypto.UnknownKey, match="data key 1 does not open"):
        Response.objects.get(pk=response.pk).comment_text  # noqa: B018  (reading it is the test)
