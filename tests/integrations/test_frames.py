"""Bytes of a connection to frames: whatever the network cuts, whatever stands between."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.hl7v2.frames import HEAD_BYTES, STRAY_LIMIT, FrameSplitter, framed
from integrations.hl7v2.message import MAX_BYTES

# Content without VT and without FS CR; the noise of sloppy senders between frames.
contents = st.binary(max_size=60).map(lambda raw: raw.replace(b"\x0b", b"x").replace(b"\x1c", b"y"))
noise = st.sampled_from([b"", b"\r", b"\n", b"\x1c\r", b"stray", b"\x00"])
alphabet = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"a", b"GET ", b"\x16\x03", b"MSH|"])


def cut(raw, sizes):
    splitter = FrameSplitter()
    frames, at = [], 0
    for size in [*sizes, len(raw) + 1]:
        frames += splitter.feed(raw[at : at + size])
        at += size
    return frames, splitter


@given(st.lists(st.tuples(noise, contents), max_size=8), st.lists(st.integers(1, 40), max_size=30))
def test_every_frame_comes_out_once_and_in_order_however_the_bytes_are_divided(sent, sizes):
    raw = b"".join(between + framed(content) for between, content in sent)

    frames, splitter = cut(raw, sizes)

    assert [frame.data for frame in frames] == [content for _between, content in sent]
    assert splitter.stray == sum({b"stray": 5, b"\x00": 1}.get(between, 0) for between, _content in sent)
    assert (splitter.half, splitter.problem) == (False, "")


@given(st.lists(alphabet, max_size=40).map(b"".join), st.lists(st.integers(1, 7), max_size=40))
def test_what_comes_out_depends_on_the_bytes_alone(raw, sizes):
    whole, one = cut(raw, [])
    pieces, other = cut(raw, sizes)

    assert pieces == whole
    assert other.problem == one.problem
    if not one.problem:  # beyond a problem nothing is read, wherever the chunk ends
        assert (other.stray, other.half) == (one.stray, one.half)


def test_of_two_starts_before_an_end_the_first_part_is_stray_and_the_second_is_kept():
    frames, splitter = cut(b"\x0bMSH|cut off\x0bMSH|whole\x1c\r", [])

    assert [frame.data for frame in frames] == [b"MSH|whole"]
    assert splitter.stray == len(b"MSH|cut off")


def test_a_frame_that_has_not_ended_is_half_and_gives_nothing():
    frames, splitter = cut(b"\x0bMSH|^~\\&|", [])

    assert (frames, splitter.half) == ([], True)


def test_an_end_mark_inside_the_content_is_content_and_the_next_start_ends_a_frame_too():
    frames, _splitter = cut(b"\x0ba\x1cb\x1c\x0bc\x1c\x1c\r", [])

    assert [frame.data for frame in frames] == [b"a\x1cb", b"c\x1c"]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"GET / HTTP/1.1\r\n", "http_request"),
        (b"\r\nPOST /x", "http_request"),
        (b"\x16\x03\x01\x02\x00\x01", "tls_hello"),
        (b"MSH|^~\\&|" + b"x" * STRAY_LIMIT, "unframed"),
    ],
)
def test_what_is_no_hl7_sender_is_told_by_its_first_bytes(raw, problem):
    _frames, splitter = cut(raw + b"\x0bMSH|\x1c\r", [3, 3])

    assert splitter.problem == problem


def test_bytes_without_a_frame_count_as_half_until_a_frame_was_seen():
    frames, splitter = cut(b"hello", [])
    assert (frames, splitter.half) == ([], True)

    frames, splitter = cut(framed(b"a") + b"noise", [])
    assert (len(frames), splitter.half, splitter.stray) == (1, False, 5)


def test_of_a_message_that_is_too_large_its_head_size_and_hash_are_kept():
    content = b"MSH|^~\\&|" + b"y" * MAX_BYTES
    splitter = FrameSplitter()
    raw = framed(content) + framed(b"next")
    frames = [frame for at in range(0, len(raw), 65536) for frame in splitter.feed(raw[at : at + 65536])]

    large, following = frames
    assert (large.too_large, large.size, large.data) == (True, len(content), content[:HEAD_BYTES])
    assert large.digest == hashlib.sha256(content).hexdigest()
    assert (following.data, following.too_large) == (b"next", False)


def test_a_message_of_just_the_allowed_size_is_kept_whole():
    frames, _splitter = cut(framed(b"x" * MAX_BYTES), [])

    assert (len(frames[0].data), frames[0].too_large, frames[0].digest) == (MAX_BYTES, False, "")
