"""The sentence names every value that is not the default, in both languages."""

from campaigns.sentence import sentence
from tests.campaigns.conftest import after, rule_document


def test_the_plain_rule(survey_action):
    survey_action(lambda batch, now: [])
    assert sentence(rule_document()) == (
        "When a patient is discharged, wait 14 days, then at 10:00 in the clinic's time zone, send the survey "
        "by e-mail; each patient once per discharge."
    )
    assert sentence(rule_document(), "es") == (
        "Cuando un paciente recibe el alta, esperar 14 días, luego a las 10:00 en la zona horaria de la clínica, "
        "enviar la encuesta por correo electrónico; cada paciente una vez por alta."
    )


def test_everything_that_is_not_the_default_is_said(survey_action):
    survey_action(lambda batch, now: [])
    first = rule_document()["steps"][0]
    second = first | {"id": "again", "delay": {"n": 1, "unit": "days", "at": "09:30"}}
    document = rule_document(
        trigger=after(1, "hours"), steps=[first, second], stop_on=["booked", "visited", "answered"],
        reentry={"gap_days": 30}, max_late_hours=24, purpose="own_health_service", priority=2,
    )  # fmt: skip
    assert sentence(document) == (
        "When a patient is discharged, wait 1 hour, then send the survey by e-mail; 1 day later at 09:30, send the "
        "survey by e-mail; stop when they book a visit, come to a visit or answer a survey; each patient at most once "
        "in 30 days; at most 24 hours late; about our own services; priority 2."
    )
    spanish = sentence(document, "es")
    for said in ("1 hora", "1 día después a las 09:30", "30 días", "24 horas", "propios servicios", "prioridad 2"):
        assert said in spanish
