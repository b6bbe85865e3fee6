"""The EMR of the demo: turns lives into the HL7 v2 messages that such an EMR would have sent."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prm.dev.demo.truth import Care, Life, PlannedVisit

AUTHORITY = "EMR"
EVALUATION_CPT, TREATMENT_CPT = "97161", "97110"
EPISODE_KEY, PLANNED_FIELD = "PID-18", "ZPC-1"  # settings of the demo's feed


def messages(lives: list[Life]) -> list[tuple[datetime, bytes]]:
    """All messages of all lives with the moment (aware) at which each arrives, oldest first."""
    sent = [message for life in lives for message in _of(life)]
    sent.sort(key=lambda message: message[0])
    return sent


def _of(life: Life) -> Iterator[tuple[datetime, bytes]]:
    for care in life.cares:
        yield _message(care.referred_at, "ADT^A04", life, care, _pv1(care), _dg1(care), _plan(care))
        for visit in care.visits:
            yield from _about(life, care, visit)
        if care.ended_at:
            yield _message(
                care.ended_at + timedelta(minutes=10),
                "ADT^A03",
                life,
                care,
                _pv1(care, ended=care.ended_at),
                _dg1(care),
            )


def _about(life: Life, care: Care, visit: PlannedVisit) -> Iterator[tuple[datetime, bytes]]:
    yield _message(visit.booked_at, "SIU^S12", life, care, *_booking(care, visit, "Booked"))
    if visit.outcome == "no_show":
        yield _message(visit.known_at, "SIU^S26", life, care, *_booking(care, visit, "Noshow"))
    elif visit.outcome == "cancelled":
        yield _message(visit.known_at, "SIU^S15", life, care, *_booking(care, visit, "Cancelled"))
    elif visit.outcome == "completed":
        yield _message(visit.known_at, "DFT^P03", life, care, _pv1(care, visit=visit), _charge(care, visit))


def _message(at: datetime, event: str, life: Life, care: Care, *segments: str) -> tuple[datetime, bytes]:
    stamp = _ts(at, care)
    control = f"{care.case}{event[-3:]}{int(at.timestamp())}"
    head = f"MSH|^~\\&|DEMO-EMR|{care.place.code}|PRM|PRM|{stamp}||{event}|{control}|P|2.5.1|||||||UNICODE UTF-8"
    evn = f"EVN|{event[-3:]}|{stamp}"
    language = {"en": "en^English^ISO639", "es": "es^Spanish^ISO639"}[life.language]
    email = f"~^NET^Internet^{life.email}" if life.email else ""
    pid = (
        f"PID|1||{life.mrn}^^^{AUTHORITY}^MR||{life.family}^{life.given}||{life.born:%Y%m%d}|{life.sex}|||"
        f"{life.street}^^Oakland^CA^94607^USA||{_xtn(life.phone)}{email}||{language}|||{care.case}"
    )
    parts = [head, *([evn] if event.startswith("ADT") else []), pid, *(part for part in segments if part)]
    if event.startswith("SIU"):  # SCH stands before PID
        parts = [head, segments[0], pid, *segments[1:]]
    return at, ("\r".join(parts) + "\r").encode()


def _xtn(phone: str) -> str:
    return f"^PRN^CP^^1^{phone[:3]}^{phone[3:]}"


def _ts(at: datetime, care: Care) -> str:
    return at.astimezone(ZoneInfo(care.place.zone)).strftime("%Y%m%d%H%M%S%z")


def _pv1(care: Care, *, ended: datetime | None = None, visit: PlannedVisit | None = None) -> str:
    fields = [""] * 46
    fields[0], fields[1], fields[2], fields[3] = "PV1", "1", "O", f"{care.place.code}^^^{care.place.name}"
    fields[7] = care.therapist
    if visit is not None:
        fields[19] = visit.number
        fields[44] = _ts(visit.starts_at, care)
    if ended is not None:
        fields[36] = care.reason
        fields[45] = _ts(ended, care)
    return "|".join(fields).rstrip("|")


def _dg1(care: Care) -> str:
    return f"DG1|1||{care.diagnosis}^^I10"


def _plan(care: Care) -> str:
    return f"ZPC|{care.planned}"


def _booking(care: Care, visit: PlannedVisit, status: str) -> list[str]:
    start = _ts(visit.starts_at, care)
    kind = "EVAL^Evaluation" if visit.evaluation else "TX^Treatment"
    return [
        f"SCH|{visit.number}|{visit.number}|||||{kind}|{kind}|45|min|^^45^{start}||||||||||||||{status}",
        f"AIS|1||{kind}|{start}|||45|min",
        f"AIL|1||{care.place.code}^^^{care.place.name}",
        f"AIP|1||{care.therapist}",
    ]


def _charge(care: Care, visit: PlannedVisit) -> str:
    fields = [""] * 26
    fields[0], fields[1], fields[4] = "FT1", "1", _ts(visit.starts_at, care)
    fields[6], fields[20], fields[25] = "CG", care.therapist, EVALUATION_CPT if visit.evaluation else TREATMENT_CPT
    return "|".join(fields)
