from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from myweb.pages.models import SiteSettings

pytestmark = pytest.mark.django_db

GOOD = "a-lake-at-noon"


@pytest.mark.parametrize(
    "password", [GOOD, "correct horse battery staple", "xK9#mPq2vT", "湖边的房子很安静很舒服", "x" * 9 + GOOD * 30]
)
def test_it_works(password):
    validate_password(password, User(username="owner"))


@pytest.mark.parametrize(
    "password",
    [
        "Summer2026!",
        "Sommer2026!",
        "Frühling2026!",
        "2026Shanghai!",
        "Berlin2025",
        "Winter-2024!!",
        "Password123!",
        "P@ssw0rd2026",
        "Welcome1!",
        "Qwertz123!",
        "woaini1314",
        "iloveyou2026!",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "a" * 5000,
    ],
)
def test_guessable_ones_are_refused(password):
    with pytest.raises(ValidationError, match="can be guessed"):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["LakeHouse2026", "lakehouse-lakehouse", "Lakehouse1!", "margaret99!", "miller.margaret1"]
)
def test_names_of_site_and_user_are_refused(password):
    SiteSettings.objects.create(name="Lake House")
    with pytest.raises(ValidationError):
        validate_password(password, User(username="margaret", email="miller@example.org"))


class TestEverywhere:
    """Wherever a password is set."""

    @pytest.fixture
    def staff(self, client, admin_user):
        client.force_login(admin_user)
        return client

    def test_changing_ones_own(self, staff, admin_user):
        form = {"old_password": "password", "new_password1": "Summer2026!", "new_password2": "Summer2026!"}
        assert "can be guessed" in staff.post("/admin/password_change/", form).content.decode()

    def test_new_user(self, staff):
        form = {"username": "new", "usable_password": "true", "password1": "Summer2026!", "password2": "Summer2026!"}
        assert "can be guessed" in staff.post("/admin/auth/user/add/", form).content.decode()
        assert not User.objects.filter(username="new").exists()

    def test_that_of_another(self, staff):
        other = User.objects.create_user("other")
        form = {"usable_password": "true", "password1": "Summer2026!", "password2": "Summer2026!"}
        assert "can be guessed" in staff.post(f"/admin/auth/user/{other.pk}/password/", form).content.decode()

    def test_command(self, admin_user, monkeypatch):
        monkeypatch.setattr("getpass.getpass", lambda *args, **kwargs: "Summer2026!")
        said = StringIO()
        with pytest.raises(CommandError):
            call_command("changepassword", "admin", stdout=StringIO(), stderr=said)
        assert "can be guessed" in said.getvalue()
