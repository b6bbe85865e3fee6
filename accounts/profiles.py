"""What a therapist's profile may hold: languages, states, work days; and how feeds write a credential."""

import re

from accounts import npi
from accounts.models import Therapist

# The languages most spoken at home in the United States (Census Bureau, American Community Survey), and sign language.
LANGUAGES = {
    "en": "English", "es": "Spanish", "zh": "Chinese", "tl": "Tagalog", "vi": "Vietnamese", "ar": "Arabic",
    "fr": "French", "ko": "Korean", "pt": "Portuguese", "ru": "Russian", "ht": "Haitian Creole", "hi": "Hindi",
    "de": "German", "pl": "Polish", "it": "Italian", "ase": "American Sign Language",
}  # fmt: skip
DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday",
    "Sun": "Sunday",
}  # fmt: skip
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    "AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico",
    "VI": "U.S. Virgin Islands",
}  # fmt: skip
# What EMRs write instead: degrees and licences of the same profession.
DEGREES = {
    "PT": "PT", "DPT": "PT", "MPT": "PT", "MSPT": "PT", "LPT": "PT", "RPT": "PT",
    "PTA": "PTA", "LPTA": "PTA",
    "OT": "OT", "OTR": "OT", "OTRL": "OT", "OTD": "OT", "MOT": "OT",
    "OTA": "OTA", "COTA": "OTA", "COTAL": "OTA",
    "SLP": "SLP", "CCCSLP": "SLP", "MSCCCSLP": "SLP",
    "ATC": "ATC", "AT": "ATC", "LAT": "ATC", "LATATC": "ATC",
}  # fmt: skip


def read_credential(text: str) -> str:
    """One of our credentials for what a feed says (“DPT”, “OTR/L”, “PT, DPT, OCS”); empty for what says none."""
    whole = re.sub(r"[^A-Z]", "", text.upper())
    parts = [re.sub(r"[^A-Z]", "", part) for part in re.split(r"[,;\s]+", text.upper())]
    return next((DEGREES[part] for part in (whole, *parts) if part in DEGREES), "")


def read_npi(text: str) -> str:
    """The ten digits of an NPI that a feed says, where they are one; else empty: a wrong number identifies nobody."""
    digits = re.sub(r"\D", "", text)
    return digits if npi.is_valid(digits) else ""


def in_words(codes: list[str], known: dict[str, str]) -> str:
    """“English, Spanish”: codes of LANGUAGES or DAYS in their order."""
    return ", ".join(word for code, word in known.items() if code in codes)


def seen(therapist: Therapist) -> str:
    """What an editor saw of a profile, to notice that somebody else changed it meanwhile."""
    fields = ("first_name", "last_name", "credential", "npi", "licence_number", "licence_state", "supervisor_id")
    return "|".join(
        [*(str(getattr(therapist, name) or "") for name in fields), *therapist.languages, *therapist.work_days]
    )
