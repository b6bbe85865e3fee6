"""Codes of the outside world as ours: visit status, sex, language, payer, discharge reason, therapy, visit kind.

A feed's own `CodeMap` comes first, then these tables. A code that nobody knows makes no statement and is listed.
"""

from collections.abc import Iterable, Mapping

BOOKED, ARRIVED, COMPLETED, CANCELLED, NO_SHOW = "booked", "arrived", "completed", "cancelled", "no_show"

# At the same moment: completed > no-show > cancelled > arrived > booked (integrations.md §2).
STATUS_RANK = {COMPLETED: 5, NO_SHOW: 4, CANCELLED: 3, ARRIVED: 2, BOOKED: 1}

# HL7 v2 filler status codes (tables 0278), SCH-25, AIS-10, AIL-12, AIP-12. None: the appointment is none yet.
HL7_STATUS: Mapping[str, str | None] = {
    "PENDING": BOOKED, "BOOKED": BOOKED, "OVERBOOK": BOOKED, "CONFIRMED": BOOKED, "SCHEDULED": BOOKED,
    "STARTED": ARRIVED, "ARRIVED": ARRIVED, "CHECKEDIN": ARRIVED, "COMPLETE": COMPLETED, "COMPLETED": COMPLETED,
    "CANCELLED": CANCELLED, "CANCELED": CANCELLED, "DC": CANCELLED, "DELETED": CANCELLED, "NOSHOW": NO_SHOW,
    "WAITLIST": None, "BLOCKED": None,
}  # fmt: skip
APPOINTMENT_STATUS: Mapping[str, str | None] = {
    "pending": BOOKED, "booked": BOOKED, "arrived": ARRIVED, "checked-in": ARRIVED, "fulfilled": COMPLETED,
    "cancelled": CANCELLED, "noshow": NO_SHOW, "proposed": None, "waitlist": None,
}  # fmt: skip
ENCOUNTER_STATUS: Mapping[str, str | None] = {
    "planned": BOOKED, "arrived": ARRIVED, "triaged": ARRIVED, "in-progress": ARRIVED, "onleave": ARRIVED,
    "finished": COMPLETED, "cancelled": CANCELLED, "unknown": None,
    "on-hold": ARRIVED, "completed": COMPLETED, "discharged": COMPLETED, "discontinued": CANCELLED,  # R5 spellings
}  # fmt: skip

SEX = {"M": "male", "F": "female", "O": "other", "A": "other", "N": "other", "U": "unknown", "MALE": "male",
       "FEMALE": "female", "OTHER": "other", "UNKNOWN": "unknown"}  # fmt: skip

DISCHARGE_REASONS = frozenset({
    "goals_met", "plateau", "patient_choice", "non_attendance", "authorisation", "referred_on", "moved", "cost",
    "deceased", "administrative", "unknown",
})  # fmt: skip
# PV1-36, table 0112: 07 left against advice; 20 and 40-42 expired. 01 (home) says nothing about why.
DISPOSITIONS = {"07": "patient_choice", "20": "deceased", "40": "deceased", "41": "deceased", "42": "deceased"}

# Physical, occupational and speech therapy, by code and not by the word (integrations.md §3).
THERAPY = frozenset({
    "91251008", "722138006", *(str(code) for code in range(97161, 97169)), "225100000X", "225X00000X", "235Z00000X",
})  # fmt: skip
EVALUATION_CPT = frozenset({"97161", "97162", "97163", "97165", "97166", "97167", "92521", "92522", "92523"})
RE_EVALUATION_CPT = frozenset({"97164", "97168"})

# X12 claim filing indicators and the usual words of IN1-15, IN1-47 and Coverage.type.
PAYERS = {
    "MB": "medicare", "MA": "medicare", "MEDICARE": "medicare", "16": "medicare_advantage", "HN": "medicare_advantage",
    "MC": "medicaid", "MEDICAID": "medicaid", "MCPOL": "medicaid", "WC": "workers_comp", "WCBPOL": "workers_comp",
    "AM": "auto", "AUTOPOL": "auto", "09": "self_pay", "SELFPAY": "self_pay", "SELF-PAY": "self_pay",
    "SELF PAY": "self_pay", "PAY": "self_pay", "BL": "commercial", "CI": "commercial", "HM": "commercial",
    "HMO": "commercial", "PPO": "commercial", "POS": "commercial", "12": "commercial", "13": "commercial",
    "14": "commercial", "15": "commercial", "EHCPOL": "commercial", "PUBLICPOL": "other", "CH": "other", "VA": "other",
    "COMMERCIAL": "commercial", "HIP": "commercial", "MHS": "medicare_advantage", "RETIRE": "medicare",
    "SUBPOL": "medicaid", "WORKERS COMP": "workers_comp", "WORKERS' COMP": "workers_comp",
}  # fmt: skip

LANGUAGES = {
    "en": "en", "eng": "en", "english": "en", "ara": "ar", "es": "es", "spa": "es", "spanish": "es", "español": "es",
    "espanol": "es", "ar": "ar", "zh": "zh", "chi": "zh", "zho": "zh", "vie": "vi", "vi": "vi", "fr": "fr", "fre": "fr",
    "fra": "fr", "ger": "de", "deu": "de", "de": "de", "nl": "nl", "dut": "nl", "nld": "nl", "pt": "pt", "por": "pt",
    "rus": "ru", "ru": "ru", "kor": "ko", "ko": "ko", "tgl": "tl", "tl": "tl",
}  # fmt: skip


def language(*spellings: str) -> str | None:
    """A two-letter language from codes or words (`es-MX`, `spa`, `Spanish`); None where nobody knows it."""
    for spelling in spellings:
        low = spelling.strip().lower()
        if found := LANGUAGES.get(low) or LANGUAGES.get(low.split("-")[0].split("_")[0]):
            return found
    return None


def payer(*spellings: str) -> str | None:
    """Our payer kind of an insurance type, plan type or class code; None where nobody knows it."""
    for spelling in spellings:
        word = spelling.strip().upper()
        if word in PAYERS:
            return PAYERS[word]
        if word in {kind.upper() for kind in PAYERS.values()}:
            return word.lower()
    return None


def discharge_reason(code: str, feed_codes: Mapping[str, str]) -> str:
    """Our reason for a feed's code: its own map first, then our names, then PV1-36's dispositions; empty: unsaid."""
    word = code.strip()
    mapped = feed_codes.get(word) or feed_codes.get(word.lower())
    if mapped in DISCHARGE_REASONS:
        return mapped
    if word.lower() in DISCHARGE_REASONS:
        return word.lower()
    return DISPOSITIONS.get(word.zfill(2) if word.isdigit() else word, "")


def visit_kind(codes: Iterable[str]) -> str | None:
    """evaluation, re_evaluation or treatment from CPT codes or the feed's type; None where no code says it."""
    found = {code.strip().upper() for code in codes if code}
    if found & EVALUATION_CPT or found & {"EVAL", "EVALUATION", "IE", "INITIAL EVALUATION", "NEWPT"}:
        return "evaluation"
    if found & RE_EVALUATION_CPT or found & {"REEVAL", "RE-EVALUATION", "RE-EVAL", "PN"}:
        return "re_evaluation"
    if found & {"DS", "DISCHARGE", "DC VISIT"}:
        return "discharge"
    if found & {"TX", "TREATMENT", "DN", "FOLLOWUP", "FOLLOW-UP", "FOLLOW UP"} or any(
        code.startswith("97") and len(code) == 5 for code in found
    ):
        return "treatment"
    return None
