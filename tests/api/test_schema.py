"""The OpenAPI document: without a warning, each operation with its scope and problems."""

import io
import json
from contextlib import redirect_stderr

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from prm.api import reference, schema, scopes
from prm.api.problems import KINDS


def operations():
    return {
        (path, method): operation
        for path, methods in schema.document()["paths"].items()
        for method, operation in methods.items()
    }


def test_the_schema_is_made_without_a_warning_and_is_openapi_3_1():
    GENERATOR_STATS.reset()
    with redirect_stderr(io.StringIO()) as said:
        made = SchemaGenerator().get_schema(request=None, public=True)
    GENERATOR_STATS.emit_summary()
    assert said.getvalue() == ""
    assert not GENERATOR_STATS
    validate_schema(made)
    assert made["openapi"].startswith("3.1")


def test_every_operation_names_its_scope_and_its_problems():
    for (path, method), operation in operations().items():
        assert operation["x-scope"] in scopes.every(), path
        assert operation["summary"], path
        named = {code for code in operation["responses"] if code.startswith("4")}
        wanted = {"400", "401", "403", "406", "429"} | ({"404"} if "{" in path else set())
        wanted |= {"409", "413", "415", "422"} if method != "get" else set()
        wanted |= {"412"} if method in {"patch", "put", "delete"} else set()
        assert named == wanted, (path, method)
    assert {problem.status for problem in KINDS.values()} == {
        int(s) for s in schema.document()["components"]["responses"]
    }


def test_every_body_refuses_fields_that_it_does_not_know():
    document = schema.document()
    for operation in operations().values():
        if "requestBody" in operation:
            shape = operation["requestBody"]["content"]["application/json"]["schema"]
            name = shape["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["additionalProperties"] is False, name
            assert list(operation["requestBody"]["content"]) == ["application/json"]


def test_every_operation_is_in_the_reference_with_an_example():
    page = reference.of(schema.document())
    shown = {(one.path, one.method.lower()) for group in page.groups.values() for one in group}
    assert shown == set(operations())
    for group in page.groups.values():
        for one in group:
            assert one.path.split("{")[0] in one.curl
            assert json.loads(one.answer)


@pytest.mark.django_db
def test_schema_and_reference_are_public():
    answer = Client().get("/api/v1/openapi.json")
    assert json.loads(answer.content) == json.loads(schema.as_json())
    page = Client().get("/api/v1/docs").content.decode()
    for slug, kind in KINDS.items():
        assert f'id="{slug}"' in page
        assert kind.title in page
    for _path, operation in operations().items():
        assert f'id="{operation["operationId"]}"' in page
