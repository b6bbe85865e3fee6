"""Words of other products for a visit's and a case's status, for yes and no. Compared as `plain` writes them."""

import re
from collections.abc import Mapping

from integrations.codes import ARRIVED, BOOKED, CANCELLED, COMPLETED, NO_SHOW


def plain(text: str) -> str:
    """Upper case, one space between words: `No-Show` and `no_show` are `NO SHOW`."""
    return re.sub(r"[\W_]+", " ", text.upper()).strip()


TRUE = frozenset({"YES", "Y", "TRUE", "T", "1", "X", "DELETED", "REMOVED", "VOID", "VOIDED"})
NO = frozenset({"NO", "N", "FALSE", "F", "0", "INACTIVE", "I", "ARCHIVED", "CLOSED"})

VISIT_STATUS: Mapping[str, str] = {
    **dict.fromkeys(("BOOKED", "SCHEDULED", "PENDING", "CONFIRMED", "UNCONFIRMED", "OPEN", "ACTIVE", "NEW", "OVERBOOK",
                     "PLANNED", "RESERVED", "UPCOMING", "REMINDED", "OVERBOOKED"), BOOKED),
    **dict.fromkeys(("ARRIVED", "CHECKED IN", "CHECKEDIN", "CHECK IN", "STARTED", "IN PROGRESS", "IN ROOM", "HERE",
                     "TRIAGED", "ROOMED"), ARRIVED),
    **dict.fromkeys(("COMPLETED", "COMPLETE", "CHECKED OUT", "CHECKEDOUT", "CHECK OUT", "FULFILLED", "FINISHED", "SEEN",
                     "KEPT", "ATTENDED", "DONE", "CLOSED", "BILLED", "SHOWED", "SHOW", "TREATED", "SIGNED",
                     "VISIT COMPLETE", "FINALIZED"), COMPLETED),
    **dict.fromkeys(("CANCELLED", "CANCELED", "CANCEL", "CXL", "CX", "DC", "DELETED", "LATE CANCEL",
                     "LATE CANCELLATION", "CANCELLED BY PATIENT", "CANCELED BY PATIENT", "PATIENT CANCELLED",
                     "PATIENT CANCELED",
                     "CANCELLED BY CLINIC", "CANCELED BY CLINIC", "CLINIC CANCELLED", "CLINIC CANCELED",
                     "CANCELLED BY PROVIDER", "CANCELED BY PROVIDER", "PROVIDER CANCELED", "PROVIDER CANCELLED",
                     "CANCELLATION", "INACTIVE", "RESCHEDULED", "CANCELLED LATE", "CANCELED LATE", "SAME DAY CANCEL",
                     "LATE CANCELLED", "LATE CANCELED"), CANCELLED),
    **dict.fromkeys(("NO SHOW", "NOSHOW", "NO SHOWED", "MISSED", "DNA", "DID NOT ATTEND", "DID NOT ARRIVE", "NS",
                     "FAILED TO ATTEND", "NO SHOW NO CALL", "NO CALL NO SHOW"), NO_SHOW),
}  # fmt: skip

CASE_STATUS: Mapping[str, str] = {
    **dict.fromkeys(("ACTIVE", "A", "OPEN", "OPENED", "CURRENT", "IN PROGRESS", "ON HOLD", "ONHOLD", "LAPSED", "TRUE",
                     "1", "REOPENED"), "active"),
    **dict.fromkeys(("PLANNED", "PENDING", "WAITLIST", "NEW", "REFERRED", "SCHEDULED"), "planned"),
    **dict.fromkeys(("DISCHARGED", "CLOSED", "INACTIVE", "I", "FINISHED", "COMPLETED", "COMPLETE", "DC", "D C", "D",
                     "C", "FALSE", "0", "CANCELLED", "CANCELED", "ENDED"), "closed"),
}  # fmt: skip

REFERRAL_SOURCES: Mapping[str, str] = {
    **dict.fromkeys(("PHYSICIAN", "DOCTOR", "MD", "PROVIDER", "REFERRING PHYSICIAN", "SURGEON", "PCP"), "physician"),
    **dict.fromkeys(("PATIENT", "FRIEND", "FAMILY", "PATIENT OR FRIEND", "WORD OF MOUTH", "FRIEND FAMILY"), "friend"),
    **dict.fromkeys(("WEBSITE", "WEB", "OWN WEB", "OUR WEBSITE"), "website"),
    **dict.fromkeys(("SEARCH", "GOOGLE", "INTERNET", "ONLINE", "SEARCH ENGINE"), "search"),
    **dict.fromkeys(("PAYER", "INSURANCE", "INSURER"), "payer"),
    **dict.fromkeys(("EMPLOYER", "WORK", "WORKPLACE"), "employer"),
    **dict.fromkeys(("EVENT", "COMMUNITY EVENT"), "event"),
    **dict.fromkeys(("FORMER PATIENT", "PREVIOUS PATIENT", "RETURNING PATIENT"), "former_patient"),
}  # fmt: skip
