"""HL7 v2 merges, moves and links of people, accounts and visits (integrations.md §5). Pure."""

from collections.abc import Callable

from integrations.facts import EPISODE, VISIT, Refusal, dead, entity_key
from integrations.hl7v2 import fields
from integrations.hl7v2.message import Segment
from integrations.hl7v2.parse import Reading, patient_key, pid_segments, state_link, state_patient


def merge(reading: Reading) -> None:
    """A18, A34, A36, A40, A46, A47: MRG-1 is retired, PID-3 survives; one to many groups."""
    groups = _groups(reading)
    merged = 0
    for pid, mrg in groups:
        retired = fields.patient_ids(mrg, 1)
        if not retired:
            raise dead("merge_incomplete", "MRG-1 holds no id; expected the id that is retired.", "MRG-1")
        ids = fields.patient_ids(pid, 3) or fields.patient_ids(pid, 2)
        gone = {(one.authority, one.value) for one in retired}
        surviving = [one for one in ids if (one.authority, one.value) not in gone]
        if not surviving and ids:
            continue  # a merge with itself
        if len(surviving) < len(ids):
            reading.parsed.flag("retired_id_repeated")
        key = state_patient(reading, pid, retired=retired)
        for one in retired:
            same = [other for other in surviving if other.authority == one.authority]
            state_link(reading, patient_key(one), patient_key(same[0]) if same else key, reading.event)
            merged += 1
    if not merged:
        raise Refusal("ignored", "merged_with_itself", "MRG-1 and PID-3 are the same id.", "MRG-1")


def _groups(reading: Reading) -> list[tuple[Segment, Segment]]:
    pid_segments(reading, several=True)
    groups: list[tuple[Segment, Segment]] = []
    pid: Segment | None = None
    for segment in reading.message:
        if segment.name == "PID":
            if pid is not None:
                raise dead("merge_incomplete", "A PID has no MRG after it; expected the id that is retired.", "MRG")
            pid = segment
        elif segment.name == "MRG" and pid is not None:
            groups.append((pid, segment))
            pid = None
    if pid is not None:
        raise dead("merge_incomplete", "There is no MRG segment; expected the id that is retired.", "MRG")
    return groups


def move(entity: str, place: str, number: int, prefix: str) -> Callable[[Reading], None]:
    """A35, A41, A49 (accounts: MRG-3 to PID-18) and A50 (visits: MRG-5 to PV1-19): a number is renamed."""

    def handler(reading: Reading) -> None:
        for pid, mrg in _groups(reading):
            patient = state_patient(reading, pid)
            old, new = mrg.part(number), reading.pick(place)
            named = entity != EPISODE or reading.setting("episode_key") == place
            if old and new and old != new and named:
                reading.state(
                    entity, entity_key(prefix, old), {"moved_to": entity_key(prefix, new), "patient": patient}
                )

    return handler


def move_visit(reading: Reading) -> None:
    """A45: the visits of MRG-5 belong to this patient now."""
    groups = _groups(reading)
    for pid, mrg in groups:
        patient = state_patient(reading, pid)
        for repeat in mrg.repeats(5):
            if number := reading.message.part(repeat, 1):
                reading.state(VISIT, entity_key("e", number), {"patient": patient})


def unlink(reading: Reading) -> None:
    """A37: two ids are not one person after all."""
    people = pid_segments(reading, several=True)
    if len(people) < 2:
        raise dead("merge_incomplete", "There is one PID; expected the two that are unlinked.", "PID")
    first, second = state_patient(reading, people[0]), state_patient(reading, people[1])
    for a, b in ((first, second), (second, first)):
        state_link(reading, a, b, "A37", linked=False)


def link_for_review(reading: Reading) -> None:
    """A24: the sender thinks that two are one; a person decides."""
    people = pid_segments(reading, several=True)
    if len(people) < 2:
        raise dead("merge_incomplete", "There is one PID; expected the two that are linked.", "PID")
    first, second = state_patient(reading, people[0]), state_patient(reading, people[1])
    if first != second:
        state_link(reading, second, first, "review")
