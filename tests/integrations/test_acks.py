"""What a sender is answered: AA, AR or AE, in his own marks, byte for byte what he must recognise."""

from datetime import UTC, datetime

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.facts import Refusal
from integrations.hl7v2 import acks
from integrations.hl7v2.acks import ACCEPTED, Verdict
from integrations.kinds import KINDS

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
SETTINGS = KINDS["hl7v2"].settings("", {})
ADT = b"MSH|^~\\&|EMR|HARBOR|PRM|PT|20261120||ADT^A04|77|P|2.5.1||||||UNICODE UTF-8\rEVN|A04\rPID|1||9^^^EMR\r"


def answer(raw=ADT, verdict=None, **settings):
    return acks.answers(raw, verdict or acks.judge(raw, SETTINGS | settings), now=NOW)


def lines(message):
    return [line.split(b"|") for line in message.rstrip(b"\r").split(b"\r")]


def with_msh(number, text, raw=ADT):
    head, _cr, rest = raw.partition(b"\r")
    parts = head.split(b"|")
    parts += [b""] * (number - len(parts))
    parts[number - 1] = text
    return b"|".join(parts) + b"\r" + rest


def codes(raw, **settings):
    return [lines(one)[1][1].decode() for one in answer(raw, **settings)]


def error(raw, **settings):
    (one,) = answer(raw, **settings)
    msa, err = lines(one)[1:]
    return msa[1].decode(), err[3].split(b"^")[0].decode(), err[5].decode()


def test_an_acknowledgement_swaps_sender_and_receiver_and_echoes_what_identifies_the_message():
    (one,) = answer()

    msh, msa = lines(one)
    assert msh[1:6] == [b"^~\\&", b"PRM", b"PT", b"EMR", b"HARBOR"]
    assert (msh[6], msh[8], msh[10], msh[11]) == (b"20261120150000+0000", b"ACK^A04", b"P", b"2.5.1")
    assert msh[17] == b"UNICODE UTF-8"
    assert msa == [b"MSA", b"AA", b"77"]


def test_python_hl7_reads_the_acknowledgement_as_its_own_create_ack_would_make_it():
    told = hl7.parse(answer()[0].decode())
    own = hl7.parse(ADT.decode()).create_ack("AA", message_id="1")

    for place in ("MSH.3", "MSH.4", "MSH.5", "MSH.6", "MSH.11", "MSH.12", "MSA.1", "MSA.2"):
        segment, _dot, number = place.partition(".")
        assert str(told.segment(segment)[int(number)]) == str(own.segment(segment)[int(number)]), place


@given(st.binary(min_size=1, max_size=30).map(lambda raw: bytes(b for b in raw if b not in b"\r\n|\x0b\x1c")))
def test_the_control_id_comes_back_byte_for_byte_whatever_it_is(control):
    (one,) = answer(with_msh(10, control))

    assert lines(one)[1][2:] == [control]


def test_an_empty_control_id_is_answered_with_an_empty_one():
    assert lines(answer(with_msh(10, b""))[0])[1] == [b"MSA", b"AA", b""]


def test_the_senders_own_marks_are_used():
    (one,) = answer(b"MSH#*!?%#EMR#H#PRM#PT#20261120##ADT*A08#5#T#2.5\rPID#1##9\r")

    assert one.startswith(b"MSH#*!?%#PRM#PT#EMR#H#")
    assert b"#ACK*A08#" in one
    msa, err = one.split(b"\r")[1:3]
    assert msa.startswith(b"MSA#AR#5#MSH-11 is ")
    assert err.startswith(b"ERR##MSH*1*11#202*Unsupported processing id*HL70357#E#processing_id###MSH-11 is ")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"PID|1||9^^^EMR\r", ("AR", "100", "no_msh")),
        (b"", ("AR", "100", "no_msh")),
        (b"ZZZ|1\r" + ADT, ("AR", "100", "no_msh")),
        (with_msh(2, b""), ("AR", "102", "delimiters")),
        (with_msh(2, b"^^^^"), ("AR", "102", "delimiters")),
        (with_msh(2, b"abcd"), ("AR", "102", "delimiters")),
        (with_msh(11, b"T"), ("AR", "202", "processing_id")),
        (with_msh(11, b"D"), ("AR", "202", "processing_id")),
    ],
)
def test_what_will_never_work_is_answered_ar_with_its_code_of_table_0357(raw, expected):
    assert error(raw) == expected


def test_a_message_that_is_too_large_is_answered_ar_207():
    (one,) = answer(ADT, acks.too_large(5_000_000))

    msa, err = lines(one)[1:]
    assert (msa[1], err[3], err[5]) == (b"AR", b"207^Application internal error^HL70357", b"too_large")
    assert b"5,000,000 bytes" in err[8]


@pytest.mark.parametrize(
    "raw",
    [
        with_msh(9, b""), with_msh(9, b"ADT^"), with_msh(9, b"^^ADT_A01"), with_msh(7, b""), with_msh(7, b"2024"),
        with_msh(12, b"2.9"), with_msh(12, b"3.0"), with_msh(11, b""), with_msh(18, b"KLINGON"),
        ADT.replace(b"\r", b"\n"), ADT.replace(b"\r", b"\r\n"), b"\xef\xbb\xbf" + ADT, ADT.rstrip(b"\r"),
        ADT.replace(b"PID", b"NTE"), ADT + b"NTE|1||\xff\xfe\x00\r",
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_content_is_ours_to_mend_and_answered_aa(raw):
    assert codes(raw) == ["AA"]


def test_the_feed_says_which_processing_ids_it_takes():
    assert codes(with_msh(11, b"T"), processing_ids=["P", "T"]) == ["AA"]
    assert codes(ADT, processing_ids=["T"]) == ["AR"]


def test_an_acknowledgement_is_never_answered():
    assert answer(with_msh(9, b"ACK^A04") + b"MSA|AA|77\r") == []
    assert answer(with_msh(11, b"X", with_msh(9, b"ACK"))) == []


def test_before_version_2_5_the_error_stands_in_err_1():
    (one,) = answer(with_msh(12, b"2.3", with_msh(11, b"T")))

    msa, err = lines(one)[1:]
    assert (msa[1], err[1]) == (b"AR", b"MSH^1^11^202&Unsupported processing id&HL70357")


def test_marks_within_our_own_words_are_escaped():
    (one,) = answer(with_msh(2, b"^^^^"))

    err = lines(one)[2]
    assert b"\\F\\\\S\\\\R\\\\E\\\\T\\" in err[8]  # "such as |^~\&"
    assert len(err) == 9


ENHANCED = [
    ("AL", "", "AA", ["CA"]), ("AL", "NE", "AA", ["CA"]), ("AL", "AL", "AA", ["CA", "AA"]),
    ("NE", "AL", "AA", ["AA"]), ("NE", "NE", "AA", []), ("ER", "SU", "AA", ["AA"]),
    ("SU", "ER", "AA", ["CA"]), ("ER", "ER", "AA", []), ("SU", "SU", "AA", ["CA", "AA"]),
    ("AL", "AL", "AR", ["CR"]), ("ER", "AL", "AR", ["CR"]), ("SU", "ER", "AR", ["AR"]),
    ("NE", "ER", "AR", ["AR"]), ("NE", "NE", "AR", []), ("SU", "SU", "AR", []),
    ("AL", "AL", "AE", ["CA", "AE"]), ("ER", "ER", "AE", ["AE"]), ("SU", "SU", "AE", ["CA"]),
]  # fmt: skip


@pytest.mark.parametrize(("accept", "application", "code", "told"), ENHANCED)
def test_in_enhanced_mode_the_sender_gets_what_msh_15_and_16_ask_for(accept, application, code, told):
    raw = with_msh(16, application.encode(), with_msh(15, accept.encode()))
    verdict = ACCEPTED if code == "AA" else Verdict(code, Refusal("dead", "patient_missing", "No PID.", "PID"))

    answers = answer(raw, verdict)

    assert [lines(one)[1][1].decode() for one in answers] == told
    assert {lines(one)[1][2] for one in answers} <= {b"77"}
    assert all(lines(one)[0][14:16] == [b"NE", b"NE"] for one in answers)


@given(st.binary(max_size=200))
def test_any_bytes_are_answered_without_an_exception_and_with_one_message(raw):
    found = acks.answers(raw, acks.judge(raw, SETTINGS), now=NOW)

    assert len(found) <= 2
    assert all(one.startswith(b"MSH") and one.count(b"\rMSA") == 1 for one in found)
