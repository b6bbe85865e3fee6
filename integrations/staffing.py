"""Clinics and therapists as the source names them: found by name, else a placeholder is made and listed for naming."""

from collections.abc import Iterable
from typing import Any

from accounts import profiles
from accounts.models import Clinic, Therapist
from integrations.facts import CLINIC, THERAPIST, value_of
from integrations.models import Feed, SourceRecord


def clinics_for(feed: Feed, keys: Iterable[str]) -> dict[str, Clinic]:
    """The clinic of each of the source's keys; a placeholder has the feed's zone."""
    return _rows_for(feed, CLINIC, set(keys), Clinic, _match_clinic, _make_clinic)


def therapists_for(feed: Feed, keys: Iterable[str]) -> dict[str, Therapist]:
    """The therapist of each of the source's keys; a key that was renamed leads to its new name's."""
    return _rows_for(feed, THERAPIST, set(keys), Therapist, _match_therapist, _make_therapist)


def bind(feed: Feed, entity: str, key: str, row: Any) -> None:
    """Say that a source's key means this clinic or therapist: naming a placeholder, or setting a feed up."""
    SourceRecord.objects.update_or_create(feed=feed, entity=entity, key=key, defaults={"row_id": row.pk})


def rename(feed: Feed, entity: str, keys: Iterable[str]) -> None:
    """Give placeholders of these keys the names that the source tells by now."""
    records = {one.key: one for one in SourceRecord.objects.filter(feed=feed, entity=entity, key__in=list(keys))}
    model = Clinic if entity == CLINIC else Therapist
    ids = [one.row_id for one in records.values() if one.row_id]
    _name_placeholders(model, records, {row.pk: row for row in model.objects.filter(pk__in=ids, named=False)})


def _rows_for(feed: Feed, entity: str, keys: set[str], model: Any, match: Any, make: Any) -> dict[str, Any]:
    if not keys:
        return {}
    records = {one.key: one for one in SourceRecord.objects.filter(feed=feed, entity=entity, key__in=keys)}
    moved = {key: value_of(one.state, "moved_to") for key, one in records.items()}
    targets = {target for target in moved.values() if target} - set(records)
    records |= {one.key: one for one in SourceRecord.objects.filter(feed=feed, entity=entity, key__in=targets)}
    final = {key: moved.get(key) or key for key in keys}
    for key in sorted(set(final.values()) - set(records)):
        records[key] = SourceRecord(feed=feed, entity=entity, key=key)
    rows = {row.pk: row for row in model.objects.filter(pk__in=[one.row_id for one in records.values() if one.row_id])}
    missing = [key for key in sorted(set(final.values())) if records[key].row_id not in rows]
    if missing:
        known = list(model.objects.all())
        made: list[Any] = []
        for key in missing:
            row = match(records[key].state, known)
            if row is None:
                row = make(feed, key, records[key].state)
                made.append(row)
                known.append(row)
            records[key].row_id = row.pk
            rows[row.pk] = row
        model.objects.bulk_create(made)
        SourceRecord.objects.bulk_create(
            [records[key] for key in missing], update_conflicts=True, unique_fields=["id"], update_fields=["row_id"]
        )
    _name_placeholders(model, records, rows)
    return {key: rows[records[final[key]].row_id] for key in keys}


def _told(state: dict[str, Any]) -> dict[str, str]:
    return value_of(state, "name") or value_of(state, "display") or {}


def _match_clinic(state: dict[str, Any], known: list[Clinic]) -> Clinic | None:
    name = _told(state).get("name", "").casefold()
    found = [one for one in known if name and one.name.casefold() == name]
    return found[0] if len(found) == 1 else None


def _make_clinic(feed: Feed, key: str, state: dict[str, Any]) -> Clinic:
    name = _told(state).get("name") or key.partition("|")[2] or key
    return Clinic(practice_id=feed.practice_id, name=name[:120], time_zone=feed.time_zone, named=False)


def _match_therapist(state: dict[str, Any], known: list[Therapist]) -> Therapist | None:
    npi, told = value_of(state, "npi", ""), _told(state)
    name = (told.get("first", "").casefold(), told.get("last", "").casefold())
    found = [one for one in known if npi and one.npi == npi] or [
        one for one in known if all(name) and (one.first_name.casefold(), one.last_name.casefold()) == name
    ]
    return found[0] if len(found) == 1 else None


def _make_therapist(feed: Feed, key: str, state: dict[str, Any]) -> Therapist:
    told = _told(state)
    return Therapist(
        practice_id=feed.practice_id, first_name=told.get("first", "")[:80], last_name=told.get("last", "")[:80],
        credential=profiles.read_credential(value_of(state, "credential") or ""),
        npi=profiles.read_npi(value_of(state, "npi") or ""), named=bool(told),
    )  # fmt: skip


def _name_placeholders(model: Any, records: dict[str, SourceRecord], rows: dict[Any, Any]) -> None:
    """A placeholder without a name takes the one that the source tells later; a name given by a person stays."""
    for record in records.values():
        row, told = rows.get(record.row_id), _told(record.state)
        if row is None or row.named or not told:
            continue
        if model is Clinic and told.get("name") and row.name != told["name"][:120]:
            row.name = told["name"][:120]
            row.save(update_fields=["name"])
        elif model is Therapist:
            row.first_name, row.last_name, row.named = told.get("first", "")[:80], told.get("last", "")[:80], True
            row.save(update_fields=["first_name", "last_name", "named"])
