"""Which feed an MLLP connection belongs to: by its client certificate, or by the feed's own port and addresses.

Never by MSH-3 or MSH-4, which anybody can write. A feed without addresses lets nobody in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from integrations.kinds import KINDS
from prm.tenancy import platform


@dataclass(frozen=True)
class Door:
    """One feed that listens. `port` 0: only by certificate; `certificate` empty: only by port and address."""

    practice_id: UUID
    feed_id: UUID
    settings: Mapping[str, Any]
    port: int = 0
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    certificate: str = ""  # PEM
    tls: bool = False  # its own port speaks TLS too

    def lets_in(self, address: str) -> bool:
        """Whether a peer of this address may use the feed's own port."""
        try:
            peer = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(peer, "ipv4_mapped", None)
        return any((mapped or peer) in network for network in self.addresses)


def find_doors() -> list[Door]:
    """The feeds of all practices that listen, paused ones too (what arrives is kept and waits)."""
    kind = KINDS["hl7v2"]
    found = []
    for row in platform.mllp_feeds():
        told = kind.settings(row["preset"], row["settings"])
        addresses = tuple(ip_network(one) for one in told["mllp_addresses"])
        found.append(Door(
            row["practice_id"], row["id"], told, told["mllp_port"] or 0, addresses, told["mllp_certificate"],
            told["mllp_tls"],
        ))  # fmt: skip
    return found


def by_address(doors: Iterable[Door], port: int, address: str) -> Door | None:
    """The feed of a peer at a port; None where none lets it in, or more than one does."""
    found = [door for door in doors if door.port == port and door.lets_in(address)]
    return found[0] if len(found) == 1 else None


def by_certificate(doors: Iterable[Door], der: bytes | None) -> Door | None:
    """The feed whose certificate the peer has shown; None where no feed, or more than one, names it."""
    if not der:
        return None
    shown = x509.load_der_x509_certificate(der).fingerprint(hashes.SHA256())
    found = [door for door in doors if door.certificate and _fingerprint(door.certificate) == shown]
    return found[0] if len(found) == 1 else None


def told(pem: str) -> str:
    """A certificate for a person: its SHA-256 fingerprint and until when it is valid."""
    read = x509.load_pem_x509_certificate(pem.encode())
    return f"SHA-256 {read.fingerprint(hashes.SHA256()).hex(':')}, until {read.not_valid_after_utc:%Y-%m-%d}"


def _fingerprint(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256())
