"""The Spanish catalogue: every string that patients may read, found in templates and modules without gettext."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

# Where a patient's words stand; staff read English in this version.
PATIENT_FILES = (
    "templates/base.html",
    "templates/portal.html",
    "templates/system.html",
    "templates/4*.html",
    "templates/expired.html",
    "templates/slow.html",
    "templates/parts/error_summary.html",
    "templates/parts/field*.html",
    "templates/parts/nps_scale.html",
    "templates/parts/toasts.html",
    "templates/portal/**/*.html",
    "templates/*/portal/**/*.html",
    "templates/*/portal_*.html",
    "templates/nps/survey*.html",
    "nps/wording.py",
    "nps/forms.py",
    "*/patient_copy.py",
    "patients/record_copy.py",
    "templates/patients/copy_print.html",
    "prm/ui/rail.py",
    "portal/**/*.py",
    "*/views/portal*.py",
    "*/forms/portal*.py",
)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}

MessageId = str | tuple[str, str]


def source_files() -> list[Path]:
    """The files that may hold a patient's words, in order."""
    found = {path for pattern in PATIENT_FILES for path in settings.BASE_DIR.glob(pattern)}
    return sorted(path for path in found if "migrations" not in path.parts)


def strings(path: Path) -> Iterator[tuple[MessageId, str | None, str]]:
    """Each translatable string of a file: the message (a pair for plurals), its context, and where it stands."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        text = templatize(text, origin=str(path))
    where = path.relative_to(settings.BASE_DIR)
    for line, message, _comments, context in extract("python", BytesIO(text.encode()), KEYWORDS):
        yield message, context, f"{where}:{line}"


def catalogue_file() -> Path:
    """Where the Spanish catalogue lies."""
    return settings.LOCALE_PATHS[0] / "es" / "LC_MESSAGES" / "django.po"


def read() -> Catalog:
    """The Spanish catalogue as it is, an empty one where there is none yet."""
    if not catalogue_file().exists():
        return Catalog(locale="es", fuzzy=False)
    with catalogue_file().open("rb") as file:
        return read_po(file, locale="es", abort_invalid=True)


def missing(catalogue: Catalog) -> dict[MessageId, str]:
    """The patients' strings that the catalogue does not translate, with the first place of each."""
    found: dict[MessageId, str] = {}
    for path in source_files():
        for message, context, where in strings(path):
            known = catalogue.get(message if isinstance(message, str) else message[0], context)
            translated = known is not None and known.string and all(_each(known.string)) and not known.fuzzy
            if not translated:
                found.setdefault(message, where)
    return found


def add(catalogue: Catalog, messages: dict[MessageId, str]) -> None:
    """Add strings without a translation, for a translator to fill in, and write the catalogue sorted by string."""
    for message in messages:
        catalogue.add(message)
    catalogue_file().parent.mkdir(parents=True, exist_ok=True)
    with catalogue_file().open("wb") as file:
        write_po(file, catalogue, omit_header=False, sort_output=True, no_location=True, width=110)


def compile_catalogue(catalogue: Catalog) -> Path:
    """Write what Django reads at run time; returns the file."""
    target = catalogue_file().with_suffix(".mo")
    partial = target.with_suffix(".partial")
    with partial.open("wb") as file:
        write_mo(file, catalogue)
    return partial.replace(target)


def _each(string: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)
