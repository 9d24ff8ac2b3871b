from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from myweb.accounts.tokens import TokenGenerator

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("ahead", "is_valid"), [(timedelta(0), True), (timedelta(days=365), False)])
def test_link_that_was_made_while_the_clock_was_ahead_opens_nothing(client, admin_user, ahead, is_valid):
    with time_machine.travel(timezone.now() + ahead):
        token = default_token_generator.make_token(admin_user)
    assert TokenGenerator().check_token(admin_user, token) is is_valid
    uid = urlsafe_base64_encode(force_bytes(admin_user.pk))
    url = reverse("password_reset_confirm", kwargs={"uidb64": uid, "token": token})
    assert client.get(url).status_code == (302 if is_valid else 200)


@pytest.mark.parametrize("token", [None, "", "x", "a-b", "-"])
def test_what_is_no_token(admin_user, token):
    assert not TokenGenerator().check_token(admin_user, token)
