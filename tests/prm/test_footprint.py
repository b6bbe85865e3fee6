"""What a web worker does not carry (bench.md section 4, `footprint`): it is loaded where it is used."""

import subprocess
import sys

RARE = ("fontTools", "holidays", "hl7", "mjml", "sendgrid", "vl_convert", "weasyprint")
PROGRAM = f"""
import sys
import prm.wsgi
from django.urls import resolve
resolve("/signin/")
print(*sorted(set({RARE!r}) & set(sys.modules)))
"""


def test_a_web_worker_starts_without_what_only_a_few_requests_need():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
