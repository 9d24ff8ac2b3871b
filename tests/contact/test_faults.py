import pytest
from django.contrib.auth.models import Permission, User

from myweb.contact import faults
from myweb.contact.models import ContactMessage, Delivery, MailServer
from tests.contact.factories import OWNER, let_pass, make_message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_is_set_up(settings):
    settings.EMAIL_HOST = "mail.example.org"
    settings.CONTACT_RECIPIENTS = [OWNER]


def fail(reason: str = "refused", words: str = "[Errno 111] Connection refused") -> None:
    MailServer.objects.update_or_create(pk=1, defaults={"failures": 3, "reason": reason, "last_error": words})


def test_it_works():
    assert faults.find() is None


def test_no_mail_server(settings):
    settings.EMAIL_HOST = ""
    found = faults.find()
    assert found.sentence == "Messages stay in the inbox, because no mail server is set."
    assert found.fix == "To have them mailed, set EMAIL_HOST on the server."


def test_no_recipients(settings):
    settings.CONTACT_RECIPIENTS = []
    found = faults.find()
    assert found.fix == "Fill in the recipients of the contact form."


def test_server_fails():
    make_message(OWNER, "b@example.org")
    fail()
    found = faults.find()
    assert found.sentence == "2 mails are waiting to be sent."
    assert found.fix == "The mail server refused the connection: check EMAIL_HOST and EMAIL_PORT."
    assert found.words == "[Errno 111] Connection refused"


def test_server_fails_but_nothing_waits():
    fail()
    assert faults.find() is None


def test_mail_of_a_clock_that_was_ahead_is_late():
    make_message()
    assert faults.find() is None
    let_pass(days=-365)
    assert faults.find().sentence == "1 mail is waiting to be sent."


def test_address_is_refused():
    make_message()
    Delivery.objects.update(reason="recipient", last_error="550 no such user", attempts=1)
    found = faults.find()
    assert found.sentence == "1 mail is waiting to be sent."
    assert "check the recipients of the contact form" in found.fix
    assert found.words == "550 no such user"


def test_nobody_delivers():
    make_message()
    let_pass(minutes=9)
    assert faults.find() is None
    let_pass(minutes=1)
    found = faults.find()
    assert found.sentence == "1 mail is waiting to be sent."
    assert "manage.py work" in found.fix


def test_nobody_delivers_what_came_without_recipients():
    make_message(spam_reason="too fast")
    ContactMessage.objects.update(spam_reason="", created_at="2026-01-01T00:00Z")
    found = faults.find()
    assert found.sentence == "1 mail is waiting to be sent."


def test_mailed_messages_and_spam_are_no_fault():
    make_message()
    make_message(spam_reason="too fast")
    Delivery.objects.update(sent_at="2026-01-01T00:00Z")
    let_pass(days=1)
    assert faults.find() is None


class TestBanner:
    """On the first page of the admin."""

    def test_is_shown_to_the_owner(self, admin_client):
        make_message()
        fail("login", "535 <b>no</b>")
        html = admin_client.get("/admin/").content.decode()
        assert 'class="fault"' in html
        assert "1 mail is waiting to be sent." in html
        assert "The mail server rejected the login: check EMAIL_HOST_USER and EMAIL_HOST_PASSWORD." in html
        assert "535 &lt;b&gt;no&lt;/b&gt;" in html

    def test_is_not_shown_when_all_is_well(self, admin_client):
        assert 'class="fault"' not in admin_client.get("/admin/").content.decode()

    @pytest.mark.parametrize("may_read", [False, True])
    def test_is_for_those_who_may_read_messages(self, client, settings, may_read):
        settings.EMAIL_HOST = ""
        editor = User.objects.create_user("editor", password="password", is_staff=True)
        if may_read:
            editor.user_permissions.add(Permission.objects.get(codename="view_contactmessage"))
        client.force_login(editor)
        assert ('class="fault"' in client.get("/admin/").content.decode()) is may_read
