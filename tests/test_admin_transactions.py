"""When the admin's forms begin to lock others out of the database."""

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

pytestmark = pytest.mark.django_db(transaction=True)

NEW_USER = {
    "username": "olga",
    "password1": "harbour-violet-31",
    "password2": "harbour-violet-31",
    "usable_password": "true",
}


def statements(function) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        function()
    return [query["sql"].partition(" ")[0] for query in queries]


def test_refused_form_begins_none(admin_client):
    url = reverse("admin:auth_user_add")
    refused = statements(lambda: admin_client.post(url, NEW_USER | {"password2": "another"}))
    assert "BEGIN" not in refused
    saved = statements(lambda: admin_client.post(url, NEW_USER))
    assert "BEGIN" in saved
    assert User.objects.filter(username="olga").exists()


def test_password_is_hashed_before(admin_client, monkeypatch):
    in_transaction = []
    hashed = User.set_password

    def set_password(user, password):
        in_transaction.append(connection.in_atomic_block)
        hashed(user, password)

    monkeypatch.setattr(User, "set_password", set_password)
    admin_client.post(reverse("admin:auth_user_add"), NEW_USER)
    assert in_transaction == [False]


def test_fault_while_it_is_saved_leaves_nothing(admin_client, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("django.contrib.auth.admin.UserAdmin.log_addition", fail)
    admin_client.raise_request_exception = False
    assert admin_client.post(reverse("admin:auth_user_add"), NEW_USER).status_code == 500
    assert not User.objects.filter(username="olga").exists()


def test_two_who_save_the_same_at_once(admin_client, monkeypatch):
    """The one who is later is told at the field."""
    validated = ModelAdmin.save_form

    def save_form(admin, *args, **kwargs):
        User.objects.get_or_create(username="olga", first_name="the other one")
        return validated(admin, *args, **kwargs)

    monkeypatch.setattr(ModelAdmin, "save_form", save_form)
    response = admin_client.post(reverse("admin:auth_user_add"), NEW_USER)
    assert response.status_code == 200
    assert "username" in response.context["adminform"].form.errors
    assert User.objects.get(username="olga").first_name == "the other one"
