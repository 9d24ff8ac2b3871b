from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from myweb.accounts.models import SetupToken

pytestmark = pytest.mark.django_db

PASSWORD = "a-lake-in-the-morning"
FORM = {"username": "owner", "email": "owner@example.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def link() -> str:
    """The address that the start prints, without the host."""
    out = StringIO()
    call_command("setup_link", stdout=out)
    return out.getvalue().strip().removeprefix("Set up the administrator: http://localhost:8099")


def test_it_works(client, link):
    assert link.startswith("/admin/setup/")
    page = client.get(link)
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in page.headers["Cache-Control"]
    response = client.post(link, FORM)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    user = User.objects.get()
    assert (user.username, user.email, user.is_staff, user.is_superuser) == ("owner", "owner@example.org", True, True)
    assert user.check_password(PASSWORD)
    assert client.get("/admin/").status_code == 200


def test_token_is_kept_as_a_hash_only(link):
    token = link.split("/")[-2]
    assert token not in SetupToken.objects.get().token_hash


def test_link_works_once(client, link):
    client.post(link, FORM)
    User.objects.all().delete()
    assert client.get(link).status_code == client.post(link, FORM).status_code == 404
    assert not User.objects.exists()


def test_new_link_ends_the_one_before(client, link):
    call_command("setup_link", stdout=StringIO())
    assert client.get(link).status_code == 404


def test_address_does_not_exist_once_there_is_an_administrator(client, link, admin_user):
    assert client.get(link).status_code == client.post(link, FORM).status_code == 404
    out = StringIO()
    call_command("setup_link", stdout=out)
    assert out.getvalue() == ""


def test_other_users_do_not_end_it(client, link):
    User.objects.create_user("editor", is_staff=True)
    User.objects.create_superuser("former", is_active=False)
    assert client.get(link).status_code == 200


@pytest.mark.parametrize("token", ["x", "x" * 5000, "..", "é"])
def test_other_tokens_do_not_exist(client, link, token):
    assert client.get(f"/admin/setup/{token}/").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"password2": "something-else-entirely"}, "password2"),
        ({"username": ""}, "username"),
        ({"username": "a/b"}, "username"),
        ({"email": "nobody"}, "email"),
    ],
)
def test_bad_input_is_said_at_the_field(client, link, change, field):
    response = client.post(link, {**FORM, **change})
    assert response.status_code == 200
    assert response.context["form"].errors[field]
    assert not User.objects.exists()
    assert client.get(link).status_code == 200
