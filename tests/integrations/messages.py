"""HL7 v2 and FHIR messages of one invented patient, as EMRs write them: what the tests play."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def stamp(at):
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


@dataclass
class Emr:
    """An HL7 v2 sender: every message gets the next control id."""

    mrn: str = "700001"
    authority: str = "EMR"
    family: str = "Abara"
    given: str = "Ruth"
    email: str = "ruth@example.com"
    phone: str = "4155550123"
    number: int = 0

    def message(self, event, at, *segments, pid=None, msh10=None):
        self.number += 1
        kind, _caret, code = event.partition("^")
        head = f"MSH|^~\\&|EMR|CLINIC|PRM|PRM|{stamp(at)}||{event}|{msh10 or self.number}|P|2.5.1|||||||UNICODE UTF-8"
        evn = [f"EVN|{code}|{stamp(at)}"] if kind == "ADT" else []
        who = [pid if pid is not None else self.pid()]
        if kind == "SIU":
            return self._bytes(head, *segments[:1], *who, *segments[1:])
        return self._bytes(head, *evn, *who, *segments)

    @staticmethod
    def _bytes(*segments):
        return ("\r".join(one for one in segments if one) + "\r").encode()

    def pid(self, **changed):
        v = {
            "ids": f"{self.mrn}^^^{self.authority}^MR", "name": f"{self.family}^{self.given}", "born": "19550303",
            "sex": "F", "telecom": f"^PRN^CP^^1^{self.phone[:3]}^{self.phone[3:]}"
            + (f"~^NET^Internet^{self.email}" if self.email else ""), "account": "", "second": "",
        } | changed  # fmt: skip
        return (
            f"PID|1|{v['second']}|{v['ids']}||{v['name']}||{v['born']}|{v['sex']}|||12 Quay St^^Oakland^CA^94607^USA||"
            f"{v['telecom']}||en^English|||{v['account']}"
        )

    def register(self, at, *segments, **pid):
        return self.message(
            "ADT^A04", at, "PV1|1|O|HARBOR^^^Harbor||||t1^Nair^Priya^^^^PT", *segments, pid=self.pid(**pid)
        )

    def booking(self, event, at, number, starts, *, status="Booked", minutes=45, kind="TX^Treatment", reason=""):
        return self.message(
            f"SIU^{event}", at,
            f"SCH|{number}|{number}||||{reason}|{kind}|{kind}|{minutes}|min|^^{minutes}^{stamp(starts)}||||||||||||||{status}",
            f"AIS|1||{kind}|{stamp(starts)}|||{minutes}|min", "AIL|1||HARBOR^^^Harbor",
            "AIP|1||t1^Nair^Priya^^^^PT",
        )  # fmt: skip

    def charge(self, at, number, starts, cpt="97110"):
        fields = [""] * 26
        fields[0], fields[1], fields[4], fields[6], fields[25] = "FT1", "1", stamp(starts), "CG", cpt
        return self.message("DFT^P03", at, self.pv1(number=number, starts=starts), "|".join(fields))

    def pv1(self, *, klass="O", number="", starts=None, ended=None, disposition=""):
        fields = [""] * 46
        fields[:4] = ["PV1", "1", klass, "HARBOR^^^Harbor"]
        fields[7], fields[19], fields[36] = "t1^Nair^Priya^^^^PT", number, disposition
        fields[44] = stamp(starts) if starts else ""
        fields[45] = stamp(ended) if ended else ""
        return "|".join(fields)

    def discharge(self, at, ended, *, event="A03", number="", disposition="", klass="O", segments=()):
        return self.message(
            f"ADT^{event}", at, self.pv1(number=number, ended=ended, disposition=disposition, klass=klass), *segments
        )


def history(first, *, visits=4, emr=None):
    """An episode that was booked, kept, missed once, and ended with a discharge; (name of step, bytes) in order."""
    emr = emr or Emr()
    sent = [emr.register(first - 3 * DAY, "DG1|1||M25.561^^I10")]
    for index in range(visits):
        starts = first + index * 4 * DAY
        number = f"V{index + 1}"
        kind = "EVAL^Evaluation" if index == 0 else "TX^Treatment"
        sent.append(emr.booking("S12", starts - 2 * DAY, number, starts, kind=kind))
        if index == 1:
            sent.append(emr.booking("S26", starts + timedelta(hours=1), number, starts, status="Noshow"))
        else:
            sent.append(emr.charge(starts + timedelta(hours=1), number, starts, "97161" if index == 0 else "97110"))
    last = first + (visits - 1) * 4 * DAY
    sent.append(emr.discharge(last + DAY, last + timedelta(hours=2), disposition="goals_met"))
    return sent


def resource(kind, identity, updated, **elements):
    """The bytes of one FHIR resource."""
    body = {"resourceType": kind, "id": identity, "meta": {"lastUpdated": updated.isoformat()}, **elements}
    return json.dumps(body).encode()


def fhir_history(first, *, visits=3):
    """Patient, episode, appointments and encounters of one person, oldest first."""
    patient = {"reference": "Patient/p1"}
    sent = [
        resource("Practitioner", "t1", first - 9 * DAY, name=[{"family": "Nair", "given": ["Priya"]}]),
        resource("Location", "harbor", first - 9 * DAY, name="Harbor"),
        resource(
            "Patient", "p1", first - 5 * DAY, name=[{"family": "Abara", "given": ["Ruth"]}], gender="female",
            birthDate="1955-03-03", telecom=[{"system": "email", "value": "ruth@example.com"}],
            identifier=[{"system": "urn:mrn", "value": "700001"}],
        ),
        resource("Condition", "c1", first - 5 * DAY, subject=patient, code={"coding": [
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M25.561"}]}),
        resource("EpisodeOfCare", "e1", first - 4 * DAY, status="planned", patient=patient,
                 careManager={"reference": "Practitioner/t1"},
                 diagnosis=[{"condition": {"reference": "Condition/c1"}}]),
    ]  # fmt: skip
    for index in range(visits):
        starts = first + index * 4 * DAY
        ends = (starts + timedelta(minutes=45)).isoformat()
        people = [
            {"actor": patient},
            {"actor": {"reference": "Practitioner/t1"}},
            {"actor": {"reference": "Location/harbor"}},
        ]
        sent.append(resource("Appointment", f"a{index}", starts - 2 * DAY, status="booked", start=starts.isoformat(),
                             end=ends, participant=people))  # fmt: skip
        sent.append(resource(
            "Encounter", f"n{index}", starts + timedelta(hours=1), status="finished", subject=patient,
            period={"start": starts.isoformat(), "end": ends}, appointment=[{"reference": f"Appointment/a{index}"}],
            episodeOfCare=[{"reference": "EpisodeOfCare/e1"}], **{"class": {"code": "AMB"}},
        ))  # fmt: skip
    last = first + (visits - 1) * 4 * DAY
    sent.append(resource(
        "EpisodeOfCare", "e1", last + DAY, status="finished", patient=patient,
        careManager={"reference": "Practitioner/t1"}, diagnosis=[{"condition": {"reference": "Condition/c1"}}],
        period={"start": first.isoformat(), "end": (last + timedelta(hours=2)).isoformat()},
    ))  # fmt: skip
    return sent


NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
FIRST = datetime(2026, 10, 12, 14, tzinfo=UTC)
