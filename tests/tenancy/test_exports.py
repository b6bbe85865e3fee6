"""All of a practice's data in one archive, nothing of another's, in slices that may be killed."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage

from nps.models import Response
from patients.models import Disclosure, Patient
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import exports, use_practice
from prm.tenancy.file_response import QueryWhileStreaming, file_response
from prm.tenancy.models import DataKey, PracticeExport
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in, staff_client
from tests.factories.nps import ResponseFactory
from tests.security import rows

pytestmark = pytest.mark.django_db(transaction=True)


def full(practice) -> None:
    """A row of every kind, and an answer with words."""
    with use_practice(practice.pk):
        for model in rows.tenant_models():
            if model is not DataKey:  # an answer with words brings a real one
                rows.make(model)
        ResponseFactory(comment_text=f"The words of {practice.slug}")


def make(practice) -> PracticeExport:
    with use_practice(practice.pk):
        exports.begin(by=MembershipFactory().user_id, now=clock.now())
        while exports.go_on(now=clock.now()):
            pass
        return PracticeExport.objects.latest("asked_at")


def opened(answer) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


@pytest.fixture
def harbor(client):
    practice = PracticeFactory(slug="harbor", name="Harbor")
    full(practice)
    with use_practice(practice.pk):
        sign_in(client, MembershipFactory(user__name="Olivia Grant", user__email="olivia@example.com").user)
    return practice


def test_the_archive_holds_every_row_of_the_practice_and_none_of_another(client, harbor):
    other = PracticeFactory(slug="elsewhere")
    full(other)
    made = make(harbor)

    with use_practice(harbor.pk):  # before the fetching, which is itself recorded and accounted for
        expected = {
            f"data/{model._meta.label_lower}.jsonl": {str(pk) for pk in model.objects.values_list("pk", flat=True)}
            for model in exports.models_of_a_practice()
            if model is not AuditEvent
        }

    file = opened(client.get(f"/harbor/settings/export/{made.pk}.zip"))

    assert file.testzip() is None
    found = {
        name: {json.loads(line)["id"] for line in file.read(name).decode().splitlines()}
        for name in file.namelist()
        if name in expected
    }
    assert found == expected
    assert all(found.values())
    everything = b"".join(file.read(name) for name in file.namelist()).decode()
    assert str(other.pk) not in everything
    assert "The words of elsewhere" not in everything
    words = [json.loads(line)["comment"] for line in file.read("data/nps.response.jsonl").decode().splitlines()[-1:]]
    assert words == ["The words of harbor"]


def test_the_archive_says_what_is_in_it(client, harbor):
    made = make(harbor)
    file = opened(client.get(f"/harbor/settings/export/{made.pk}.zip"))
    manifest, readme = json.loads(file.read("manifest.json")), file.read("README.md").decode()
    assert (manifest["schema"], manifest["practice"]["slug"]) == ("prm.export/1", "harbor")
    assert sum(manifest["rows"].values()) == made.rows
    for model in exports.models_of_a_practice():
        assert f"## data/{model._meta.label_lower}.jsonl" in readme
    lines = file.read("data/patients.patient.jsonl").decode().splitlines()
    columns = {column for line in lines for column in json.loads(line)}
    assert columns == {field.column for field in Patient._meta.concrete_fields}
    assert {json.loads(line)["user__email"] for line in file.read("data/people.jsonl").decode().splitlines()} >= {
        "olivia@example.com"
    }
    assert "password" not in file.read("data/people.jsonl").decode()


def test_parts_are_encrypted_where_they_lie(harbor):
    for part in make(harbor).parts:
        with default_storage.open(part["name"]) as stored:
            assert b"The words of harbor" not in stored.read()


def test_a_slice_that_was_killed_after_its_file_was_written_leaves_no_row_twice(client, harbor, monkeypatch):
    class Killed(Exception):
        pass

    monkeypatch.setattr(exports, "ROWS_A_SLICE", 1)
    save = PracticeExport.save
    deaths = iter([False, False, True, True, False] + [False] * 10_000)

    def dying(self, *args, **kwargs):
        if not kwargs.get("force_insert") and next(deaths):
            raise Killed
        save(self, *args, **kwargs)

    with use_practice(harbor.pk):
        exports.begin(by=MembershipFactory().user_id, now=clock.now())
    monkeypatch.setattr(PracticeExport, "save", dying)
    killed, more = 0, True
    while more:
        try:
            with use_practice(harbor.pk):
                more = exports.go_on(now=clock.now())
        except Killed:
            killed += 1
    assert killed == 2
    with use_practice(harbor.pk):
        made = PracticeExport.objects.latest("asked_at")
        answers = set(Response.objects.values_list("pk", flat=True))
    file = opened(client.get(f"/harbor/settings/export/{made.pk}.zip"))
    lines = [json.loads(line)["id"] for line in file.read("data/nps.response.jsonl").decode().splitlines()]
    assert sorted(lines) == sorted(map(str, answers))


def test_it_can_be_fetched_for_seven_days_by_owners_and_each_time_is_recorded(client, harbor):
    made = make(harbor)
    path = f"/harbor/settings/export/{made.pk}.zip"
    assert client.get(path).status_code == 200
    assert staff_client(harbor, "manager").get(path).status_code == 403
    with use_practice(harbor.pk):
        assert AuditEvent.objects.filter(action="practice.export_fetched", object_id=made.pk).count() == 1
        told = [(one.patient_id, one.what_text) for one in Disclosure.objects.filter(how="export")]
        assert told == [(None, "The archive of all data that the practice keeps")]
        assert exports.remove_expired(now=clock.now() + timedelta(days=6)) == 0
        PracticeExport.objects.filter(pk=made.pk).update(expires_at=clock.now())
        assert exports.remove_expired(now=clock.now() + timedelta(seconds=1)) == 1
    assert client.get(path).status_code == 404
    assert [part["name"] for part in made.parts if default_storage.exists(part["name"])] == []


def test_the_page_asks_for_one_export_at_a_time_and_shows_how_far_it_is(client, harbor):
    assert client.post("/harbor/settings/export/").status_code == 302
    assert client.post("/harbor/settings/export/").status_code == 302
    with use_practice(harbor.pk):
        made = PracticeExport.objects.get(finished_at=None)
        exports.go_on(now=clock.now())
    assert f'id="job-{made.pk}"' in client.get("/harbor/settings/export/").content.decode()
    fragment = client.get("/harbor/settings/export/", headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()


def test_a_stream_that_asks_the_database_is_stopped():
    practice = PracticeFactory()

    def chunks():
        yield b"one"
        with use_practice(practice.pk):
            yield str(Patient.objects.count()).encode()

    answer = file_response(chunks(), name="a.txt", media_type="text/plain")
    stream = iter(answer.streaming_content)
    assert next(stream) == b"one"
    with pytest.raises(QueryWhileStreaming):
        next(stream)
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")
