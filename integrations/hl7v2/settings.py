"""What can be set for a feed of HL7 v2 messages."""

import codecs
import re
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from integrations.keys import Key, one_of, switch, whole, words, zone

EPISODE_FIELDS = ("PID-18", "PV1-5", "PV1-19", "PV1-50")


def place(text: str) -> str:
    """A segment's field such as `ZPC-1` or `PID-18.1`; empty for none."""
    if text and not re.fullmatch(r"[A-Z][A-Z0-9]{2}-\d{1,3}(\.\d{1,2})?", text):
        raise ValueError(text)
    return text


def episode_place(text: str) -> str:
    """A field that may name the episode: one of EPISODE_FIELDS, or a field of a Z segment; empty for none."""
    if text and text not in EPISODE_FIELDS and not re.fullmatch(r"Z[A-Z0-9]{2}-\d{1,3}(\.\d{1,2})?", text):
        raise ValueError(text)
    return text


def charset(text: str) -> str:
    """A character set that Python knows."""
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError(text) from None


def port(text: str) -> int | None:
    """A port for the feed alone, within those that the listener may open; None for 0, which is none."""
    number = int(text or "0")
    if number and not settings.MLLP_FIRST_PORT <= number <= settings.MLLP_LAST_PORT:
        raise ValueError(text)
    return number or None


def networks(text: str) -> list[str]:
    """Addresses or networks, one spelling each."""
    return [str(ip_network(word.strip())) for word in text.split(",") if word.strip()]


def certificate(text: str) -> str:
    """A certificate in PEM, one spelling; empty for none."""
    return x509.load_pem_x509_certificate(text.encode()).public_bytes(Encoding.PEM).decode() if text else ""


KEYS = (
    Key("a03_means", "episode", "episode, visit or ignore", one_of("episode", "visit", "ignore"), "A03 means"),
    Key("episode_key", "", f"{', '.join(EPISODE_FIELDS)} or a Z field such as ZPC-2", episode_place, "Episode number"),
    Key("processing_ids", ["P", ""], "a comma-separated list of MSH-11 values, such as P,T", words, "Processing ids"),
    Key("zone", "", "a time zone such as America/New_York", zone, "Time zone of times without offset"),
    Key("order_by", "MSH-7", "MSH-7 or EVN-2", one_of("MSH-7", "EVN-2"), "Messages are ordered by"),
    Key("charset", "cp1252", "a character set such as cp1252", charset, "Character set where none is told"),
    Key("visit_classes", [], "PV1-2 values that count as visits besides outpatient ones", words, "Further classes"),
    Key("planned_visits", "", "a field such as ZPC-1", place, "Planned visits"),
    Key("planned_per_week", "", "a field such as ZPC-2", place, "Visits a week"),
    Key("authorised_visits", "", "a field such as ZAU-1", place, "Authorized visits"),
    Key("authorised_to", "", "a field such as ZAU-2", place, "Authorized until"),
    Key("surgery_date", "", "a field such as ZSX-1", place, "Date of surgery"),
    Key("gap_days", 60, "30 to 180", whole(30, 180), "Days without a visit that end an episode"),
    Key(
        "mllp_port",
        0,
        "0 or a port that the listener may open (PRM_MLLP_FIRST_PORT to PRM_MLLP_LAST_PORT)",
        port,
        "Listens on port",
    ),
    Key(
        "mllp_addresses",
        [],
        "addresses or networks that may connect, such as 10.1.2.3,10.9.0.0/24",
        networks,
        "Lets in",
    ),
    Key(
        "mllp_certificate",
        "",
        "a client's certificate in PEM",
        certificate,
        "Client certificate",
    ),
    Key("mllp_tls", False, "on or off: whether the feed's own port speaks TLS", switch, "Its port speaks TLS"),
    Key("strict", False, "on or off", switch, "Answer AE where a message cannot be used"),
)
