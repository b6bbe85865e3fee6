"""PDFs are made in a child with limits: what hangs or eats memory ends there (security.md §3)."""

import os

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from prm.ui import pdf, system_pages
from prm.ui.problems import TookTooLong

pytestmark = [
    pytest.mark.pdf,
    pytest.mark.skipif(bool(pdf.missing()), reason="this machine cannot make PDFs"),
]

PAGE = '<html lang="en"><head><title>One</title>{head}</head><body><p>One</p>{body}</body></html>'


def test_a_document_becomes_a_pdf():
    assert pdf.render(PAGE.format(head='<link rel="stylesheet" href="asset:print.css">', body="")).startswith(b"%PDF")


def test_a_document_that_does_not_end_is_stopped_and_leaves_no_process(monkeypatch, tmp_path):
    """The style sheet is a pipe that nobody writes to: reading it waits for ever."""
    stuck = tmp_path / "stuck.css"
    os.mkfifo(stuck)
    monkeypatch.setattr(pdf, "assets", lambda: {"stuck.css": (str(stuck), "text/css")})
    monkeypatch.setattr(pdf, "LIMIT", 2)
    children = []
    real = pdf.subprocess.Popen
    monkeypatch.setattr(pdf.subprocess, "Popen", lambda *a, **k: children.append(real(*a, **k)) or children[-1])

    with pytest.raises(TookTooLong):
        pdf.render(PAGE.format(head='<link rel="stylesheet" href="asset:stuck.css">', body=""))

    assert [child.returncode for child in children] == [-9]


def test_a_document_that_eats_the_memory_ends_its_child_only(monkeypatch):
    monkeypatch.setattr(pdf, "LIMIT_BYTES", 150 * 2**20)
    with pytest.raises(TookTooLong):
        pdf.render(PAGE.format(head="", body="<table>" + "<tr><td>x</td></tr>" * 20_000 + "</table>"))


def test_the_reader_is_told_in_words_and_may_try_again():
    request: HttpRequest = RequestFactory().get("/")
    answer = system_pages.answer(request, TookTooLong())
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "took too long" in answer.content.decode()
