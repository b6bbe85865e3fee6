"""The signed paper of an agreement: what may be kept, and keeping it encrypted."""

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, UnidentifiedImageError

from accounts.models import Agreement, AgreementFile

LARGEST = 10 * 2**20  # bytes
MOST_PIXELS = 40_000_000  # a page scanned at 600 dpi has 34 million
PDF = "application/pdf"
PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that may be kept."""

    name: str
    media_type: str
    plain: bytes


def check(upload: UploadedFile) -> Paper:
    """A PDF as it came, or a picture written anew without what else it carried. ValidationError says what is wrong."""
    name = PurePath(upload.name or "agreement").name
    if (upload.size or 0) > LARGEST:
        raise ValidationError(f"{name} has {(upload.size or 0) / 2**20:.0f} MB. A file may have 10 MB.")
    plain = upload.read()
    if plain.startswith(b"%PDF-"):
        if b"%%EOF" not in plain[-2048:]:
            raise ValidationError(f"{name} ends in the middle. Save the PDF again and choose it once more.")
        return Paper(_named(name, ".pdf"), PDF, plain)
    return _picture(name, plain)


def keep(agreement: Agreement, paper: Paper, *, now: datetime) -> AgreementFile:
    """Put the paper in the place of the one that was there. Runs in the caller's transaction."""
    AgreementFile.objects.filter(agreement=agreement).delete()
    kept = AgreementFile(
        practice_id=agreement.practice_id, agreement=agreement, name=paper.name, media_type=paper.media_type,
        size=len(paper.plain), added_at=now,
    )  # fmt: skip
    kept.seal(paper.plain)
    kept.save(force_insert=True)
    return kept


def _picture(name: str, plain: bytes) -> Paper:
    refusal = ValidationError(f"{name} is neither a PDF nor a JPEG, PNG or WEBP picture.")
    try:
        with Image.open(io.BytesIO(plain), formats=list(PICTURES)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValidationError(f"{name} has more than 40 million points. Scan it with 300 dpi.")
            kind = str(picture.format)
            written = io.BytesIO()
            picture.convert("RGB").save(written, format=kind, quality=88)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise refusal from None
    if written.tell() > LARGEST:
        raise ValidationError(f"{name} is larger than 10 MB as a plain picture. Save it as a PDF.")
    return Paper(_named(name, f".{kind.lower()}"), PICTURES[kind], written.getvalue())


def _named(name: str, suffix: str) -> str:
    """The name with the suffix of what it is, short enough for its column."""
    return PurePath(name).stem[: 160 - len(suffix)] + suffix
