"""Reading database URLs: what the environment says is what psycopg2 gets, and no message shows a password."""

import json
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from prm import databases

THREE = {
    "DATABASE_URL_APP": "postgresql://prm_app:a@db.example:6543/prm",
    "DATABASE_URL_OWNER": "postgres://prm_owner:b@db.example/prm",
    "DATABASE_URL_PLATFORM": "postgresql://prm_platform:c@/prm?host=/var/run/pg&port=5433&sslmode=require",
}
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def place(settings: dict) -> tuple:
    return tuple(settings[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS"))


def test_three_urls_become_three_aliases():
    found = databases.from_environment(THREE)

    assert {alias: place(settings) for alias, settings in found.items()} == {
        "default": ("prm_app", "a", "db.example", "6543", "prm", {}),
        "owner": ("prm_owner", "b", "db.example", "", "prm", {}),
        "platform": ("prm_platform", "c", "/var/run/pg", "5433", "prm", {"sslmode": "require"}),
    }
    assert {alias: settings.get("TEST") for alias, settings in found.items()} == {
        "default": None,
        "owner": {"MIRROR": "default"},
        "platform": {"MIRROR": "default"},
    }


def test_one_url_takes_the_passwords_that_setup_kept(tmp_path):
    passwords = {"prm_app": "p/1", "prm_owner": "p@2", "prm_platform": "p:3", "prm_backup": "p4"}
    (tmp_path / "secrets.json").write_text(json.dumps({"roles": passwords}))

    found = databases.from_environment({"DATABASE_URL": "postgresql://root:x@h:1/prm", "PRM_STATE_DIR": str(tmp_path)})

    assert {alias: place(settings)[:5] for alias, settings in found.items()} == {
        "default": ("prm_app", "p/1", "h", "1", "prm"),
        "owner": ("prm_owner", "p@2", "h", "1", "prm"),
        "platform": ("prm_platform", "p:3", "h", "1", "prm"),
    }


def test_one_url_before_setup_says_to_run_setup(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="make setup"):
        databases.from_environment({"DATABASE_URL": "postgresql://root:x@h/prm", "PRM_STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize("missing", sorted(THREE))
def test_a_missing_url_is_named(missing):
    environ = {name: url for name, url in THREE.items() if name != missing}

    with pytest.raises(ImproperlyConfigured, match=missing):
        databases.from_environment(environ)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mysql://u:hidden@h/prm", "scheme 'mysql'"),
        ("postgresql://u:hidden@h", "name of the database"),
        ("postgresql://u:hidden@h:port/prm", "ort"),
        ("postgresql://u:hidden@h:99999/prm", "ort"),
    ],
)
def test_a_wrong_url_names_variable_and_fault_and_hides_the_password(url, found):
    with pytest.raises(ImproperlyConfigured, match=found) as caught:
        databases.parse(url, "DATABASE_URL_APP")

    assert "DATABASE_URL_APP" in str(caught.value)
    assert "hidden" not in str(caught.value)


@given(user=text, password=text, name=text.filter(lambda name: not name.startswith("/")))
def test_any_quoted_name_and_password_come_back(user, password, name):
    url = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@h/{quote(name, safe='')}"

    assert place(databases.parse(url, "X")) == (user, password, "h", "", name, {})


@given(password=text, folder=text)
def test_a_socket_url_is_read_as_it_was_written(password, folder):
    url = databases.socket_url("prm_app", password, host=f"/{folder}", port=5432, name="prm")

    assert place(databases.parse(url, "X")) == ("prm_app", password, f"/{folder}", "5432", "prm", {})
