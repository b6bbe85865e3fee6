"""The register of agreements: what is signed with whom, the papers kept encrypted, what is not signed acknowledged."""

import hashlib
import io
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from PIL import Image

from accounts import agreement_files, agreements
from accounts.models import Agreement, AgreementFile
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, staff_client

pytestmark = pytest.mark.django_db(transaction=True)

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
SIGNED = {"status": "signed", "signatory": "Olivia Grant", "signed_on": "2026-11-02", "expires_on": "2027-11-02"}


@pytest.fixture
def practice():
    return PracticeFactory(slug="harbor")


@pytest.fixture
def owner(practice):
    return staff_client(practice)


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "white").save(written, kind)
    return written.getvalue()


def test_the_text_of_a_version_never_changes():
    texts = sorted((settings.BASE_DIR / "templates/accounts/agreements").glob("*.html"))
    found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in texts}
    assert found == {"2026-11": "167d67c35df04fe3"}
    assert agreements.CURRENT in found


def test_a_practice_from_a_shell_signs_the_current_text_once(owner, practice):
    assert "Read and sign" in owner.get("/harbor/settings/agreements/").content.decode()
    refused = owner.post("/harbor/settings/agreements/signature", {"signatory": "Olivia Grant"})
    assert (refused.status_code, "Tick this" in refused.content.decode()) == (422, True)
    for _ in range(2):
        owner.post("/harbor/settings/agreements/signature", {"signatory": "Olivia Grant", "agreed": "on"})
    with use_practice(practice.pk):
        (signed,) = Agreement.objects.all()
        assert (signed.version, signed.signatory, signed.status) == (agreements.CURRENT, "Olivia Grant", "signed")
        assert "agreement.signed" in set(AuditEvent.objects.values_list("action", flat=True))
    assert "Read and sign" not in owner.get("/harbor/settings/agreements/").content.decode()


def test_a_providers_agreement_is_kept_with_its_paper_and_read_back_as_it_was(owner, practice):
    paper = SimpleUploadedFile("BAA SendGrid.pdf", PDF, "application/pdf")
    answer = owner.post("/harbor/settings/agreements/new/?party=sendgrid", SIGNED | {"paper": paper})
    assert answer.status_code == 302
    with use_practice(practice.pk):
        row, kept = Agreement.objects.get(), AgreementFile.objects.get()
        assert (row.party, row.signed_on, row.expires_on) == ("sendgrid", date(2026, 11, 2), date(2027, 11, 2))
        assert PDF not in bytes(kept.sealed)
        assert b"%PDF" not in bytes(kept.sealed)
    read = owner.get(f"/harbor/settings/agreements/{row.pk}/paper")
    assert (read.content, read["Content-Type"]) == (PDF, "application/pdf")
    assert read["Content-Disposition"] == 'attachment; filename="BAA SendGrid.pdf"'
    page = owner.get("/harbor/settings/agreements/").content.decode()
    assert "BAA SendGrid.pdf" in page


def test_a_newer_paper_takes_the_place_of_the_older(owner, practice):
    owner.post("/harbor/settings/agreements/new/?party=storage", SIGNED | {"paper": SimpleUploadedFile("a.pdf", PDF)})
    with use_practice(practice.pk):
        row = Agreement.objects.get()
    seen = row.recorded_at.isoformat()
    sent = SIGNED | {"paper": SimpleUploadedFile("scan.png", picture()), "seen": seen}
    assert owner.post(f"/harbor/settings/agreements/{row.pk}/", sent).status_code == 302
    with use_practice(practice.pk):
        assert [(k.name, k.media_type) for k in AgreementFile.objects.all()] == [("scan.png", "image/png")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"<html>", "neither a PDF nor"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither a PDF nor"),
        ("cut.pdf", b"%PDF-1.7\n" + b"x" * 5000, "ends in the middle"),
        ("big.pdf", b"%PDF-1.7\n" + b"x" * (10 * 2**20) + b"%%EOF", "10 MB"),
        ("a.gif", picture("GIF"), "neither a PDF nor"),
        ("cut.png", picture()[:60], "neither a PDF nor"),
    ],
)
def test_a_file_that_is_no_paper_is_refused_by_name(name, content, said):
    with pytest.raises(ValidationError, match=said) as refused:
        agreement_files.check(SimpleUploadedFile(name, content))
    assert name in refused.value.messages[0]


def test_a_picture_is_written_anew_without_what_it_carried():
    written = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "secret words"
    Image.new("RGB", (20, 20)).save(written, "JPEG", exif=exif)
    kept = agreement_files.check(SimpleUploadedFile("photo.jpg", written.getvalue()))
    assert b"secret words" in written.getvalue()
    assert b"secret words" not in kept.plain
    assert kept.media_type == "image/jpeg"


def test_without_an_agreement_an_owner_says_that_no_health_information_passes(owner, practice):
    refused = owner.post("/harbor/settings/agreements/new/?party=twilio", {"status": "refused"})
    assert (refused.status_code, "no health information may pass" in refused.content.decode()) == (422, True)
    owner.post("/harbor/settings/agreements/new/?party=twilio", {"status": "refused", "acknowledged": "on"})
    with use_practice(practice.pk):
        standing = agreements.standing_with("twilio", today=clock.now().date())
        assert (standing.signed, standing.acknowledged, standing.agreement.status) == (False, True, "refused")
        assert agreements.standing_with("sendgrid", today=clock.now().date()).agreement is None


def test_an_agreement_that_has_ended_counts_as_none(practice):
    with use_practice(practice.pk):
        Agreement.objects.create(
            party="sendgrid", status="signed", signed_on=date(2025, 1, 1), expires_on=date(2026, 1, 1)
        )
        assert agreements.standing_with("sendgrid", today=date(2026, 1, 1)).signed
        assert not agreements.standing_with("sendgrid", today=date(2026, 1, 2)).signed


def test_what_a_colleague_saved_meanwhile_is_not_overwritten(owner, practice):
    owner.post("/harbor/settings/agreements/new/?party=smtp", SIGNED)
    with use_practice(practice.pk):
        row = Agreement.objects.get()
        before = row.recorded_at
        Agreement.objects.filter(pk=row.pk).update(recorded_at=before + timedelta(minutes=1))
    answer = owner.post(f"/harbor/settings/agreements/{row.pk}/", SIGNED | {"seen": before.isoformat()})
    assert answer.status_code == 409


def test_dates_that_cannot_be_are_named(owner):
    answer = owner.post(
        "/harbor/settings/agreements/new/?party=smtp", SIGNED | {"signed_on": "2026-11-02", "expires_on": "2026-11-01"}
    )
    assert (answer.status_code, "before the day on which it was signed" in answer.content.decode()) == (422, True)
    answer = owner.post("/harbor/settings/agreements/new/?party=smtp", SIGNED | {"signed_on": ""})
    assert (answer.status_code, "Say when it was signed" in answer.content.decode()) == (422, True)


def test_another_provider_is_named_and_stands_once(owner, practice):
    assert owner.post("/harbor/settings/agreements/new/", SIGNED | {"name": "Scan Shop"}).status_code == 302
    again = owner.post("/harbor/settings/agreements/new/", SIGNED | {"name": "Scan Shop"})
    assert (again.status_code, "in the list already" in again.content.decode()) == (422, True)


def test_a_managers_settings_know_no_agreements(practice):
    manager = staff_client(practice, "manager")
    assert manager.get("/harbor/settings/agreements/").status_code == 403
    assert "/harbor/settings/agreements/" not in manager.get("/harbor/settings/").content.decode()


def test_the_database_refuses_a_platform_agreement_that_nobody_signed(practice):
    with use_practice(practice.pk), pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.create(party="operator", status="none", version="2026-11")
