"""Which documents are rules, and what is said about the others."""

import json

import jsonschema
import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from campaigns import validate
from tests.campaigns.conftest import after, rule_document

STEP = {"id": "ask", "do": "survey", "channel": ["email"], "survey": "nps"}


def changed(**changes):
    return rule_document(**changes)


@pytest.mark.parametrize("document", [
    changed(),
    changed(trigger=after(3, "hours")),
    changed(zone="patient", reentry={"gap_days": 30}, max_late_hours=336, priority=1, purpose="own_health_service"),
    changed(stop_on=["booked", "visited", "answered", "opted_out", "readmitted"], holdout_percent=0, cap_exempt=False),
    changed(steps=[STEP, STEP | {"id": "again", "delay": {"n": 3, "unit": "days", "at": "21:00"}}]),
])  # fmt: skip
def test_a_rule_is_accepted(survey_action, document):
    survey_action(lambda batch, now: [])
    assert validate.faults(document) == []


@pytest.mark.parametrize(("document", "path"), [
    (changed(purpose=None), "purpose"),
    (changed(colour="red"), "colour"),
    (changed(schema="prm.rule/2"), "schema"),
    (changed(name=""), "name"),
    (changed(trigger={"kind": "after_discharge", "at": "10:00"}), "trigger/after"),
    (changed(trigger={"kind": "after_dischrge", "after": {"n": 1, "unit": "days"}}), "trigger/kind"),
    (changed(trigger={"after": {"n": 1, "unit": "days"}}), "trigger/kind"),
    (changed(trigger=after(1) | {"visit": 3}), "trigger/visit"),
    (changed(trigger=after(731)), "trigger/after/n"),
    (changed(trigger=after(True)), "trigger/after/n"),
    (changed(trigger=after(1, at="05:59")), "trigger/at"),
    (changed(trigger=after(1, at="21:01")), "trigger/at"),
    (changed(trigger={"kind": "after_discharge", "after": {"n": 1, "unit": "days"}}), "trigger/at"),
    (changed(trigger=after(1, "hours") | {"at": "10:00"}), "trigger/at"),
    (changed(trigger={"kind": "inactive", "days": 7, "at": "10:00"}), "trigger/kind"),
    (changed(trigger={"kind": "inactive", "days": 0, "at": "10:00"}), "trigger/days"),
    (changed(steps=[]), "steps"),
    (changed(steps=[{"id": "a", "do": "message", "channel": ["sms"]}]), "steps/0/template"),
    (changed(steps=[{"id": "a", "do": "message", "channel": ["sms"], "template": "t"}]), "steps/0/do"),
    (changed(steps=[STEP | {"channel": ["email", "sms"]}]), "steps/0/channel/1"),
    (changed(steps=[STEP | {"channel": ["email", "email"]}]), "steps/0/channel/1"),
    (changed(steps=[STEP | {"channel": ["fax"]}]), "steps/0/channel/0"),
    (changed(steps=[STEP | {"template": "t"}]), "steps/0/template"),
    (changed(steps=[STEP | {"survey": "npss"}]), "steps/0/survey"),
    (changed(steps=[STEP, STEP]), "steps/1/id"),
    (changed(steps=[STEP | {"delay": {"n": 1, "unit": "hours", "at": "10:00"}}]), "steps/0/delay/at"),
    (changed(steps=[STEP | {"delay": {"n": 401, "unit": "days"}}]), "steps"),
    (changed(stop_on=["discharged"]), "stop_on/0"),
    (changed(stop_on=["booked", "vanished"]), "stop_on/1"),
    (changed(reentry="twice"), "reentry"),
    (changed(reentry={"gap_days": 0}), "reentry/gap_days"),
    (changed(audience={"field": "age", "op": "gte", "value": 40}), "audience"),
    (changed(audience={"all": [{"field": "age"}]}), "audience/all/0/op"),
    (changed(holdout_percent=10), "holdout_percent"),
    (changed(cap_exempt=True), "cap_exempt"),
    (changed(purpose="authorised_marketing"), "purpose"),
    (["no", "rule"], ""),
])  # fmt: skip
def test_what_is_no_rule_is_refused_where_the_fault_is(survey_action, document, path):
    survey_action(lambda batch, now: [])
    found = validate.faults(document)
    assert [fault.path for fault in found] == [path]
    assert found[0].message


MEMBERS = st.sampled_from(["kind", "do", "after", "at", "n", "unit", "gap_days", "all", "not", "field", "op", "x"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 800)
    | st.sampled_from(["days", "survey", "10:00", "each", "", "email"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=8,
)


@given(
    member=st.sampled_from(["trigger", "steps", "reentry", "stop_on", "zone", "priority", "audience", "name"]),
    value=JSON,
)
def test_our_checker_and_jsonschema_agree_on_what_is_valid(member, value):
    document = rule_document() | {member: value}
    schema = json.loads(validate.SCHEMA.read_text())
    assert (not validate.checker().faults(document)) == jsonschema.Draft202012Validator(schema).is_valid(document)


@pytest.mark.parametrize(("text", "says"), [
    ("{", "line 1, column 2"), ('{"name": NaN}', "NaN"), ('{"name": 1, "name": 2}', "stands twice"),
    (b"\xff\xfe", "UTF-8"), ("[" * 100_000, "nested"),
])  # fmt: skip
def test_a_text_that_is_no_json_says_where(text, says):
    document, faults = validate.read(text)
    assert document is None
    assert says in faults[0].message


def test_the_command_prints_paths_and_fails(tmp_path, capsys, survey_action):
    survey_action(lambda batch, now: [])
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(rule_document()))
    bad.write_text(json.dumps(rule_document(priority=10)))

    call_command("rules", "validate", str(good))
    assert json.loads(capsys.readouterr().out) == {"ok": True, "errors": []}
    with pytest.raises(SystemExit) as ended:
        call_command("rules", "validate", str(bad))
    assert ended.value.code == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], [error["path"] for error in said["errors"]]) == (False, ["priority"])
