"""Lists by cursor: a page starts after the last row of the page before; rows that come in meanwhile shift nothing."""

from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from prm.api import problems

DEFAULT, MOST = 50, 200


class Cursor(BasePagination):
    """Pages of a queryset in the view's `ordering`: field names, all rising (`name`) or all falling (`-at`).

    The id is added as the last one, so that the order is total. The cursor is signed, and bound to the practice, the
    address and the filters: for another list it is refused. Fields of `ordering` must be NOT NULL and should stand in
    one index that starts with the practice.
    """

    page: list[Any]
    next_cursor: str | None

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page that `cursor` and `limit` ask for, both already checked by the view."""
        fields = order(view)
        falling = fields[0].startswith("-")
        names = [field.removeprefix("-") for field in fields]
        limit = view.query["limit"]
        salt = self._salt(request, view)
        if cursor := view.query.get("cursor"):
            queryset = queryset.filter(_after(names, self._read(cursor, salt, len(names)), "lt" if falling else "gt"))
        rows = list(queryset.order_by(*fields)[: limit + 1])
        self.page = rows[:limit]
        last = [str(getattr(self.page[-1], name)) for name in names] if len(rows) > limit else None
        self.next_cursor = signing.dumps(last, salt=salt, compress=True) if last else None
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        """The page, with the cursor of the next one or null."""
        return Response({"data": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape, for OpenAPI."""
        cursor = {"type": ["string", "null"], "description": "Send it as cursor for the next page; null on the last."}
        return {
            "type": "object",
            "required": ["data", "next_cursor"],
            "properties": {"data": schema, "next_cursor": cursor},
        }

    @staticmethod
    def _salt(request: Request, view: Any) -> str:
        filters = sorted((name, str(value)) for name, value in view.query.items() if name not in {"cursor", "limit"})
        return f"prm.api.cursor|{request.api_key.practice_id}|{request.path}|{order(view)}|{filters}"

    @staticmethod
    def _read(cursor: str, salt: str, count: int) -> list[str]:
        try:
            values = signing.loads(cursor, salt=salt)
        except signing.BadSignature:
            values = []
        if len(values) != count:
            raise problems.parameter("cursor", cursor, "the next_cursor of this list with these filters")
        return values


def order(view: Any) -> list[str]:
    """The view's ordering, made total by the id."""
    fields = list(view.ordering)
    return fields if fields[-1].lstrip("-") == "id" else [*fields, "-id" if fields[0].startswith("-") else "id"]


def _after(names: list[str], values: list[str], comparison: str) -> Q:
    """Rows behind the last one: the first field beyond it, or equal and the next one beyond it, and so on.

    Spelt so that the planner can start its walk of the index at the first field.
    """
    first, condition = names[0], Q()
    for at in range(len(names)):
        equal = dict(zip(names[:at], values[:at], strict=True))
        condition |= Q(**equal, **{f"{names[at]}__{comparison}": values[at]})
    return condition if len(names) == 1 else Q(**{f"{first}__{comparison}e": values[0]}) & condition
