"""The base of every endpoint: key, scope, declared parameters, one transaction, answers with an ETag."""

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.decorators import login_not_required
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from prm import clock
from prm.api import idempotency, pagination, problems
from prm.api.problems import Error, Problem
from prm.api.serializers import Query, errors_of

READING = {"GET", "HEAD"}


class ApiViewSet(GenericViewSet):
    """An endpoint. A subclass says `scope` (its things), its serializers, its filters and its actions.

    `scope`: the first half of the scope's name; reading needs `<scope>:read`, the rest `<scope>:write`, where an action
    does not name another one with `@action(…, needs="episodes:discharge")`. `query_class` declares the parameters of a
    list; any other parameter is refused. `serializer_class` is what callers see, `takes` what each writing action takes
    in. Handlers run in one transaction, and a problem undoes what they wrote.
    """

    scope: ClassVar[str]
    needs: str = ""
    takes: ClassVar[dict[str, type[serializers.Serializer]]] = {}
    query_class: type[Query] = Query
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    http_method_names = ["get", "head", "post", "patch", "put", "delete"]  # OPTIONS is answered as any unknown one
    query: dict[str, Any]

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Callable[..., HttpResponse]:
        """As REST framework's; open to people who are not signed in, since a key is what it asks for."""
        return login_not_required(super().as_view(*args, **kwargs))

    def scope_of(self, method: str | None) -> str:
        """The scope that a key needs for `method` here."""
        return self.needs or f"{self.scope}:{'read' if method in READING else 'write'}"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """As REST framework's, with the parameters checked and the handler in a savepoint of its own."""
        self.args, self.kwargs = args, kwargs
        self.request = asked = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            name = (asked.method or "").lower()
            handler = getattr(self, name, None) if name in self.http_method_names else None
            if handler is None:
                self.http_method_not_allowed(asked)
            self.initial(asked, *args, **kwargs)
            response = self._act(asked, handler)
        except Exception as problem:  # noqa: BLE001 -- as REST framework does: what is not known is raised again there
            response = self.handle_exception(problem)
        self.response = self.finalize_response(asked, response, *args, **kwargs)
        return self.response

    def _act(self, request: Request, handler: Callable[..., Response]) -> Response:
        self.query = self._checked_query(request)
        # What is no JSON is told before anything is looked for.
        if request.method not in READING and request.data and not self.takes_body():
            raise Problem("fields", errors=[Error("#", problems.shown(request.data), "no body")])

        def act() -> Response:
            return handler(request, *self.args, **self.kwargs)

        with transaction.atomic():
            if request.method == "POST" and idempotency.HEADER in request.headers:
                return idempotency.once(request, act, key_id=request.auth.pk, now=clock.now())
            return act()

    def query_serializer(self) -> Query:
        """The declared parameters of this action: a list's filters with `cursor` and `limit`, else none."""
        if getattr(self, "action", None) != "list":
            return Query()
        own = self.query_class()
        own.fields["limit"] = serializers.IntegerField(
            min_value=1, max_value=pagination.MOST, default=pagination.DEFAULT, help_text="Rows on a page."
        )
        own.fields["cursor"] = serializers.CharField(
            required=False, max_length=2000, help_text="The next_cursor of the page before."
        )
        return own

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        """What the action takes in, where it is a writing one; else what callers see."""
        return self.takes.get(getattr(self, "action", ""), self.serializer_class)  # type: ignore[return-value]

    def takes_body(self) -> bool:
        """Whether the action reads a body: `takes` names one, or `@action(serializer_class=…)` does."""
        return self.action in self.takes or self.serializer_class is not type(self).serializer_class

    def _checked_query(self, request: Request) -> dict[str, Any]:
        wrong = [
            Error(name, problems.shown(values), "the parameter once")
            for name, values in request.query_params.lists()
            if len(values) > 1
        ]
        serializer = self.query_serializer()
        serializer.initial_data = request.query_params.dict()
        if not serializer.is_valid():
            wrong += [Error(e.where.removeprefix("#/"), e.found, e.expected) for e in errors_of(serializer)]
        if wrong:
            raise Problem("bad-parameter", errors=wrong)
        return serializer.validated_data

    def valid(self, request: Request, **options: Any) -> dict[str, Any]:
        """The body as the action's serializer understands it. Problem `fields` names each wrong one."""
        serializer = self.get_serializer(data=request.data, **options)
        if not serializer.is_valid():
            raise Problem("fields", errors=errors_of(serializer))
        return serializer.validated_data

    def one(self, *, to_change: bool = False) -> Any:
        """The row of the address, or the only one where the address names none; Http404.

        `to_change`: it is locked, and If-Match, where it is sent, must hold.
        """
        rows = self.get_queryset()
        rows = rows.select_for_update(of=("self",), no_key=True) if to_change else rows
        found = get_object_or_404(rows, **({"pk": self.kwargs[self.lookup_url_kwarg]} if self.lookup_url_kwarg else {}))
        if to_change:
            self.check_unchanged(found)
        return found

    def check_unchanged(self, row: models.Model) -> None:
        """Problem `changed` where If-Match is sent and names another state than the row's."""
        wanted = self.request.headers.get("If-Match", "*")
        if wanted.strip() != "*" and etag(self.shown(row)) not in [one.strip() for one in wanted.split(",")]:
            raise Problem("changed")

    def shown(self, row: models.Model) -> dict[str, Any]:
        """The row as callers see it: by the endpoint's own `serializer_class`, whatever the action takes in."""
        return type(self).serializer_class(row, context=self.get_serializer_context()).data  # type: ignore[misc]

    def answer(self, row: models.Model, status: int = 200, **headers: str) -> Response:
        """The row with its ETag."""
        data = self.shown(row)
        return Response(data, status=status, headers={"ETag": etag(data), **headers})

    def list(self, request: Request) -> Response:
        """A page of the rows."""
        page = self.paginate_queryset(self.filtered(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def filtered(self, rows: models.QuerySet) -> models.QuerySet:
        """`rows` as the filters of `self.query` want them: equality by name, where an endpoint does nothing else."""
        own = {name: value for name, value in self.query.items() if name not in {"cursor", "limit"}}
        return rows.filter(**own)


def etag(data: dict[str, Any]) -> str:
    """The entity tag of a representation: it changes when anything that the caller can see changes."""
    return f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'
