"""Colour and logo: what is read on them, what of a file is kept, and what is refused with its reason."""

import io
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from accounts import brand
from accounts.models import Logo
from prm import clock

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(colour=colours)
def test_white_can_be_read_on_every_darkened_colour(colour):
    found = brand.darken(colour)

    assert brand.contrast_with_white(found) >= brand.ENOUGH
    assert brand.darken(found) == found  # saving it again changes nothing


@given(colour=colours)
def test_a_colour_is_darkened_no_further_than_it_must_be(colour):
    found = brand.darken(colour)

    if brand.contrast_with_white(colour) >= brand.ENOUGH:
        assert found == colour
    else:  # the step before would not have been enough; eight bits a channel blur a step a little
        lighter = brand._oklch(found)[0] + 2 * brand.STEP
        assert brand.contrast_with_white(brand._hex(lighter, *brand._oklch(found)[1:])) < brand.ENOUGH + 0.25


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("#195949", "#195949"),
        (" 195949 ", "#195949"),
        ("#000", "#000000"),
        ("FFFFFF", "#747474"),
        ("#ff0000", "#e61810"),
    ],
)
def test_a_colour_is_read_as_people_type_it(typed, kept):
    assert brand.read_and_darken(typed) == kept


@pytest.mark.parametrize("typed", ["", "green", "#12345", "#1234567", "#ggg000", "url(x)"])
def test_what_is_no_colour_is_told_with_an_example(typed):
    with pytest.raises(ValidationError, match="like #195949"):
        brand.read_and_darken(typed)


def picture(size=(300, 100), kind="PNG", mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, "teal").save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_of_each_kind_becomes_a_png_that_fits(kind):
    found = brand.read_logo(picture((3000, 600), kind))

    assert (found.width, found.height) == (640, 128)
    with Image.open(io.BytesIO(found.png)) as kept:
        assert (kept.format, kept.size) == ("PNG", (640, 128))


def test_what_the_camera_knew_is_gone():
    exif = Image.Exif()
    exif[0x010E] = "taken at Ruth's home"
    exif[0x8825] = {1: "N", 2: (37.0, 48.0, 0.0)}
    sent = picture(kind="JPEG", exif=exif, comment=b"taken at Ruth's home")
    assert b"Ruth" in sent

    found = brand.read_logo(sent)

    with Image.open(io.BytesIO(found.png)) as kept:
        assert (dict(kept.getexif()), kept.info) == ({}, {})
    assert b"Ruth" not in found.png


def test_half_a_picture_is_refused_whatever_other_code_told_pillow(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # WeasyPrint does
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = picture((300, 200), kind)
        with pytest.raises(ValidationError, match=r"damaged|no picture"):
            brand.read_logo(whole[: len(whole) * 2 // 3])
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_program_behind_the_picture_is_gone():
    assert b"<script" not in brand.read_logo(picture() + b"<script>alert(1)</script>").png


def header(width, height):
    """A PNG that claims a size and holds nothing."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + checked + struct.pack(">I", 10) + b"IDAT"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * (2 * 2**20 + 1), "larger than 2 MB"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "This is an SVG"),
        (b"GIF89a" + bytes(100), "no picture that we can read"),
        (b"%PDF-1.7", "no picture that we can read"),
        (b"", "no picture that we can read"),
        (picture()[:60], "damaged"),
        (header(6000, 6000), "36 million pixels"),
        (header(60000, 60000), "million pixels"),
        (picture((16, 16)), "at least 32 × 32"),
    ],
)
def test_what_is_refused_is_refused_with_its_reason(content, told):
    with pytest.raises(ValidationError, match=told):
        brand.read_logo(content)


@given(content=st.binary(max_size=200), kind=st.sampled_from(["JPEG", "PNG", "WEBP"]), at=st.integers(0, 400))
def test_a_broken_file_is_refused_and_never_an_error_of_ours(content, kind, at):
    whole = picture((64, 64), kind)
    broken = whole[:at] + content + whole[at + len(content) :]
    try:
        found = brand.read_logo(broken)
    except ValidationError:
        return
    assert found.png.startswith(b"\x89PNG")


def test_the_same_picture_is_kept_once(practice):
    found = brand.read_logo(picture())

    rows = {brand.keep_logo(found, now=clock.now()).pk for _ in range(2)}

    assert rows == set(Logo.objects.values_list("pk", flat=True))
    assert Logo.objects.get().digest == found.digest
