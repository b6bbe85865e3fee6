"""schemathesis plays the schema against the product: no 5xx, and nothing that the schema does not say.

In this process, as prm_app, in real transactions, from a fixed seed; `make test` runs it.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from accounts.models import Practice
from prm.api import limits, schema
from prm.api.limits import Limit
from prm.tenancy import use_practice
from prm.wsgi import application
from tests.factories.accounts import ClinicFactory, MembershipFactory, TherapistFactory
from tests.factories.api import make_key

pytestmark = pytest.mark.django_db(transaction=True)

OPERATIONS = [
    (method.upper(), path) for path, methods in schema.document()["paths"].items() for method in sorted(methods)
]
EXAMPLES = 25
# What no schema can say: a cursor is a text that we signed, a phone number one that exists.
NOT_ASKED = [positive_data_acceptance]
REFUSALS = ["400", "401", "404", "406", "409", "412", "413", "415", "422"]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})


@pytest.fixture
def ids(ours: Practice) -> dict[str, str]:
    """One id of each kind that an address may name, in a practice with something of all; a second clinic stays open."""
    with use_practice(ours.pk):
        ClinicFactory()
        made = {"clinic_id": ClinicFactory(), "therapist_id": TherapistFactory(), "membership_id": MembershipFactory()}
    return {name: str(row.pk) for name, row in made.items()}


@pytest.fixture
def key(ours: Practice, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that may do everything, as often as it likes."""
    monkeypatch.setattr(limits, "PER_KEY", Limit("key", size=10**6, seconds=60))
    return make_key(ours)[1]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: value)
def test_nothing_breaks_and_all_is_as_the_schema_says(
    method: str, path: str, mode: GenerationMode, key: str, ids: dict[str, str]
) -> None:
    """What should be taken is sent to rows that exist; what should not, to whatever is made up."""
    operation = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, config=CONFIG)[path][method]
    played = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, phases=[Phase.generate], database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def play(case: Case) -> None:
        if mode == GenerationMode.POSITIVE:
            case.path_parameters = {name: ids[name] for name in case.path_parameters or {}}
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=NOT_ASKED)
        played.append(answer.status_code)

    play()
    assert played
    assert max(played) < 500
    assert mode == GenerationMode.NEGATIVE or {200, 201} & set(played)
