"""Serializers that refuse what they do not know, and the words of what they expect."""

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers

from prm.api.problems import Error, printable, shown

UNKNOWN = "unknown"


class StrictSerializer(serializers.Serializer):
    """A body whose unknown fields are refused, read-only ones too: nothing is written that was not declared (B8).

    REST framework would take 1 for true and 5 for "5"; from JSON we take what the schema says and nothing else.
    """

    from_json = True

    def to_internal_value(self, data: Any) -> Any:
        """As REST framework's; unknown names are errors like any other."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        known = {name for name, field in self.fields.items() if not field.read_only}
        refused = {
            name: [serializers.ErrorDetail(f"one of {', '.join(sorted(known)) or 'no fields'}", code=UNKNOWN)]
            for name in data
            if name not in known
        } | {
            name: [serializers.ErrorDetail(expected(self.fields[name]), code=UNKNOWN)]
            for name in known & set(data)
            if self.from_json and not _fits(self.fields[name], data[name])
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as problem:
            raise serializers.ValidationError({**problem.detail, **refused}) from None
        if refused:
            raise serializers.ValidationError(refused)
        return value


class Query(StrictSerializer):
    """The parameters of an address; a view's own declares its filters in a subclass."""

    from_json = False  # all of them arrive as text


JSON_TYPES: tuple[tuple[type[serializers.Field], type], ...] = (
    (serializers.BooleanField, bool),
    (serializers.IntegerField, int),
    (serializers.CharField, str),
    (serializers.ChoiceField, str),
    (serializers.UUIDField, str),
)


def _fits(field: serializers.Field, value: Any) -> bool:
    """Whether the value has the JSON type of the field; null is the field's own affair."""
    if value is None:
        return True
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return all(_fits(field.child, item) for item in value)
    wanted = next((kind for known, kind in JSON_TYPES if isinstance(field, known)), None)
    return wanted is None or (isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)))


def errors_of(serializer: serializers.BaseSerializer) -> list[Error]:
    """Each error of a serializer that is not valid, with a JSON pointer, what was found, what was expected."""
    return list(_walk(serializer.errors, serializer, serializer.initial_data, "#"))


def _walk(errors: Any, field: Any, found: Any, where: str) -> Iterator[Error]:
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            if name == "non_field_errors":
                yield from _walk(below, field, found, where)
                continue
            child, value = _child(field, name), _value(found, name)
            yield from _walk(below, child, value, f"{where}/{_escaped(str(name))}")
        return
    if errors and isinstance(errors[0], Mapping):  # one dictionary an item, the empty ones for those that are right
        for at, below in enumerate(errors):
            yield from _walk(below, _child(field, at), _value(found, at), f"{where}/{at}")
        return
    for error in errors:
        missing = error.code == "required"
        own = error.code in OWN_WORDS or field is None
        yield Error(where, "nothing" if missing else shown(found), str(error) if own else expected(field))


OWN_WORDS = {UNKNOWN, "own"}  # errors whose text already is what was expected


def refuse(expectation: str) -> serializers.ValidationError:
    """The error of a check of our own: `expectation` says what would have been right."""
    return serializers.ValidationError(expectation, code="own")


def _child(field: Any, name: Any) -> Any:
    fields = getattr(field, "fields", None)
    return fields.get(name) if fields is not None else getattr(field, "child", None)


def _value(found: Any, name: Any) -> Any:
    if isinstance(found, Mapping):
        return found.get(name)
    return found[name] if isinstance(found, list) and isinstance(name, int) and name < len(found) else None


def _escaped(name: str) -> str:
    return printable(name[:80]).replace("~", "~0").replace("/", "~1")  # RFC 6901


def expected(field: Any) -> str:
    """What a field takes, in a few words; a field may say it itself as `expects`."""
    if own := getattr(field, "expects", ""):
        return own
    match field:
        case serializers.BaseSerializer():
            return "an object" if not getattr(field, "many", False) else "a list of objects"
        case serializers.BooleanField():
            words = "true or false"
        case serializers.ChoiceField():
            words = "one of " + ", ".join(str(choice) for choice in field.choices)
        case serializers.IntegerField():
            words = "a whole number" + _bounds(field)
        case serializers.DateTimeField():
            words = "a moment with its offset, such as 2026-11-24T09:30:00Z"
        case serializers.DateField():
            words = "a date, such as 2026-11-24"
        case serializers.TimeField():
            words = "a time, such as 09:30"
        case serializers.UUIDField():
            words = "an id (UUID)"
        case serializers.EmailField():
            words = "an e-mail address"
        case serializers.URLField():
            words = "an address that starts with https:// or http://"
        case serializers.CharField():
            words = "text" + _lengths(field)
        case serializers.ListField():
            words = f"a list, each item {expected(field.child)}"
        case serializers.DictField():
            words = f"an object, each value {expected(field.child)}"
        case _:
            words = "another value"
    return words + (" or null" if field.allow_null else "")


def _bounds(field: serializers.IntegerField) -> str:
    least, most = field.min_value, field.max_value
    return f" from {least} to {most}" if least is not None and most is not None else ""


def _lengths(field: serializers.CharField) -> str:
    least = 0 if field.allow_blank else 1
    return f" of {least} to {field.max_length} characters" if field.max_length else ""
