"""A ciphertext opens in its own place and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm import crypto, ids

A, B = ids.uuid7(), ids.uuid7()
PLACE = {"practice_id": A, "table": "nps_response", "row": ids.uuid7(), "column": "comment"}


@given(st.binary(max_size=400))
def test_what_was_encrypted_comes_back(plain):
    assert crypto.decrypt(crypto.encrypt(plain, **PLACE), **PLACE) == plain


@pytest.mark.parametrize("elsewhere", [{"practice_id": B}, {"table": "x"}, {"row": ids.uuid7()}, {"column": "note"}])
def test_a_ciphertext_moved_elsewhere_is_refused(elsewhere):
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(crypto.encrypt(b"my knee", **PLACE), **{**PLACE, **elsewhere})


@given(st.data())
def test_one_changed_byte_is_refused(data):
    sealed = bytearray(crypto.encrypt(b"my knee", **PLACE))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(bytes(sealed), **PLACE)


def test_equal_texts_have_unequal_ciphertexts():
    assert crypto.encrypt(b"0", **PLACE) != crypto.encrypt(b"0", **PLACE)


def test_a_signature_covers_each_part_and_their_borders():
    signature = crypto.sign("a", "bc")
    assert crypto.signed(signature, "a", "bc")
    assert not crypto.signed(signature, "ab", "c")
    assert not crypto.signed("nonsense", "a", "bc")
