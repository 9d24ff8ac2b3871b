import pytest
from django.contrib.auth.models import User
from django.utils import translation

from myweb.contact.models import ContactSettings
from myweb.installation import CLONE, DOCKER, SERVER
from myweb.operations import privacy
from tests.contact.factories import OWNER
from tests.site import ROOT

pytestmark = pytest.mark.django_db

URL = "/admin/privacy/"


@pytest.fixture
def staff(client):
    client.force_login(User.objects.create_user("staff", is_staff=True))
    return client


def rows(client) -> dict[str, str]:
    """Return what is kept for how long."""
    context = client.get(URL).context
    return {row.what: row.how_long for name in ("visitors", "writers", "staff") for row in context[name]}


def how_long(client, what: str) -> str:
    [found] = [kept for name, kept in rows(client).items() if name.startswith(what)]
    return found


def test_it_works(staff):
    html = staff.get("/admin/").content.decode()
    assert f'href="{URL}"' in html
    html = staff.get(URL).content.decode()
    assert "The message: name, e-mail address" in html
    assert "until somebody deletes it here" in html


def test_is_nobody_elses(client, django_user_model):
    assert client.get(URL).status_code == 302
    client.force_login(django_user_model.objects.create_user("visitor"))
    assert client.get(URL).status_code == 302


def test_is_only_read(staff):
    assert staff.post(URL).status_code == 405


@pytest.mark.parametrize(
    ("server", "owner", "kept", "spam"),
    [
        (None, None, "until somebody deletes it here", "30 days"),
        (None, 90, "90 days; one that still waits to be mailed, until it is", "30 days"),
        (7, 90, "7 days; one that still waits to be mailed, until it is", "7 days"),
        (0, 90, "until somebody deletes it here", "30 days"),
    ],
)
def test_messages_are_kept_as_is_set(staff, settings, server, owner, kept, spam):
    settings.CONTACT_RETENTION_DAYS = server
    ContactSettings.objects.create(retention_days=owner)
    assert how_long(staff, "The message") == kept
    assert how_long(staff, "A message that was set aside") == spam


def test_mailboxes_are_named_when_there_are_any(staff, settings):
    assert [what for what in rows(staff) if "mailbox" in what] == []
    settings.EMAIL_HOST, settings.CONTACT_RECIPIENTS = "mail.example.org", [OWNER, "b@example.org"]
    assert how_long(staff, "Copies of it in 2 mailboxes") == "until somebody deletes it there"
    assert OWNER not in staff.get(URL).content.decode()


def test_cookies_have_their_names(staff, settings):
    settings.CSRF_COOKIE_NAME, settings.CSRF_COOKIE_AGE = "__Host-csrftoken", 3600 * 24 * 10
    assert how_long(staff, "In the visitor's browser: the cookie “__Host-csrftoken”") == "10 days"


def test_log_is_kept_as_long_as_the_page_says():
    """Whoever changes how logs are rotated changes the page, too."""
    assert '10m, max-file: "3"' in (ROOT / "compose.yaml").read_text()
    assert "find . -name '*.log.*' -mtime +14 -delete" in (ROOT / "deploy" / "rotate_logs").read_text()


@pytest.mark.parametrize("way", [CLONE, SERVER, DOCKER])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_says_something_in_every_way_and_language(staff, monkeypatch, way, language):
    monkeypatch.setattr(privacy, "here", lambda: way)
    with translation.override(language):
        said = [*privacy.of_readers(), *privacy.of_writers(), *privacy.of_staff()]
        assert [row for row in said if not (row.what and row.how_long)] == []


def test_logging_in_leaves_no_more_than_an_hour(staff):
    assert how_long(staff, "How often a password was wrong") == "1 hour"
    assert how_long(staff, "Who has asked for a new password") == "1 hour"
    assert how_long(staff, "That somebody has logged in with this browser before") == "365 days"


def test_what_the_form_asks_for_is_named_in_chinese(staff):
    html = staff.get(URL, headers={"accept-language": "zh-hans"}).content.decode()
    assert "留言：姓名、电子邮箱、主题、正文、语言以及收到的时间" in html
