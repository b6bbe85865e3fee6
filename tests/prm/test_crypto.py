"""A ciphertext opens in its own place and nowhere else; keys are kept, replaced and rewrapped without losing a text."""

import threading

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from prm import crypto, ids
from prm.tenancy import data_keys, use_practice
from prm.tenancy.models import DataKey
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)

ROW = ids.uuid7()
ELSEWHERE = [{"practice_id": None}, {"table": "x"}, {"row": ids.uuid7()}, {"column": "note"}]


@pytest.fixture(scope="module")
def keys(django_db_blocker):
    """A practice's data keys, remembered by this process: property tests then ask no database."""
    practice_id = ids.uuid7()
    data_keys._remember(practice_id, data_keys.Keys({7: data_keys.AESGCM(b"k" * 32), 6: data_keys.AESGCM(b"o" * 32)}))
    data_keys._cache[practice_id] = (float("inf"), data_keys._cache[practice_id][1])
    yield {"practice_id": practice_id, "table": "nps_response", "row": ROW, "column": "comment"}
    data_keys.forget(practice_id)


@given(plain=st.binary(max_size=400))
def test_what_was_encrypted_comes_back(keys, plain):
    sealed = crypto.encrypt(plain, **keys)
    assert crypto.decrypt(sealed, **keys) == plain
    assert sealed.startswith(b"\x02\x00\x00\x00\x07")  # the newest key's number
    everybodys = {**keys, "practice_id": None}
    assert crypto.decrypt(crypto.encrypt(plain, **everybodys), **everybodys) == plain


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_ciphertext_moved_elsewhere_is_refused(keys, elsewhere):
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(crypto.encrypt(b"my knee", **keys), **{**keys, **elsewhere})


def test_a_ciphertext_of_another_practice_is_refused_even_with_the_same_row():
    ours, theirs = PracticeFactory(), PracticeFactory()
    place = {"table": "nps_response", "row": ROW, "column": "comment"}
    sealed = crypto.encrypt(b"my knee", practice_id=ours.pk, **place)
    crypto.encrypt(b"their knee", practice_id=theirs.pk, **place)
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(sealed, practice_id=theirs.pk, **place)
    assert crypto.decrypt(sealed, practice_id=ours.pk, **place) == b"my knee"


@given(data=st.data())
def test_one_changed_byte_is_refused(data):
    place = {"practice_id": None, "table": "accounts_totpdevice", "row": ROW, "column": "sealed_key"}
    sealed = bytearray(crypto.encrypt(b"my knee", **place))
    where = data.draw(st.integers(0, len(sealed) - 1))
    sealed[where] ^= data.draw(st.integers(1, 255))
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(bytes(sealed), **place)


@given(where=st.integers(5, 34), change=st.integers(1, 255))
def test_one_changed_byte_of_a_practices_text_is_refused(keys, where, change):
    sealed = bytearray(crypto.encrypt(b"my knee", **keys))
    sealed[where % len(sealed) or 5] ^= change
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(bytes(sealed), **keys)


def test_equal_texts_have_unequal_ciphertexts(keys):
    assert crypto.encrypt(b"0", **keys) != crypto.encrypt(b"0", **keys)


def test_a_signature_covers_each_part_and_their_borders():
    signature = crypto.sign("a", "bc")
    assert crypto.signed(signature, "a", "bc")
    assert not crypto.signed(signature, "ab", "c")
    assert not crypto.signed("nonsense", "a", "bc")


def place(practice) -> dict:
    return {"practice_id": practice.pk, "table": "nps_response", "row": ROW, "column": "comment"}


def test_a_text_from_before_data_keys_stays_readable(settings):
    practice = PracticeFactory()
    master = data_keys.current_master().encode()
    cipher = data_keys.AESGCM(data_keys.derived(master, f"prm|{practice.pk}"))
    old = b"\x01" + master + b"n" * 12 + cipher.encrypt(b"n" * 12, b"my knee", crypto._place(*place(practice).values()))
    assert crypto.decrypt(old, **place(practice)) == b"my knee"


def test_each_practice_has_a_key_of_its_own_which_stands_wrapped_in_its_row():
    one, two = PracticeFactory(), PracticeFactory()
    for practice in (one, two):
        crypto.encrypt(b"my knee", **place(practice))
    found = {}
    for practice in (one, two):
        with use_practice(practice.pk):
            [row] = DataKey.objects.all()
            found[practice] = row.wrapped
            assert (row.number, row.master) == (1, data_keys.current_master())
    assert len(set(found.values())) == 2


def test_a_wrapped_key_of_another_practice_does_not_open():
    one, two = PracticeFactory(), PracticeFactory()
    sealed = crypto.encrypt(b"my knee", **place(one))
    crypto.encrypt(b"my knee", **place(two))
    with use_practice(two.pk):
        wrapped = DataKey.objects.get().wrapped
    with use_practice(one.pk):
        DataKey.objects.update(wrapped=wrapped)
    data_keys.forget(one.pk)
    with pytest.raises(crypto.UnknownKey):
        crypto.decrypt(sealed, **place(one))


def test_a_warm_process_asks_the_database_nothing():
    practice = PracticeFactory()
    sealed = crypto.encrypt(b"my knee", **place(practice))
    with use_practice(practice.pk), CaptureQueriesContext(connection) as asked:
        crypto.decrypt(sealed, **place(practice))
        crypto.encrypt(b"my hip", **place(practice))
    assert len(asked) == 0
    data_keys.forget(practice.pk)
    with use_practice(practice.pk), CaptureQueriesContext(connection) as asked:
        crypto.decrypt(sealed, **place(practice))
        crypto.encrypt(b"my hip", **place(practice))
    assert len(asked) == 1


def test_what_a_process_remembers_is_bounded_in_time(monkeypatch):
    practice = PracticeFactory()
    crypto.encrypt(b"my knee", **place(practice))
    begin = data_keys.time.monotonic()
    monkeypatch.setattr(data_keys.time, "monotonic", lambda: begin + data_keys.CACHED_FOR + 1)
    with use_practice(practice.pk), CaptureQueriesContext(connection) as asked:
        crypto.encrypt(b"my hip", **place(practice))
    assert len(asked) == 1


class TakeBack(Exception):
    pass


def write_and_take_back(practice):
    with use_practice(practice.pk):
        crypto.encrypt(b"my knee", **place(practice))
        raise TakeBack


def test_a_key_that_was_rolled_back_encrypts_nothing_afterwards():
    practice = PracticeFactory()
    with pytest.raises(TakeBack):
        write_and_take_back(practice)
    with use_practice(practice.pk):
        with pytest.raises(TakeBack):
            write_and_take_back(practice)
        sealed = crypto.encrypt(b"my knee", **place(practice))
    data_keys.forget(practice.pk)  # as another process, which knows only what is committed
    assert crypto.decrypt(sealed, **place(practice)) == b"my knee"


def test_a_key_that_is_not_committed_is_read_once_in_its_transaction():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        sealed = crypto.encrypt(b"my knee", **place(practice))
        with CaptureQueriesContext(connection) as asked:
            assert crypto.decrypt(sealed, **place(practice)) == b"my knee"
        assert len(asked) == 0


def test_two_first_writers_end_with_one_key():
    practice = PracticeFactory()
    start, made = threading.Barrier(2), []

    def write() -> None:
        with use_practice(practice.pk):
            start.wait(10)
            made.append(crypto.encrypt(b"my knee", **place(practice)))
        connections.close_all()

    both = [threading.Thread(target=write) for _ in range(2)]
    [one.start() for one in both]
    [one.join(20) for one in both]
    data_keys.forget(practice.pk)
    assert [crypto.decrypt(sealed, **place(practice)) for sealed in made] == [b"my knee"] * 2
    with use_practice(practice.pk):
        assert DataKey.objects.count() == 1


def test_a_new_key_encrypts_and_the_old_one_still_opens_in_a_process_that_knew_only_the_old():
    practice = PracticeFactory()
    old = crypto.encrypt(b"my knee", **place(practice))
    known = data_keys._cache[practice.pk]
    assert data_keys.add(practice.pk) == 2
    new = crypto.encrypt(b"my hip", **place(practice))
    data_keys._cache[practice.pk] = known  # another process, which has not heard of it
    assert crypto.decrypt(new, **place(practice)) == b"my hip"
    assert crypto.decrypt(old, **place(practice)) == b"my knee"
    assert (old[:5], new[:5]) == (b"\x02\x00\x00\x00\x01", b"\x02\x00\x00\x00\x02")
    assert crypto.current_prefix(practice.pk) == new[:5]


def test_the_application_cannot_delete_a_key():
    practice = PracticeFactory()
    crypto.encrypt(b"my knee", **place(practice))
    with use_practice(practice.pk), pytest.raises(Exception, match="permission denied"), transaction.atomic():
        DataKey.objects.all()._raw_delete("default")
