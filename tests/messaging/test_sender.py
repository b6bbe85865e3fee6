"""Who a message comes from."""

import pytest

from accounts.models import Practice
from messaging.channels import accounts
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db


def test_a_senders_name_is_one_line_since_it_becomes_a_header():
    practice = PracticeFactory()
    Practice.objects.filter(pk=practice.pk).update(name="Harbor\r\nBcc: a@b.example")
    practice.refresh_from_db()
    with use_practice(practice.pk):
        _provider, sender = accounts.account(practice, "email")
    assert sender.name == "Harbor Bcc: a@b.example"
