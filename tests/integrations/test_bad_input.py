"""Every row of integrations.md §7 that concerns files of HL7 v2 and FHIR, and the readings of §3 to §5."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.context import Context
from integrations.facts import CLOSING, LINK, PATIENT, VISIT
from integrations.fhir import document
from integrations.fhir import parse as fhir
from integrations.hl7v2 import fields, message
from integrations.hl7v2 import parse as hl7v2
from integrations.kinds import KINDS
from integrations.rebase import parse_ago, rebase
from tests.integrations.messages import DAY, FIRST, NOW, Emr, fhir_history, history, resource, stamp

NEW_YORK = ZoneInfo("America/New_York")


def context(kind="hl7v2", **settings):
    return Context(NOW, KINDS[kind].settings("", settings), NEW_YORK)


def read(raw, **settings):
    return hl7v2.parse(raw, context(**settings))


def verdict(parsed):
    return parsed.outcome, parsed.code


def values(parsed, entity):
    found = {}
    for fact in parsed.facts:
        if fact.entity == entity:
            found |= fact.values
    return found


EMR = Emr()
GOOD = EMR.register(FIRST)


def with_msh(number, text):
    lines = GOOD.split(b"\r")
    parts = lines[0].split(b"|")
    parts[number - 1] = text
    return b"\r".join([b"|".join(parts), *lines[1:]])


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ("rejected", "no_msh")),
        (b"\x16\x03\x01\x02\x00\x01\x00", ("rejected", "no_msh")),
        (with_msh(2, b""), ("rejected", "delimiters")),
        (with_msh(2, b"^^\\&"), ("rejected", "delimiters")),
        (with_msh(2, b"^~A&"), ("rejected", "delimiters")),
        (with_msh(9, b""), ("dead", "message_type_missing")),
        (with_msh(9, b"ADT^"), ("dead", "message_type_missing")),
        (with_msh(9, b"^^ADT_A01"), ("dead", "message_type_missing")),
        (with_msh(11, b"T"), ("rejected", "processing_id")),
        (with_msh(11, b""), ("apply", "")),
        (with_msh(9, b"ACK^A04"), ("ignored", "acknowledgement")),
        (with_msh(9, b"ORU^R01"), ("ignored", "event_not_used")),
        (GOOD + b"NTE|1||" + b"x" * (4 * 2**20), ("rejected", "too_large")),
        (EMR.message("ADT^A04", FIRST, pid="NK1|1"), ("dead", "patient_missing")),
        (EMR.message("ADT^A04", FIRST, pid="PID|1||123-45-6789^^^SS^SS||Doe^Jo"), ("dead", "no_usable_identifier")),
        (EMR.message("ADT^A04", FIRST, pid="PID|1||123456789^^^USSSA||Doe^Jo"), ("dead", "no_usable_identifier")),
        (EMR.message("ADT^A04", FIRST, "PID|2||9^^^EMR^MR"), ("dead", "second_patient")),
        (EMR.message("ADT^A40", FIRST), ("dead", "merge_incomplete")),
        (EMR.message("ADT^A40", FIRST, "MRG|700001^^^EMR^MR"), ("ignored", "merged_with_itself")),
        (EMR.message("SIU^S12", FIRST, "SCH||"), ("dead", "visit_key_missing")),
        (EMR.message("SIU^S12", FIRST, "SCH|1|1"), ("dead", "start_missing")),
        (EMR.message("SIU^S13", FIRST, "SCH|1|1"), ("dead", "start_missing")),
        (EMR.message("SIU^S15", FIRST, "SCH|1|1"), ("apply", "")),
        (EMR.message("SIU^S17", FIRST, "SCH|1|1"), ("apply", "")),
        (EMR.message("SIU^S26", FIRST, "SCH|1|1"), ("apply", "")),
        (EMR.message("SIU^S23", FIRST, "SCH|1|1"), ("ignored", "not_a_visit")),
        (EMR.booking("S12", FIRST, "V", FIRST, status="Waitlist"), ("ignored", "not_a_visit")),
        (EMR.message("DFT^P03", FIRST, EMR.pv1(number="V1"), "FT1|1|||||CG"), ("dead", "start_missing")),
    ],
)  # fmt: skip
def test_hl7_that_cannot_be_used_says_why(raw, outcome):
    parsed = read(raw)
    assert verdict(parsed) == outcome
    assert bool(parsed.facts) == (outcome[0] == "apply")
    assert bool(parsed.reason) == (outcome[0] != "apply")


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        (with_msh(10, b""), "control_id_missing"),
        (with_msh(7, b""), "source_time_unreadable"),
        (with_msh(7, b"2024"), "source_time_unreadable"),
        (with_msh(7, b"20241301"), "source_time_unreadable"),
        (with_msh(7, b"20240101120000 EST"), "source_time_unreadable"),
        (with_msh(7, b"20300101120000"), "source_time_future"),
        (with_msh(12, b"2.9"), "version_unknown"),
        (with_msh(12, b"3.0"), "version_unknown"),
        (with_msh(18, b"KLINGON"), "charset_unknown"),
        (GOOD.replace(b"Ruth", b"Ru\x00th"), "nul_removed"),
        (GOOD.replace(b"Ruth", b"Zo\xeb").replace(b"UNICODE UTF-8", b""), "charset_guessed"),
        (GOOD.replace(b"Ruth", b"\xed\xa0\x80"), "charset_guessed"),
        (EMR.register(FIRST, ids="", second="77^^^EMR"), "pid2_used"),
        (EMR.register(FIRST, born="196203520"), "birth_date_unreadable"),
        (EMR.register(FIRST, born="20990101"), "birth_date_unreadable"),
        (EMR.register(FIRST, born="18891231"), "birth_date_unreadable"),
        (EMR.register(FIRST, name=""), "name_missing"),
        (EMR.register(FIRST, name="TEST^PATIENT"), "test_name"),
        (EMR.register(FIRST, name="ZZTEST^ANNA"), "test_name"),
        (EMR.register(FIRST, telecom="5550100"), "phone_unreadable"),
        (EMR.register(FIRST, telecom="^NET^Internet^none@none"), "email_unreadable"),
        (EMR.message("ADT^A03", FIRST), "no_pv1"),
        (GOOD.replace(b"EVN|A04", b"EVN|A01"), "evn_differs"),
        (GOOD.replace(b"PV1|1|O", b"PV1|1|I"), "inpatient_class"),
        (b"\r".join([GOOD.split(b"\r")[0], GOOD.split(b"\r")[3], *GOOD.split(b"\r")[1:3]]), "segment_order"),
        (EMR.message("ADT^A40", FIRST, "MRG|8^^^EMR^MR", pid=EMR.pid(ids="700001^^^EMR^MR~8^^^EMR^MR")),
         "retired_id_repeated"),
    ],
)  # fmt: skip
def test_hl7_that_was_read_around_is_applied_and_flagged(raw, flag):
    parsed = read(raw)
    assert verdict(parsed) == ("apply", "")
    assert flag in parsed.flags
    assert parsed.facts


def test_what_cannot_be_read_makes_no_statement_and_what_is_empty_neither_but_two_quotes_delete():
    unreadable = values(read(EMR.register(FIRST, born="196203520", telecom="5550100")), PATIENT)
    empty = values(read(EMR.register(FIRST, born="", sex="")), PATIENT)
    deleted = values(read(EMR.register(FIRST, born='""', sex='""', telecom='""')), PATIENT)
    assert not {"birth_date", "phone"} & unreadable.keys()
    assert not {"birth_date", "sex"} & empty.keys()
    assert {deleted[unit] for unit in ("birth_date", "sex", "phone", "email")} == {None}


@pytest.mark.parametrize(
    ("told", "born"),
    [("19890118000000", "1989-01-18"), ("198808181126+0215", "1988-08-18"), ("19550303", "1955-03-03")],
)
def test_birth_dates_are_never_shifted(told, born):
    assert values(read(EMR.register(FIRST, born=told)), PATIENT)["birth_date"] == born


def test_a_social_security_number_is_stated_nowhere():
    parsed = read(EMR.register(FIRST, ids="123456789^^^USSSA^SS~700001^^^EMR^MR~987654321^^^^^USSSA^"))
    assert "123456789" not in str(parsed)
    assert "987654321" not in str(parsed)
    assert values(parsed, PATIENT)["identifiers"] == [["EMR", "700001", "MR"]]


def test_frames_line_ends_marks_and_missing_ends_do_not_matter():
    plain = message.canonical_bytes(GOOD)
    for form in (
        GOOD.replace(b"\r", b"\n"), GOOD.replace(b"\r", b"\r\n"), GOOD.rstrip(b"\r"), b"\xef\xbb\xbf" + GOOD,
        b"\x0b" + GOOD + b"\x1c\r",
    ):  # fmt: skip
        assert message.canonical_bytes(form) == plain
        assert [piece.data for piece in message.split_file(form)] == [plain]


def test_files_of_many_messages_are_split_framed_bare_or_batched():
    second = EMR.register(FIRST + DAY)
    head, tail = b"FHS|^~\\&\rBHS|^~\\&\r", b"BTS|2\rFTS|1\r"
    for file in (GOOD + second, GOOD + b"\r\r" + second, b"\x0b" + GOOD + b"\x1c\r\x0b" + second + b"\x1c\r",
                 head + GOOD + second + tail):  # fmt: skip
        pieces = message.split_file(file)
        assert [(verdict(read(piece.data)), piece.flags) for piece in pieces] == [(("apply", ""), ())] * 2


@pytest.mark.parametrize(
    ("file", "found"),
    [
        (b"BHS|^~\\&\r" + GOOD + b"BTS|5\r", [("", ("batch_count_differs",))]),
        (b"BHS|^~\\&\r" + GOOD, [("", ("batch_mark_missing",))]),
        (b"BHS|^~\\&\rBTS|0\r", [("empty_batch", ())]),
        (b"BHS|^~\\&\r" + GOOD.split(b"EVN")[0] + b"BHS|^~\\&\rEVN" + GOOD.split(b"EVN")[1] + b"BTS|1\r",
         [("batch_broken", ())]),
        (b"", [("empty", ())]),
        (b"ZPI|1\r" + GOOD, [("", ())]),  # the piece begins with Z and is refused by the reader
    ],
)  # fmt: skip
def test_batches_that_are_wrong_are_flagged_or_told(file, found):
    pieces = message.split_file(file)
    assert [(piece.refusal.code if piece.refusal else "", piece.flags) for piece in pieces] == found


def test_a_z_segment_before_the_header_is_refused():
    (piece,) = message.split_file(b"ZPI|1\r" + GOOD)
    assert verdict(read(piece.data)) == ("rejected", "no_msh")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"O\T\Neill", "O&Neill"), (r"A\F\B\S\C\R\D", "A|B^C~D"), (r"back\E\slash", "back\\slash"),
        (r"two\.br\lines", "two\nlines"), (r"\H\bold\N\ text", "bold text"), (r"\X41\ and \X0041\ ", "A and A "),
        (r"\Zunknown\ stays", r"\Zunknown\ stays"), ("lonely \\ mark", "lonely \\ mark"),
    ],
)  # fmt: skip
def test_escapes_are_resolved_and_unknown_ones_left(raw, shown):
    assert message.read(GOOD).unescape(raw) == shown


def test_delimiters_are_those_of_the_message():
    odd = GOOD.replace(b"\\&", b"!&").replace(b"^~", b"@*").replace(b"^", b"@").replace(b"|", b"#")
    assert values(read(odd), PATIENT)["name"] == {"first": "Ruth", "last": "Abara", "suffix": ""}


@pytest.mark.parametrize(
    ("told", "at", "flag"),
    [
        ("20260308023000", datetime(2026, 3, 8, 7, 30, tzinfo=UTC), "clock_gap"),  # 2:30 does not exist
        ("20261101013000", datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "clock_fold"),  # the first 1:30
        ("20260701", datetime(2026, 7, 1, 16, tzinfo=UTC), ""),  # a day: noon there
        ("202607011200+0200", datetime(2026, 7, 1, 10, tzinfo=UTC), ""),
    ],
)
def test_times_without_an_offset_are_the_clinics(told, at, flag):
    found = fields.moment(told, NEW_YORK)
    assert (found.at, found.shifted) == (at, flag)


@given(st.text(max_size=24))
def test_no_text_makes_a_moment_reader_fail(text):
    assert fields.moment(text, NEW_YORK) is None or fields.moment(text, NEW_YORK).at.tzinfo is not None


@given(st.datetimes(datetime.fromisoformat("1890-01-01"), datetime.fromisoformat("2200-01-01")), st.integers(-12, 14))
def test_a_moment_with_offset_is_read_back(wall, hours):
    sign = "-" if hours < 0 else "+"
    found = fields.moment(f"{wall:%Y%m%d%H%M%S}{sign}{abs(hours):02d}00", NEW_YORK)
    assert found.at.replace(tzinfo=None) + timedelta(hours=hours) == wall.replace(microsecond=0)


def test_a03_means_an_episode_a_visit_or_nothing_and_always_an_episode_for_a_recurring_patient():
    def units(klass="O", **settings):
        raw = EMR.discharge(FIRST + DAY, FIRST, number="V1", klass=klass)
        return {fact.entity for fact in read(raw, **settings).facts} - {"patient", "clinic", "therapist"}

    assert units() == {CLOSING}
    assert units(a03_means="visit") == {VISIT}
    assert units(a03_means="ignore") == set()
    assert units(klass="R", a03_means="visit") == {"episode"}
    assert units(klass="I") == set()
    assert units(klass="P", visit_classes=["P"]) == {CLOSING}


@pytest.mark.parametrize(
    ("code", "reason"),
    [("07", "patient_choice"), ("20", "deceased"), ("41", "deceased"), ("01", ""), ("moved", "moved")],
)
def test_dispositions_become_reasons(code, reason):
    parsed = read(EMR.discharge(FIRST + DAY, FIRST, disposition=code))
    assert values(parsed, CLOSING)["discharge"]["reason"] == reason


def test_the_effective_time_of_a_discharge_is_pv1_45_then_evn_6_then_evn_2():
    def at(raw):
        return datetime.fromisoformat(values(read(raw), CLOSING)["discharge"]["at"])

    told = EMR.discharge(FIRST + 5 * DAY, FIRST)
    without = EMR.discharge(FIRST + 5 * DAY, None)
    occurred = without.replace(
        f"EVN|A03|{stamp(FIRST + 5 * DAY)}".encode(), b"EVN|A03|20261017|||x|20261013120000+0000"
    )
    assert (at(told), at(without), at(occurred)) == (
        FIRST, FIRST + 5 * DAY, datetime(2026, 10, 13, 12, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize("event", ["A18", "A34", "A36", "A40", "A46", "A47"])
def test_merges_link_the_retired_id_to_the_survivor(event):
    parsed = read(EMR.message(f"ADT^{event}", FIRST, "MRG|8^^^EMR^MR"))
    assert values(parsed, LINK)["linked"] == {"from": "EMR|8", "to": "EMR|700001", "cause": event}


def test_a_group_appointment_is_one_visit_a_person():
    raw = EMR.booking("S12", FIRST, "G1", FIRST + DAY) + b"PID|2||9^^^EMR^MR||Cole^Sam\r"
    assert len([fact for fact in read(raw).facts if fact.entity == VISIT]) == 2


@pytest.mark.parametrize(
    ("told", "minutes"), [(("60", "s"), 1), (("45", "min"), 45), (("45", ""), 45), (("1", "h"), 60), (("30", "h"), 45)]
)
def test_the_length_of_an_appointment_has_a_unit(told, minutes):
    raw = EMR.booking("S12", FIRST, "V1", FIRST + DAY).replace(b"|45|min|^^45", f"|{told[0]}|{told[1]}|^^45".encode())
    schedule = values(read(raw), VISIT)["schedule"]
    assert datetime.fromisoformat(schedule["end"]) - datetime.fromisoformat(schedule["at"]) == timedelta(
        minutes=minutes
    )


# FHIR


def read_fhir(raw):
    return fhir.parse(raw, context("fhir"))


PERSON = {"reference": "Patient/p1"}
VISITED = {"status": "finished", "subject": PERSON, "class": {"code": "AMB"},
           "period": {"start": "2026-10-12T09:00:00-04:00", "end": "2026-10-12T09:45:00-04:00"}}  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (b'{"resourceType":"Patient","id":"p1"', ("dead", "not_json")),
        (b'{"resourceType":"Patient","id":"p1","id":"p2"}', ("dead", "not_json")),
        (b'{"resourceType":"Patient","id":"p1","x":NaN}', ("dead", "not_json")),
        (b'{"resourceType":"Patient","id":"p1","x":' + b"[" * 60 + b"]" * 60 + b"}", ("dead", "not_json")),
        (b'{"id":"p1"}', ("dead", "resource_type_missing")),
        (b"17", ("dead", "resource_type_missing")),
        (b"<Patient/>", ("dead", "fhir_xml")),
        (resource("Observation", "o", FIRST), ("ignored", "resource_not_used")),
        (resource("Patient", "", FIRST), ("dead", "id_missing")),
        (resource("Patient", "p1", FIRST, birthDate="2015-02-30"), ("dead", "date_invalid")),
        (resource("Encounter", "e", FIRST, **{**VISITED, "status": "done"}), ("dead", "code_unknown")),
        (resource("Encounter", "e", FIRST, **{**VISITED, "status": "unknown"}), ("ignored", "not_a_visit")),
        (resource("Encounter", "e", FIRST, **{**VISITED, "period": {}}), ("dead", "start_missing")),
        (resource("Encounter", "e", FIRST, **{**VISITED, "class": {"code": "IMP"}}), ("ignored", "inpatient_class")),
        (resource("Encounter", "e", FIRST, **{**VISITED, "subject": None}), ("dead", "patient_missing")),
        (resource("Encounter", "e", FIRST, **VISITED, modifierExtension=[{}]), ("dead", "modifier_extension")),
        (resource("Appointment", "a", FIRST, status="waitlist", participant=[{"actor": PERSON}]),
         ("ignored", "not_a_visit")),
        (resource("ServiceRequest", "s", FIRST, subject=PERSON, code={"text": "rehab"}), ("ignored", "not_therapy")),
        (resource("ServiceRequest", "s", FIRST, subject=PERSON, code={"coding": [{"code": "91251008"}]}),
         ("apply", "")),
    ],
)  # fmt: skip
def test_fhir_that_cannot_be_used_says_why(raw, outcome):
    parsed = read_fhir(raw)
    assert verdict(parsed) == outcome
    assert bool(parsed.facts) == (outcome[0] == "apply")


def test_an_end_before_the_start_is_dropped_and_flagged():
    parsed = read_fhir(resource("Encounter", "e", FIRST, **{
        **VISITED, "period": {"start": "2026-10-12T09:00:00Z", "end": "2026-10-12T08:00:00Z"}}))  # fmt: skip
    assert parsed.flags == ["end_before_start"]
    assert "end" not in values(parsed, VISIT)["clinical_times"]


def test_a_searchset_with_an_operation_outcome_applies_the_rest_and_flags_it():
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [
        {"resource": {"resourceType": "OperationOutcome", "issue": []}},
        {"resource": json.loads(fhir_history(FIRST)[2])},
    ]}  # fmt: skip
    parsed = read_fhir(json.dumps(bundle).encode())
    assert (verdict(parsed), parsed.flags) == (("apply", ""), ["operation_outcome"])


def test_one_bad_resource_of_a_bundle_leaves_the_others_and_is_named():
    good, bad = json.loads(fhir_history(FIRST)[2]), {"resourceType": "Patient", "id": "p9", "birthDate": "2015-02-30"}
    parsed = read_fhir(
        json.dumps({"resourceType": "Bundle", "entry": [{"resource": bad}, {"resource": good}]}).encode()
    )
    assert (verdict(parsed), parsed.where) == (("dead", "date_invalid"), "$.entry[0].resource.birthDate")
    assert {fact.key for fact in parsed.facts} == {"Patient/p1"}


def test_references_inside_a_bundle_and_inside_a_resource_are_resolved():
    bundle = {"resourceType": "Bundle", "entry": [
        {"fullUrl": "urn:uuid:aa-1", "resource": {"resourceType": "Patient", "name": [{"family": "Abara"}]}},
        {"resource": {"resourceType": "Encounter", "id": "e", **VISITED, "subject": {"reference": "urn:uuid:aa-1"}}},
    ]}  # fmt: skip
    assert values(read_fhir(json.dumps(bundle).encode()), VISIT)["patient"] == "Patient/aa-1"
    inside = resource("Encounter", "e", FIRST, **{**VISITED, "subject": {"reference": "#x"}},
                      contained=[{"resourceType": "Patient", "id": "x", "name": [{"family": "Abara"}]}])  # fmt: skip
    parsed = read_fhir(inside)
    assert values(parsed, VISIT)["patient"] == "Encounter/e|Patient/x"
    assert values(parsed, PATIENT)["name"]["last"] == "Abara"


def test_an_absent_element_of_a_full_resource_is_a_deletion():
    found = values(read_fhir(resource("Patient", "p1", FIRST)), PATIENT)
    assert {found[unit] for unit in ("name", "birth_date", "sex", "phone", "email", "address", "deceased_at")} == {None}


def test_a_file_of_lines_is_a_message_a_line():
    lines = b"\n".join(fhir_history(FIRST))
    assert [piece.data for piece in document.split_file(lines)] == fhir_history(FIRST)


# rebase


OLD = FIRST - 4000 * DAY


def test_rebase_moves_the_times_of_care_and_leaves_birth_dates_ids_and_the_hour():
    pieces = message.split_file(b"".join(history(OLD)))

    moved, shift, count = rebase("hl7v2", pieces, now=NOW, ago=parse_ago("2d"))

    first, last = read(moved[0].data), read(moved[-1].data)
    assert (shift.days > 4000, count > 20) == (True, True)
    assert values(first, PATIENT)["birth_date"] == "1955-03-03"
    assert last.source_ts == read(pieces[-1].data).source_ts + shift
    assert last.source_ts.date() == (NOW - 2 * DAY).date()
    assert values(last, CLOSING)["discharge"]["at"] > (NOW - 4 * DAY).isoformat()


def test_rebase_moves_fhir_dates_but_no_birth_date():
    pieces = document.split_file(b"\n".join(fhir_history(OLD)))

    moved, shift, _count = rebase("fhir", pieces, now=NOW, ago=parse_ago("2d"))

    patient = read_fhir(moved[2].data)
    assert values(patient, PATIENT)["birth_date"] == "1955-03-03"
    assert patient.source_ts == read_fhir(pieces[2].data).source_ts + shift


@pytest.mark.parametrize("text", ["", "2", "d", "two days", "-1d"])
def test_ago_is_a_number_with_a_unit(text):
    with pytest.raises(ValueError, match="expected a number with d or h"):
        parse_ago(text)
