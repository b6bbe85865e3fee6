"""The discharge messages of the smoke: a real sample made usable, and our own."""

from datetime import datetime
from pathlib import Path

OWN = (
    "MSH|^~\\&|SMOKE|CLINIC|PRM|PRM|{stamp}||ADT^A03|SMOKE{number}|P|2.5.1\r"
    "EVN|A03|{stamp}\r"
    "PID|1||{mrn}^^^SMOKE^MR||{last}^{first}||19700101|F|||1 Test Way^^Oakland^CA^94607^USA||"
    "^PRN^CP^^1^415^55501{number:02d}~^NET^Internet^{email}||{language}\r"
    "PV1|1|O|CLINIC^^^Smoke Clinic||||T1^Nair^Priya||||||||||||V{mrn}|||||||||||||||||01||||||||{opened}|{stamp}\r"
)


def from_sample(path: Path, email: str) -> bytes:
    """The A03 sample, given an e-mail address, alive, and with one time for all.

    The sample's own times contradict each other by forty years and its patient is dead (PID-29, PID-30), whom nobody
    writes to. `ingest --rebase` moves what is left.
    """
    lines = path.read_bytes().replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")
    ended = next(line.split(b"|")[45] for line in lines if line.startswith(b"PV1|"))
    made = []
    for line in lines:
        fields = line.split(b"|")
        if fields[0] == b"MSH":
            fields[6] = ended
        elif fields[0] == b"EVN":
            fields[2:] = [ended]
        elif fields[0] == b"PID":
            fields[13] = f"^NET^Internet^{email}".encode()
            fields[29:31] = [b"", b""]
        made.append(b"|".join(fields))
    return b"\r".join(made)


def own(number: int, *, first: str, last: str, email: str, opened: datetime, ended: datetime, language: str) -> bytes:
    """A discharge of our own."""
    return OWN.format(
        number=number, mrn=f"{ended:%d%H%M%S}{number:02d}", first=first, last=last, email=email, language=language,
        opened=f"{opened:%Y%m%d%H%M%S%z}", stamp=f"{ended:%Y%m%d%H%M%S%z}",
    ).encode()  # fmt: skip
