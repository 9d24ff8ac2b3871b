import re
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, connection
from django.test import Client
from django.utils import timezone

from myweb.contact import forms
from myweb.contact.forms import ContactForm, clock
from myweb.contact.models import ContactMessage, ContactSettings, Delivery
from tests.contact.factories import OWNER, SCRIPTS, form_data, in_threads
from tests.factories import make_page

pytestmark = pytest.mark.django_db

FORM = "/contact/"
PUBLIC = "8.8.8.8"  # an address that is counted; nothing is sent there
TYPED = {
    "name": 'Ann "<b>" 李',
    "email": "ann@例子.cn",
    "subject": "A <i>room</i> & 湖",
    "text": " Hello,\r\n\r\n👩‍👩‍👧 & <you>",
}


@pytest.fixture(autouse=True)
def recipients(settings):
    settings.CONTACT_RECIPIENTS = [OWNER, "second@example.org"]


def typed_in(response) -> dict[str, str]:
    """Return what a person sees in the fields of the form."""
    html = response.content.decode()
    values = {
        name: re.search(rf'<input[^>]* name="{name}" value="([^"]*)"', html) for name in ("name", "email", "subject")
    }
    values["text"] = re.search(r"<textarea[^>]*>\r?\n([^<]*)</textarea>", html)
    return {name: unescape(found[1]) if found else "" for name, found in values.items()}


def assert_comes_back(response, status: int, data: dict) -> None:
    """The form is shown again with everything that was typed, and nothing is stored."""
    assert response.status_code == status
    assert typed_in(response) == {name: data[name] for name in ("name", "email", "subject", "text")}
    assert "no-store" in response.headers["Cache-Control"]
    assert not ContactMessage.objects.exists()


def send(client: Client, **fields):
    return client.post(FORM, form_data(**fields))


def test_it_works(client, monkeypatch):
    response = client.get(FORM)
    form_id = response.context["form"]["form_id"].value()
    later = clock() + 5
    monkeypatch.setattr(forms, "clock", lambda: later)
    response = client.post(FORM, {**TYPED, "leave_empty": "", "form_id": form_id})
    message = ContactMessage.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/contact/thanks/{message.token}/")
    assert (message.name, message.email, message.subject) == (TYPED["name"], TYPED["email"], TYPED["subject"])
    assert (message.text, message.spam_reason, message.state) == (
        TYPED["text"].strip().replace("\r\n", "\n"),
        "",
        "new",
    )
    assert {delivery.recipient for delivery in message.deliveries.all()} == {OWNER, "second@example.org"}
    html = unescape(client.get(response.headers["Location"]).content.decode())
    assert message.reference in html
    lines = [TYPED["name"], TYPED["email"], TYPED["subject"], "👩‍👩‍👧 & <you>"]
    assert [line for line in lines if line not in html] == []


class TestForm:
    def test_is_nobody_elses_to_keep(self, client):
        response = client.get(FORM)
        assert response.status_code == 200
        assert {"private", "no-store"} <= set(response.headers["Cache-Control"].split(", "))

    @pytest.mark.parametrize(
        ("introduction", "description"),
        [("<p>Call “us” &amp; <strong>ask</strong>.</p>", "Call “us” &amp; ask."), ("", "Write to localhost.")],
    )
    def test_search_engines_are_told_what_it_is(self, client, introduction, description):
        ContactSettings.objects.create(introduction=introduction)
        assert f'<meta name="description" content="{description}">' in client.get(FORM).content.decode()

    def test_shows_the_introduction(self, client):
        ContactSettings.objects.create(introduction="<p>We answer <strong>soon</strong>.</p>")
        assert "We answer <strong>soon</strong>." in client.get(FORM).content.decode()

    @pytest.mark.parametrize(
        ("server", "owner", "sentence", "says_spam"),
        [
            (None, None, "keeps your message until its owner deletes it.", True),
            (None, 90, "deletes your message after 90 days or,", True),
            (None, 1, "deletes your message after 1 day or,", False),
            (0, 90, "keeps your message until its owner deletes it.", True),
            (30, None, "deletes your message after 30 days or,", False),
            (365, 90, "deletes your message after 365 days or,", True),
        ],
    )
    def test_says_how_long_a_message_is_kept(self, client, settings, server, owner, sentence, says_spam):
        settings.CONTACT_RETENTION_DAYS = server
        ContactSettings.objects.create(retention_days=owner)
        html = client.get(FORM).content.decode()
        assert sentence in html
        assert ("What looks like spam is deleted after 30 days." in html) is says_spam

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_refuses_other_methods(self, client, method):
        assert getattr(client, method)(FORM).status_code == 405

    def test_has_limits_that_are_stated_and_kept(self, client):
        full = {"name": "湖" * 200, "subject": "👩" * 300, "text": "湖" * 20_000}
        assert "Up to 20,000 characters." in client.get(FORM).content.decode()
        assert send(client, **full).status_code == 302
        assert ContactMessage.objects.filter(**full).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"email": ""},
        {"subject": " \t "},
        {"subject": "\u3164"},
        {"name": "\u200b\u202e"},
        {"text": ""},
        {"email": "ann"},
        {"email": "ann@example.com, b@example.com"},
        {"email": "a@" + "湖" * 60 + ".com"},  # too long for a name in the DNS
        {"email": '"\x0b"@example.com'},
        {"name": "x" * 201},
        {"subject": "x" * 301},
        {"text": "x" * 20_001},
        {"email": "x" * 250 + "@example.com"},
        {"name": "Ann\r\nBcc: x@example.net"},
        {"subject": "Hi\nBcc: x@example.net"},
        {"subject": "Hi\u2028Bcc: x@example.net"},
        {"email": "a@example.com\nBcc: x@example.net"},
        {"email": "a@example.com>, <b@example.net"},
    ],
    ids=lambda fields: f"{next(iter(fields))} {next(iter(fields.values()))[:12]!r}",
)
def test_error_is_at_the_field_and_nothing_typed_is_lost(client, fields):
    data = form_data(**TYPED | fields)
    response = client.post(FORM, data)
    [name] = fields
    assert list(response.context["form"].errors) == [name]
    html = response.content.decode()
    assert 'class="errorlist"' in html.partition(f'for="id_{name}"')[2].partition(f'name="{name}"')[0]
    shown = typed_in(response)
    # Browsers do not send line breaks from one-line fields, and leave them out of such a field's value.
    assert shown == {field: data[field] for field in TYPED}
    assert response.status_code == 200
    assert not ContactMessage.objects.exists()


class TestLanguage:
    """Of the page that a link was followed on; of the browser only if nobody knows that."""

    @pytest.fixture(autouse=True)
    def pages(self, home):
        make_page("首页", slug="zh", language="zh-hans", menu="main")
        make_page("About us")

    @pytest.mark.parametrize(
        ("query", "referer", "accepted", "language"),
        [
            ("", "", "zh-CN", "zh-hans"),
            ("", "", "de", "en"),
            ("?lang=zh-hans", "", "en", "zh-hans"),
            ("?lang=en", "http://localhost:8099/zh/", "zh-CN", "en"),
            ("?lang=tlh", "", "zh-CN", "zh-hans"),
            ("?lang=", "http://localhost:8099/zh/", "en", "zh-hans"),
            ("", "http://localhost:8099/about-us/", "zh-CN", "en"),
            ("", "http://localhost:8099/contact/?lang=zh-hans", "en", "zh-hans"),
            ("", "http://localhost:8099/nothing/", "zh-CN", "zh-hans"),
            ("", "http://localhost:8099/zh/%00", "en", "en"),
            ("", "http://elsewhere.example/zh/", "en", "en"),
            ("", "http://[", "en", "en"),
        ],
    )
    def test_of_the_form_and_the_thanks(self, client, query, referer, accepted, language):
        headers = {"accept-language": accepted} | ({"referer": referer} if referer else {})
        response = client.get(FORM + query, headers=headers)
        assert response.headers["Content-Language"] == language
        assert f'<html lang="{language}">' in response.content.decode()
        [action] = re.findall(r'<form method="post" action="([^"]+)"', response.content.decode())
        assert action == f"{FORM}?lang={language}"
        headers = {"accept-language": accepted}
        assert client.post(action, {}, headers=headers).headers["Content-Language"] == language
        response = client.post(action, form_data(), headers=headers)
        assert client.get(response.headers["Location"], headers=headers).headers["Content-Language"] == language
        assert ContactMessage.objects.get().language == language

    def test_is_named_by_the_menu_of_each_page(self, client):
        assert f'href="{FORM}?lang=zh-hans"' in client.get("/zh/").content.decode()
        assert f'href="{FORM}?lang=en"' in client.get("/about-us/").content.decode()

    def test_of_a_page_that_does_not_exist(self, client):
        for referer, language in (("/zh/", "zh-hans"), ("/about-us/", "en"), ("/contact/?lang=zh-hans", "zh-hans")):
            headers = {"referer": f"http://localhost:8099{referer}", "accept-language": "de"}
            response = client.get("/nothing/", headers=headers)
            assert (response.status_code, response.headers["Content-Language"]) == (404, language)
        assert client.get("/nothing/", headers={"accept-language": "zh-CN"}).headers["Content-Language"] == "zh-hans"

    def test_costs_no_query_when_it_is_named(self, client, django_assert_num_queries):
        with django_assert_num_queries(3):
            client.get(f"{FORM}?lang=en", headers={"referer": "http://localhost:8099/zh/"})


class TestCsrf:
    def test_failure_shows_the_form_again(self):
        client = Client(enforce_csrf_checks=True)
        data = form_data(**TYPED)
        response = client.post(FORM, data)
        assert_comes_back(response, 403, data)
        assert "Please send the form once more. Your browser has to accept cookies" in response.content.decode()
        # The form that came back works.
        form = response.context["form"]
        data |= {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, "form_id": form["form_id"].value()}
        assert client.post(FORM, data).status_code == 302
        assert ContactMessage.objects.inbox().count() == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "null"},
            {"origin": "https://proxy.internal:8443"},
            {"x-forwarded-proto": "https"},  # and no Referer
            {"x-forwarded-proto": "https", "referer": "https://proxy.internal/contact/"},
            {"x-forwarded-proto": "https", "referer": "contact"},
        ],
    )
    def test_does_not_blame_cookies_for_what_a_proxy_does(self, settings, headers):
        settings.SITE_URL, settings.SECURE_SSL_REDIRECT = "https://testserver", False
        client = Client(enforce_csrf_checks=True)
        client.get(FORM)
        data = form_data(**TYPED) | {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
        response = client.post(FORM, data, headers=headers)
        assert_comes_back(response, 403, data)
        html = response.content.decode()
        assert "This site could not see from where the form was sent" in html
        assert "cookies" not in html

    def test_says_that_the_form_was_open_for_long(self):
        client = Client(enforce_csrf_checks=True)
        client.get(FORM)
        data = form_data(**TYPED) | {"csrfmiddlewaretoken": "x" * 64}
        response = client.post(FORM, data)
        assert_comes_back(response, 403, data)
        assert "It was open for too long, or in a second window." in response.content.decode()

    @pytest.mark.parametrize(
        ("headers", "sentence"),
        [({}, "has to accept cookies"), ({"origin": "null"}, "This site could not see from where the form was sent")],
    )
    def test_failure_elsewhere_says_why(self, headers, sentence):
        response = Client(enforce_csrf_checks=True).post("/admin/login/", {}, headers=headers)
        assert response.status_code == 403
        assert sentence in response.content.decode()


class TestOneFormIsOneMessage:
    def test_sent_twice(self, client):
        data = form_data()
        assert client.post(FORM, data).headers["Location"] == client.post(FORM, data).headers["Location"]
        assert (ContactMessage.objects.count(), Delivery.objects.count()) == (1, 2)

    @pytest.mark.parametrize("spam_reason", ["", "honeypot"])
    def test_with_changed_content_comes_back_to_be_sent_as_another(self, client, spam_reason):
        data = form_data(**TYPED)
        client.post(FORM, data)
        ContactMessage.objects.update(spam_reason=spam_reason)
        data["text"] = "Is it free in June?"
        for _ in range(2):
            response = client.post(FORM, data)
            assert response.status_code == 200
            assert f"Message {ContactMessage.objects.get().reference} has arrived already." in response.content.decode()
            assert typed_in(response) == {name: data[name] for name in TYPED}
        data["form_id"] = response.context["form"]["form_id"].value()
        assert client.post(FORM, data).status_code == 302
        assert ContactMessage.objects.filter(spam_reason="", text=data["text"]).count() == 1
        assert ContactMessage.objects.count() == 2

    def test_sent_again_after_the_day_of_the_thanks(self, client):
        data = form_data()
        client.post(FORM, data)
        ContactMessage.objects.update(created_at=timezone.now() - timedelta(days=2))
        assert client.get(client.post(FORM, data).headers["Location"]).status_code == 410
        assert ContactMessage.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_two_texts_at_the_same_moment(self, database):
        data, texts = form_data(), iter(["May?", "June?"] * 4)
        responses = in_threads(8, lambda: Client().post(FORM, {**data, "text": next(texts)}))
        assert ContactMessage.objects.count() == 1
        assert sorted(response.status_code for response in responses) == [200] * 4 + [302] * 4

    def test_the_same_content_in_another_form_is_another(self, client):
        send(client)
        send(client)
        assert ContactMessage.objects.count() == 2

    @pytest.mark.django_db(transaction=True)
    def test_sent_eight_times_at_the_same_moment(self, database):
        data = form_data()
        responses = in_threads(8, lambda: Client().post(FORM, data))
        assert {response.status_code for response in responses} == {302}
        assert len({response.headers["Location"] for response in responses}) == 1
        assert (ContactMessage.objects.count(), Delivery.objects.count()) == (1, 2)

    @pytest.mark.parametrize("form_id", ["", "forged", "x" * 300, "WyJhIiwxXQ:1abc:forged", "\ud7ff"])
    def test_that_is_not_ours_comes_back_with_a_new_id(self, client, form_id):
        data = form_data(**TYPED) | {"form_id": form_id}
        response = client.post(FORM, data)
        assert_comes_back(response, 200, data)
        html = response.content.decode()
        renewed = re.search(r'name="form_id" value="([^"]+)"', html)[1]
        assert "The form had to be renewed." in html
        assert client.post(FORM, {**data, "form_id": renewed}).status_code == 302
        assert ContactMessage.objects.inbox().count() == 1

    def test_without_any_id_comes_back(self, client):
        data = form_data(**TYPED)
        del data["form_id"]
        assert_comes_back(client.post(FORM, data), 200, data)


class TestAskedToSendAgain:
    """Whoever the site has asked to send the form again may do so at once: that is no spam, and the same message."""

    def again(self, response) -> dict[str, str]:
        assert not ContactMessage.objects.exists()
        return {**typed_in(response), "leave_empty": "", "form_id": response.context["form"]["form_id"].value()}

    def assert_is_stored(self, data: dict[str, str]) -> None:
        assert Client().post(FORM, data).status_code == 302
        assert Client().post(FORM, data).status_code == 302
        assert ContactMessage.objects.get().spam_reason == ""

    def test_because_of_an_error(self, client):
        response = client.post(FORM, form_data(age=0, email="nobody"))
        self.assert_is_stored(self.again(response) | {"email": "ann@example.com"})

    def test_because_the_form_was_not_ours(self, client):
        self.assert_is_stored(self.again(client.post(FORM, form_data() | {"form_id": ""})))

    @pytest.mark.parametrize("form_id", [None, ""])
    def test_because_of_csrf(self, form_id):
        data = form_data(age=0)
        data["form_id"] = data["form_id"] if form_id is None else form_id
        self.assert_is_stored(self.again(Client(enforce_csrf_checks=True).post(FORM, data)))

    @pytest.mark.parametrize("was_stored", [False, True])
    def test_because_the_database_failed(self, client, was_stored):
        """Also when all is stored, and only the answer of the commit is lost."""

        def fail(execute, sql, params, many, context):
            if "contact_contactmessage" in sql:
                raise OperationalError("disk I/O error")
            return execute(sql, params, many, context)

        data = form_data(age=0)
        with connection.execute_wrapper(fail):
            response = client.post(FORM, data)
        assert response.status_code == 503
        again = self.again(response)
        if was_stored:
            client.post(FORM, data)
            ContactMessage.objects.update(spam_reason="")
        self.assert_is_stored(again)

    def test_form_of_before_an_upgrade(self, client):
        old = signing.dumps(["abcdefghijklmnop", time.time()], salt=forms.SALT)
        self.assert_is_stored(form_data() | {"form_id": old})


class TestRefusedByTheDatabase:
    def test_is_no_duplicate(self, client, caplog):
        """A violation of another constraint is not taken for the same form; the log has no word of the visitor's."""

        def violate(execute, sql, params, many, context):
            if 'INSERT INTO "contact_contactmessage"' in sql:
                raise IntegrityError("null value in column violates\nDETAIL:  Failing row contains (Ann).")
            return execute(sql, params, many, context)

        data = form_data(**TYPED)
        with connection.execute_wrapper(violate):
            response = client.post(FORM, data)
        assert_comes_back(response, 503, data)
        assert "null value in column" in caplog.text
        assert "Ann" not in caplog.text


class TestAttacks:
    """A clear refusal, nothing stored, no 5xx."""

    @pytest.fixture(autouse=True)
    def nothing_is_stored(self, db):
        yield
        assert not ContactMessage.objects.exists()

    def raw(self, client, body: bytes, content_type="application/x-www-form-urlencoded") -> int:
        client.raise_request_exception = False
        return client.generic("POST", FORM, body, content_type).status_code

    @pytest.mark.parametrize("name", ["name", "email", "subject", "text", "leave_empty", "form_id"])
    def test_nul(self, client, name):
        response = send(client, **{name: "a\0b"})
        assert response.status_code == 200
        assert response.context["form"].errors

    def test_10_000_fields(self, client):
        assert send(client, **{f"field{number}": "x" for number in range(30)}).status_code == 400
        assert self.raw(client, b"&".join(b"f%d=x" % number for number in range(10_001))) == 413
        assert client.post(FORM, [("name", "x")] * 10_000, "application/x-www-form-urlencoded").status_code < 500

    def test_files(self, client):
        assert send(client, file=SimpleUploadedFile("a.txt", b"x")).status_code == 400
        assert send(client, text=SimpleUploadedFile("a.txt", b"x")).status_code == 400

    def test_10_mb(self, client):
        assert self.raw(client, b"text=" + b"x" * 10 * 1024 * 1024) == 413

    @pytest.mark.parametrize(
        "charset", ["utf-7", "utf-16", "latin-1", "unicode_escape", "raw_unicode_escape", "idna", "zlib"]
    )
    def test_another_charset_in_which_lone_surrogates_can_be_written(self, client, charset):
        fields = form_data() | {"text": "+2AA- \\ud800"}
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
        ]
        body = "".join(parts).encode() + b"--b--\r\n"
        for enforced in (True, False):
            client = Client(enforce_csrf_checks=enforced)
            assert self.raw(client, body, f"multipart/form-data; boundary=b; charset={charset}") == 400
        assert self.raw(client, b"text=x", f"application/x-www-form-urlencoded; charset={charset}") == 400

    def test_lone_surrogates_in_utf_8(self, client):
        fields = "&".join(f"{name}={value}" for name, value in form_data(email="").items())
        assert self.raw(client, fields.encode() + b"&text=%ED%A0%80&name=%FF&subject=\xed\xa0\x80") == 200

    @pytest.mark.parametrize(
        "content_type", ["multipart/form-data", "multipart/form-data; boundary=b", "application/json", "x"]
    )
    def test_no_form_at_all(self, client, content_type):
        assert self.raw(client, b"\0\xff{", content_type) in (200, 400)


@pytest.mark.parametrize("field", ["name", "subject", "text"])
@pytest.mark.parametrize(
    "value", [SCRIPTS, "\ufffd", "‏שלום‏", "ａ１", "ﷺ", "e\u0301", "<script>alert(1)</script>", "'; DROP TABLE x; --"]
)
def test_every_script_is_stored_intact(client, field, value):
    response = send(client, **{field: value})
    assert response.status_code == 302
    assert getattr(ContactMessage.objects.get(), field) == value
    html = client.get(response.headers["Location"]).content.decode()
    assert value in unescape(html)
    assert "<script>" not in html


class TestTooMany:
    def send(self, number: int, address: str = PUBLIC, **fields) -> list[int]:
        return [Client(REMOTE_ADDR=address).post(FORM, form_data(**fields)).status_code for _ in range(number)]

    def test_from_one_address(self):
        assert self.send(20) == [302] * 20
        assert ContactMessage.objects.inbox().count() == 5
        assert ContactMessage.objects.filter(spam_reason="too many").count() == 15
        data = form_data(**TYPED)
        response = Client(REMOTE_ADDR=PUBLIC).post(FORM, data)
        assert response.status_code == 429
        assert typed_in(response) == TYPED
        assert "There were too many messages from your network." in response.content.decode()
        assert ContactMessage.objects.count() == 20
        assert self.send(1, "8.8.4.4") == [302]
        assert ContactMessage.objects.inbox().count() == 6

    def test_sending_again_what_is_stored_is_no_further_message(self):
        data = form_data()
        client = Client(REMOTE_ADDR=PUBLIC)
        first = client.post(FORM, data)
        self.send(20)
        again = client.post(FORM, data)
        assert (again.status_code, again.headers["Location"]) == (302, first.headers["Location"])

    def test_an_hour_later_it_is_forgotten(self):
        self.send(20)
        ContactMessage.objects.update(created_at=timezone.now() - timedelta(minutes=61))
        assert self.send(1) == [302]
        assert ContactMessage.objects.inbox().count() == 6

    def test_from_one_household(self):
        for number in range(6):
            self.send(1, f"2a00:1450:4001:80b::{number:x}")
        assert ContactMessage.objects.inbox().count() == 5
        self.send(1, "2a00:1450:4001:80c::1")
        assert ContactMessage.objects.inbox().count() == 6


class TestDatabaseFails:
    """An honest error with the text still in the form, never thanks."""

    @pytest.fixture
    def fail(self, database):
        """Make the database refuse every write from now on, in one of its own ways; undone after the test."""
        undo: list[Callable[[], object]] = []

        def on_sqlite(way: str) -> None:
            if way == "locked":
                other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
                undo.append(other.close)
                other.execute("BEGIN EXCLUSIVE")
                connection.connection.execute("PRAGMA busy_timeout = 100")  # ms
            elif way == "full":
                pages = connection.connection.execute("PRAGMA page_count").fetchone()[0]
                connection.connection.execute(f"PRAGMA max_page_count = {pages}")
            else:
                connection.connection.execute("PRAGMA query_only = ON")

        def on_postgresql(way: str) -> None:
            if way == "locked":
                other = connection.copy()
                undo.append(other.close)
                other.set_autocommit(False)
                other.cursor().execute("LOCK TABLE contact_contactmessage, contact_contactsettings")
                connection.connection.execute("SET lock_timeout = '100ms'")
            elif way == "read-only":
                connection.connection.execute("SET default_transaction_read_only = on")
            else:
                pytest.skip("PostgreSQL has no limit that could be set")

        def fail(way: str) -> None:
            connection.ensure_connection()
            {"sqlite": on_sqlite, "postgresql": on_postgresql}[connection.vendor](way)
            undo.append(connection.close)  # all settings were the connection's

        self.undo = lambda: [step() for step in undo]
        yield fail
        self.undo()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("way", ["locked", "full", "read-only"])
    def test_message_is_not_stored(self, fail, way):
        data = form_data(**TYPED) | {"text": "湖" * 20_000}
        fail(way)
        response = Client().post(FORM, data)
        self.undo()
        assert_comes_back(response, 503, data)
        assert "could not be stored" in response.content.decode()
        # The same form works as soon as the database does.
        assert Client().post(FORM, data).status_code == 302
        assert ContactMessage.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_deliveries_are_not_stored(self, database, client):
        """The transaction holds both."""

        def no_deliveries(execute, sql, params, many, context):
            if 'INSERT INTO "contact_delivery"' in sql:
                raise OperationalError("disk I/O error")
            return execute(sql, params, many, context)

        data = form_data(**TYPED)
        with connection.execute_wrapper(no_deliveries):
            response = client.post(FORM, data)
        assert_comes_back(response, 503, data)


def test_every_limit_is_stated(client, db):
    fields = ContactForm().fields
    html = client.get("/contact/").content.decode()
    for name in ("name", "subject", "text"):
        assert f"Up to {fields[name].max_length:,} characters." in html


class TestThanks:
    def test_is_private(self, client):
        response = Client().get(send(client).headers["Location"])
        assert {"private", "no-store"} <= set(response.headers["Cache-Control"].split(", "))
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert '<meta name="robots" content="noindex">' in response.content.decode()

    @pytest.mark.parametrize(
        ("age", "status"),
        [
            (timedelta(hours=23), 200),
            (timedelta(hours=25), 410),
            (timedelta(days=400), 410),
            (timedelta(seconds=-2), 200),
            (timedelta(days=-365), 410),  # stored while the clock was wrong
        ],
    )
    def test_is_there_for_a_day(self, client, age, status):
        location = send(client, **TYPED).headers["Location"]
        ContactMessage.objects.update(created_at=timezone.now() - age)
        response = client.get(location)
        assert response.status_code == status
        assert {"private", "no-store"} <= set(response.headers["Cache-Control"].split(", "))
        html = unescape(response.content.decode())
        assert ("Your message has arrived" in html, TYPED["email"] in html) == (True, status == 200)

    def test_address_cannot_be_guessed(self, client):
        tokens = {send(client).headers["Location"].split("/")[3] for _ in range(20)}
        assert len(tokens) == 20
        assert min(map(len, tokens)) >= 32

    @pytest.mark.parametrize("token", ["1", "000001", "x" * 32, "x" * 5000, "-", "a/b"])
    def test_of_nobody(self, client, token):
        send(client)
        assert client.get(f"/contact/thanks/{token}/").status_code == 404

    def test_says_nothing_of_spam(self, client):
        """Whoever fills in the trap learns nothing from it."""
        html = client.get(send(client, leave_empty="http://example.net").headers["Location"]).content.decode()
        assert "Your message has arrived." in html
        assert ContactMessage.objects.get().spam_reason == "honeypot"

    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_is_only_read(self, client, method):
        assert getattr(client, method)(send(client).headers["Location"]).status_code == 405
