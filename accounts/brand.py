"""A practice's colour and logo: what they must be before anybody sees them.

White text stands on the colour (portal mark, e-mail button), so it is darkened until it can be read (ui.md §2). A logo
is re-encoded: nothing of the file that was sent is kept but its pixels (security.md §3).
"""

import base64
import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import atan2, cos, hypot, sin
from threading import Lock

from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from PIL import Image, ImageFile, UnidentifiedImageError

from accounts.models import Logo, Practice

ENOUGH = 4.5  # WCAG 1.4.3, text
STEP = 0.01  # of OKLCH lightness
LARGEST_FILE = 2 * 2**20
MOST_PIXELS = 25_000_000  # a decompression bomb is refused by its header, before anything is decoded
LARGEST = (640, 240)  # what is kept: twice the largest size shown
SMALLEST = 32
FORMATS = ("JPEG", "PNG", "WEBP")
_decoding = Lock()


def contrast_with_white(colour: str) -> float:
    """WCAG's contrast ratio of white on `#rrggbb`: 1 to 21."""
    red, green, blue = (_linear(part) for part in _parts(colour))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def darken(colour: str) -> str:
    """`#rrggbb` with its OKLCH lightness lowered by 0.01 until white on it is ≥ 4.5:1; as given where it is so."""
    found = colour.lower()
    lightness, chroma, hue = _oklch(found)
    while contrast_with_white(found) < ENOUGH:
        lightness = max(lightness - STEP, 0.0)
        found = _hex(lightness, chroma, hue)
    return found


def read_and_darken(text: str) -> str:
    """A colour as typed (`#195949`, `195949`, `#1a5`), darkened. ValidationError for what is no colour."""
    digits = text.strip().removeprefix("#").lower()
    if re.fullmatch(r"[0-9a-f]{3}", digits):
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch(r"[0-9a-f]{6}", digits):
        raise ValidationError(
            f"“{text.strip()}” is no colour: enter # and six digits or letters from a to f, like #195949."
        )
    return darken(f"#{digits}")


def _parts(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _gamma(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _oklch(colour: str) -> tuple[float, float, float]:
    """Lightness 0-1, chroma, hue in radians. Matrices: Björn Ottosson, “A perceptual color space”, 2020."""
    r, g, b = (_linear(part) for part in _parts(colour))
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    second = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short, hypot(a, second), atan2(second, a)


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """`#rrggbb` of a colour; what screens cannot show loses chroma, never its hue or lightness."""
    for part in range(20, -1, -1):
        channels = _linear_rgb(lightness, chroma * part / 20, hue)
        if all(-0.0005 <= channel <= 1.0005 for channel in channels):
            break
    return "#" + "".join(f"{round(255 * min(max(_gamma(max(channel, 0.0)), 0.0), 1.0)):02x}" for channel in channels)


def _linear_rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * cos(hue), chroma * sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A logo as we serve it."""

    png: bytes
    width: int
    height: int

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal: the name under which the picture is served, for ever the same bytes."""
        return hashlib.sha256(self.png).hexdigest()


def read_logo(content: bytes) -> Picture:
    """A JPEG, PNG or WEBP of at most 2 MB as a PNG of at most 640 × 240, without any metadata.

    ValidationError says what was found and what is expected. Source: security.md §3, uploads.
    """
    if len(content) > LARGEST_FILE:
        raise ValidationError("The file is larger than 2 MB, the most that a logo may have.")
    if b"<svg" in content[:1024].lower():
        raise ValidationError(
            "This is an SVG. It can carry programs that would run in your patients' browsers, so we take pictures "
            "only: export it as PNG."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _whole_files_only(), Image.open(io.BytesIO(content), formats=FORMATS) as found:
                return _redraw(found)
    except UnidentifiedImageError:
        raise ValidationError("This file is no picture that we can read. Send a PNG, JPEG or WEBP.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValidationError(_too_many("more than 80 million")) from None
    except (OSError, SyntaxError, ValueError, EOFError):  # what Pillow's decoders raise for a broken file
        raise ValidationError(
            "The picture is damaged: it ends too early or cannot be decoded. Export it again."
        ) from None


@contextmanager
def _whole_files_only() -> Iterator[None]:
    """Refuse a picture that ends too early: WeasyPrint tells Pillow to fill such ones up, for the whole process."""
    with _decoding:
        before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _redraw(found: Image.Image) -> Picture:
    width, height = found.size
    if width * height > MOST_PIXELS:
        raise ValidationError(_too_many(f"{width * height / 1e6:.0f} million"))
    if width < SMALLEST or height < SMALLEST:
        raise ValidationError(
            f"The picture has {width} × {height} pixels. A logo needs at least {SMALLEST} × {SMALLEST}."
        )
    found.load()
    kept = found.convert("RGBA")
    kept.thumbnail(LARGEST, Image.Resampling.LANCZOS)
    clean = Image.new("RGBA", kept.size)
    clean.paste(kept)
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return Picture(out.getvalue(), *clean.size)


def _too_many(count: str) -> str:
    return f"The picture has {count} pixels. A logo may have at most {MOST_PIXELS / 1e6:.0f} million."


def logo_address(practice: Practice) -> str:
    """Where mails fetch a practice's logo from; empty without one.

    From our own site, not inside the mail: a part of its own would make each mail larger and show as an attachment. The
    address is the same for all readers, so fetching it tells nothing about one of them.
    """
    if not practice.logo:
        return ""
    path = reverse("logo", kwargs={"media_practice": practice.public_id, "digest": practice.logo})
    return f"{settings.SITE_URL}{path}"


def as_data(practice: Practice) -> str:
    """The logo as a `data:` address, for PDFs, which fetch nothing; empty without one. In the practice's context."""
    found = Logo.objects.filter(digest=practice.logo).first() if practice.logo else None
    return f"data:image/png;base64,{base64.b64encode(bytes(found.content)).decode()}" if found else ""


def keep_logo(picture: Picture, *, now: datetime) -> Logo:
    """The row of a picture, made where the practice has not had it before. In the practice's context."""
    kept, _made = Logo.objects.get_or_create(
        digest=picture.digest,
        defaults={"content": picture.png, "width": picture.width, "height": picture.height, "at": now},
    )
    return kept
