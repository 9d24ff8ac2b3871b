import csv
import io
import re
from datetime import timedelta
from itertools import chain
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from myweb.contact.admin import QUOTED, harmless, reply_link
from myweb.contact.models import ContactMessage, ContactSettings, Delivery
from tests.admin_forms import form_data
from tests.contact.factories import DISGUISES, OWNER, SCRIPTS, make_message

pytestmark = pytest.mark.django_db

INBOX = "/admin/contact/contactmessage/"


@pytest.fixture(autouse=True)
def recipients(settings):
    settings.CONTACT_RECIPIENTS = [OWNER]


# What a spreadsheet could take for one, once it has left out what it does not care for
FORMULA_CELL = re.compile(r"""[\s"\0-\x1f\u200b]*[=+\-@＝＋－＠]""")


def url(message: ContactMessage, page: str = "change") -> str:
    return reverse(f"admin:contact_contactmessage_{page}", args=[message.pk])


def subjects(client, query: str = "") -> list[str]:
    """Return what is listed, in its order."""
    return [message.subject for message in client.get(INBOX + query).context["cl"].result_list]


def act(client, action: str, *messages: ContactMessage, query: str = "?place=all", **data):
    """Choose `messages` in the list and do something with them."""
    page = client.get(INBOX + query)
    assert action in {name for name, _label in page.context["action_form"].fields["action"].choices}
    chosen = {"action": action, "_selected_action": [message.pk for message in messages], "index": 0}
    return client.post(INBOX + query, {**chosen, **data})


def editor(*permissions: str) -> User:
    user = User.objects.create_user("editor", password="password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_it_works(admin_client):
    message = make_message(subject=SCRIPTS, text="<script>alert(1)</script>\n\nSecond line")
    assert subjects(admin_client) == [SCRIPTS]
    html = admin_client.get(url(message)).content.decode()
    assert message.reference in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\n\nSecond line" in html
    assert f"{OWNER}: waiting" in html


class TestList:
    def test_is_newest_first(self, admin_client):
        for number in range(3):
            make_message(subject=f"Message {number}")
        ContactMessage.objects.filter(subject="Message 2").update(created_at=timezone.now() - timedelta(days=1))
        assert subjects(admin_client) == ["Message 1", "Message 0", "Message 2"]

    def test_says_what_became_of_the_mail(self, admin_client):
        make_message(subject="mailed").deliveries.update(sent_at=timezone.now())
        make_message(subject="waiting")
        make_message(subject="failing").deliveries.update(reason="recipient", last_error="550 no <such> user")
        make_message(subject="spam", spam_reason="honeypot")
        html = admin_client.get(f"{INBOX}?place=all").content.decode()
        for state in ("Mailed", "Waiting", "Failing: 550 no &lt;such&gt; user", "Not mailed: spam"):
            assert f'<td class="field-mail">{state}</td>' in html

    def test_filters(self, admin_client):
        make_message(subject="mailed", state="answered").deliveries.update(sent_at=timezone.now())
        make_message("a@b.example", "c@d.example", subject="waiting")
        failing = make_message("a@b.example", "c@d.example", subject="failing")
        failing.deliveries.update(reason="recipient")
        failing.deliveries.filter(recipient="a@b.example").update(sent_at=timezone.now(), reason="")
        make_message(subject="spam", spam_reason="too many")
        assert subjects(admin_client) == ["failing", "waiting", "mailed"]
        assert subjects(admin_client, "?place=spam") == ["spam"]
        assert subjects(admin_client, "?place=all") == ["spam", "failing", "waiting", "mailed"]
        assert subjects(admin_client, "?mail=mailed") == ["mailed"]
        assert subjects(admin_client, "?mail=waiting") == ["failing", "waiting"]
        assert subjects(admin_client, "?mail=failing") == ["failing"]
        assert subjects(admin_client, "?state__exact=answered") == ["mailed"]

    @pytest.mark.parametrize("words", ["李", "ann@例子", "湖边", "room for 2"])
    def test_search(self, admin_client, words):
        make_message(name="李华", email="ann@例子.cn", subject="A room for 2", text="在湖边")
        make_message(subject="Other")
        assert len(subjects(admin_client, f"?q={words}")) == 1

    def test_costs_the_same_whatever_its_length(self, admin_client, django_assert_max_num_queries):
        for _ in range(30):
            make_message(OWNER, "b@example.org")
        with django_assert_max_num_queries(15):
            admin_client.get(INBOX)


class TestMessage:
    def test_is_read_once_it_was_shown(self, admin_client):
        message = make_message()
        other = make_message(state="answered")
        admin_client.get(INBOX)
        assert ContactMessage.objects.get(pk=message.pk).state == "new"
        admin_client.get(url(message))
        admin_client.get(url(other))
        assert ContactMessage.objects.get(pk=message.pk).state == "read"
        assert ContactMessage.objects.get(pk=other.pk).state == "answered"

    def test_is_not_read_by_those_who_may_only_look(self, client):
        message = make_message()
        client.force_login(editor("view_contactmessage"))
        assert client.get(url(message)).status_code == 200
        assert ContactMessage.objects.get().state == "new"

    def test_is_never_changed(self, admin_client):
        message = make_message()
        data = {
            "name": "X",
            "email": "x@example.net",
            "subject": "X",
            "text": "X",
            "state": "answered",
            "_save": "Save",
        }
        assert admin_client.post(url(message), data).status_code == 403
        assert admin_client.get(f"{INBOX}add/").status_code == 403
        assert admin_client.post(f"{INBOX}add/", data).status_code == 403
        after = ContactMessage.objects.get()
        assert (after.name, after.subject, after.text, after.state) == (
            message.name,
            message.subject,
            message.text,
            "new",
        )
        html = admin_client.get(url(message)).content.decode()
        assert 'name="_save"' not in html
        assert "<textarea" not in html

    def test_shows_the_servers_words(self, admin_client):
        message = make_message("a@example.org", "b@example.org")
        message.deliveries.filter(recipient="b@example.org").update(reason="recipient", last_error="550 no such user")
        message.deliveries.filter(recipient="a@example.org").update(sent_at=timezone.now())
        html = admin_client.get(url(message)).content.decode()
        assert "a@example.org: mailed, " in html
        assert "The mail server refused this address" in html
        assert "550 no such user" in html

    def test_its_own_buttons_work(self, admin_client):
        message = make_message()
        html = admin_client.get(url(message)).content.decode()
        assert 'name="action" value="mark_answered"' in html
        response = admin_client.post(
            f"{INBOX}?place=all", {"_selected_action": message.pk, "action": "mark_answered"}, follow=True
        )
        assert "1 message was marked." in response.content.decode()
        assert ContactMessage.objects.get().state == "answered"

    @pytest.mark.parametrize("spam_reason", ["", "honeypot"])
    def test_its_buttons_are_actions_of_the_list(self, admin_client, spam_reason):
        html = admin_client.get(url(make_message(spam_reason=spam_reason))).content.decode()
        page = admin_client.get(f"{INBOX}?place=all")
        buttons = re.findall(r'name="action" value="(\w+)"', html)
        assert buttons
        assert set(buttons) <= {name for name, _label in page.context["action_form"].fields["action"].choices}

    def test_spam_is_moved_to_the_inbox_by_its_own_button(self, admin_client):
        message = make_message(spam_reason="honeypot")
        [action] = re.findall(r'name="action" value="(\w+)"', admin_client.get(url(message)).content.decode())
        admin_client.post(f"{INBOX}?place=all", {"_selected_action": message.pk, "action": action})
        assert ContactMessage.objects.inbox().get() == message

    def test_is_deleted_with_its_deliveries(self, admin_client):
        message = make_message()
        assert admin_client.post(url(message, "delete"), {"post": "yes"}).status_code == 302
        assert not ContactMessage.objects.exists()
        assert not Delivery.objects.exists()

    @pytest.mark.parametrize("pk", ["0", "999", "x"])
    def test_of_nobody(self, admin_client, pk):
        assert admin_client.get(f"{INBOX}{pk}/change/").status_code in (302, 404)


class TestActions:
    @pytest.mark.parametrize(("action", "state"), [("mark_answered", "answered"), ("mark_new", "new")])
    @pytest.mark.parametrize("query", ["?place=all", "?mail=mailed", "?q=A"])
    def test_marks(self, admin_client, action, state, query):
        messages = [make_message("a@b.example", "c@d.example", state="read") for _ in range(3)]
        Delivery.objects.update(sent_at=timezone.now())
        act(admin_client, action, *messages[:2], query=query)
        states = list(ContactMessage.objects.order_by("pk").values_list("state", flat=True))
        assert states == [state, state, "read"]

    def test_send_again_is_another_mail(self, admin_client):
        message = make_message()
        first = message.deliveries.get()
        message.deliveries.update(sent_at=timezone.now())
        act(admin_client, "send_again", message, make_message(spam_reason="honeypot"))
        again = Delivery.objects.waiting().get()
        assert (again.message, again.recipient) == (message, OWNER)
        assert again.mail_id != first.mail_id

    def test_send_again_without_recipients_says_what_to_do(self, admin_client):
        ContactSettings.objects.create(recipients="")
        message = make_message()
        act(admin_client, "send_again", message)
        assert "Fill in the recipients" in admin_client.get("/admin/").content.decode()
        assert Delivery.objects.count() == 1

    def test_move_to_inbox(self, admin_client):
        spam, no_spam = make_message(spam_reason="too many"), make_message()
        act(admin_client, "move_to_inbox", spam, no_spam)
        assert ContactMessage.objects.inbox().count() == 2
        assert spam.deliveries.get().recipient == OWNER
        assert no_spam.deliveries.count() == 1

    def test_delete(self, admin_client):
        messages = [make_message() for _ in range(3)]
        act(admin_client, "delete_selected", *messages[:2], post="yes")
        assert ContactMessage.objects.get() == messages[2]


class TestExport:
    def rows(self, response) -> list[dict[str, str]]:
        """Return what is in the table, by the names of its columns."""
        return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"), newline=""), strict=True))

    def test_it_works(self, admin_client):
        message = make_message(name=SCRIPTS, subject='a "quoted", one', text="two\r\nlines")
        response = act(admin_client, "export_csv", message)
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"] == 'attachment; filename="messages.csv"'
        [row] = self.rows(response)
        assert None not in [*row, *row.values()]  # there is a name for each cell, and a cell for each name
        expected = {
            "reference": message.reference,
            "name": SCRIPTS,
            "e-mail": "ann@example.com",
            "subject": 'a "quoted", one',
            "message": "two\r\nlines",
            "state": "new",
        }
        assert row | expected == row

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", " =", "\n=", "\u3000="])
    def test_no_cell_is_a_formula(self, admin_client, start):
        formula = f"{start}cmd|' /C calc'!A0"
        message = make_message(name=formula, subject=formula, text=formula)
        [row] = self.rows(act(admin_client, "export_csv", message))
        assert [cell for cell in row.values() if FORMULA_CELL.match(cell)] == []
        assert row["message"].replace("'", "") == formula.replace("'", "")

    @pytest.mark.parametrize("before", [",", ";", "\t", "\n", "\r", "\r\n", '"', '""', " ", "\u3000", "\xa0", "\u200b"])
    def test_no_part_of_a_cell_is_a_formula(self, admin_client, before):
        """Whatever separators a spreadsheet goes by, and whether it knows quotes."""
        for formula in ("=1", "+1", "-1", "@1", "＝1", "＋1", "－1", "＠1"):
            payloads = [
                before + formula,
                f"x{before} {formula}",
                f'x";{before}"{formula}',
                f"x,;\t\n{before}{before}{formula}",
            ]
            for payload in payloads:
                make_message(name=payload, subject=payload, text=payload)
        table = act(admin_client, "export_csv", *ContactMessage.objects.all()).content.decode("utf-8-sig")
        cells = re.split(r"[,;\t\r\n]", table)
        for separator in ",;\t":
            cells += re.split(f"[{separator}\\r\\n]", table)
            cells += chain(*csv.reader(io.StringIO(table, newline=""), delimiter=separator))
            cells += chain(*csv.reader(io.StringIO(table, newline=""), delimiter=separator, quoting=csv.QUOTE_NONE))
        assert [cell for cell in cells if FORMULA_CELL.match(cell)] == []

    def test_takes_no_time_for_what_was_made_to_take_it(self):
        for part in ("\n", ";", " ", "\x1f", '"', "\u200b", "; \x1f\u2028"):
            assert harmless(part * 20_000) == part * 20_000

    def test_keeps_what_was_written_otherwise(self, admin_client):
        text = "Hello; 1+1 = 2, a-b; x@y.z\nBest -- Ann"
        [row] = self.rows(act(admin_client, "export_csv", make_message(text=text)))
        assert row["message"] == text

    @pytest.mark.parametrize("cell", ["", "'", "a=b", "1+1", "ann@example.com", "中文"])
    def test_harmless_cells_stay_as_they_are(self, cell):
        assert harmless(cell) == cell


class TestDisguise:
    """What nobody sees is not shown, so that nothing passes for something else; what was sent is kept."""

    @pytest.mark.parametrize("hidden", DISGUISES)
    def test_of_name_and_subject(self, admin_client, hidden):
        message = make_message(name=f"Bank{hidden}er", subject=f"A {hidden}room", email=f"a{hidden}nn@example.com")
        assert ContactMessage.objects.get().name == f"Bank{hidden}er"
        pages = [admin_client.get(INBOX), admin_client.get(url(message)), admin_client.get(url(message, "delete"))]
        pages += [act(admin_client, "export_csv", message), act(admin_client, "delete_selected", message)]
        for page in pages:
            assert hidden not in page.content.decode("utf-8-sig")
            assert "A room" in page.content.decode()
        assert parse_qs(urlsplit(reply_link(message)).query)["subject"] == ["Re: A room"]

    def test_can_be_opened_all_the_same(self, admin_client):
        message = make_message(subject="\u3164")  # of an older release
        assert f">{message.reference}</a>" in admin_client.get(INBOX).content.decode()


class TestPermissions:
    def test_nobody_without_any(self, client):
        message = make_message()
        client.force_login(editor("change_page"))
        assert client.get(INBOX).status_code == client.get(url(message)).status_code == 403
        assert client.post(INBOX, {"action": "export_csv", "_selected_action": message.pk}).status_code == 403

    def test_readers_only_read(self, client):
        message = make_message(spam_reason="too many")
        client.force_login(editor("view_contactmessage"))
        page = client.get(f"{INBOX}?place=all")
        assert [name for name, _ in page.context["action_form"].fields["action"].choices] == ["", "export_csv"]
        for action in ("mark_answered", "mark_new", "send_again", "move_to_inbox", "delete_selected"):
            client.post(f"{INBOX}?place=all", {"action": action, "_selected_action": message.pk, "post": "yes"})
        after = ContactMessage.objects.get()
        assert (after.state, after.spam_reason, Delivery.objects.count()) == ("new", "too many", 0)
        html = client.get(url(message)).content.decode()
        assert 'name="action"' not in html
        assert client.post(url(message, "delete"), {"post": "yes"}).status_code == 403

    def test_stranger_is_asked_to_log_in(self, client):
        assert client.get(INBOX).status_code == 302


class TestReply:
    def parts(self, **fields) -> tuple[str, dict[str, list[str]]]:
        link = urlsplit(reply_link(make_message(**fields)))
        assert link.scheme == "mailto"
        return link.path, parse_qs(link.query, strict_parsing=True)

    def test_it_works(self, admin_client):
        message = make_message(subject="A & B?", text="One\n\nTwo & 湖")
        address, query = self.parts(subject="A & B?", text="One\n\nTwo & 湖")
        assert address == "ann@example.com"
        assert query == {"subject": ["Re: A & B?"], "body": ["\r\n\r\n> One\r\n> \r\n> Two & 湖"]}
        assert (
            "mailto:ann@example.com?subject=Re%3A%20A%20%26%20B%3F&amp;body="
            in admin_client.get(url(message)).content.decode()
        )

    @pytest.mark.parametrize(
        ("email", "path"),
        [
            ("a+b@example.com", "a%2Bb@example.com"),
            ("o'neil&co@example.com", "o%27neil%26co@example.com"),
            ("a?bcc=x%40example.net@example.com", "a%3Fbcc%3Dx%2540example.net@example.com"),
            ('"<b>"@example.com', "%22%3Cb%3E%22@example.com"),
        ],
    )
    def test_address_cannot_add_anything(self, email, path):
        address, query = self.parts(email=email)
        assert address == path
        assert set(query) == {"subject", "body"}

    def test_long_message_is_cut(self):
        _address, query = self.parts(text="湖" * 20_000)
        assert query["body"] == ["\r\n\r\n> " + "湖" * QUOTED + " …"]


class TestRetention:
    URL = "/admin/contact/contactsettings/1/change/"

    def send(self, client, **fields):
        return client.post(self.URL, form_data(client.get(self.URL)) | {"recipients": OWNER} | fields)

    @pytest.mark.parametrize(("typed", "days"), [("90", 90), ("", 0), ("36500", 36_500)])
    def test_is_the_owners_to_set(self, admin_client, typed, days):
        assert self.send(admin_client, retention_days=typed).status_code == 302
        assert ContactSettings.load().retention == days

    @pytest.mark.parametrize("typed", ["0", "-1", "36501", "9" * 30, "x", "1.5"])
    def test_has_to_be_a_number_of_days(self, admin_client, typed):
        response = self.send(admin_client, retention_days=typed)
        assert list(response.context["adminform"].form.errors) == ["retention_days"]

    @pytest.mark.parametrize(
        ("days", "sentence"),
        [
            (90, "90 days; this is set on the server, as CONTACT_RETENTION_DAYS"),
            (0, "until they are deleted; this is set on the server, as CONTACT_RETENTION_DAYS"),
        ],
    )
    def test_of_the_server_stands_above_it(self, admin_client, settings, days, sentence):
        row = ContactSettings.objects.create(recipients=OWNER, retention_days=7)
        settings.CONTACT_RETENTION_DAYS = days
        address = reverse("admin:contact_contactsettings_change", args=[row.pk])
        html = admin_client.get(address).content.decode()
        assert sentence in html
        assert 'name="retention_days"' not in html
        assert (
            admin_client.post(address, form_data(admin_client.get(address)) | {"retention_days": "5"}).status_code
            == 302
        )
        assert ContactSettings.objects.get().retention_days == 7
        assert ContactSettings.load().retention == days


class TestContactSettings:
    URL = "/admin/contact/contactsettings/1/change/"

    def test_owner_sets_introduction_and_recipients(self, admin_client, client):
        page = admin_client.get("/admin/contact/contactsettings/", follow=True)
        assert page.redirect_chain == [(self.URL, 302)]
        assert page.context["adminform"].form["recipients"].value() == OWNER
        data = form_data(page) | {
            "introduction": "<p>We <strong>answer</strong>.<script>alert(1)</script></p>",
            "recipients": "a@b.example",
        }
        assert admin_client.post(self.URL, data).status_code == 302
        assert ContactSettings.load().recipient_list == ["a@b.example"]
        html = client.get("/contact/").content.decode()
        assert "We <strong>answer</strong>." in html
        assert "<script" not in html

    def test_refuses_what_is_no_address(self, admin_client):
        response = admin_client.post(self.URL, form_data(admin_client.get(self.URL)) | {"recipients": "owner"})
        assert "“owner” is not an e-mail address." in response.content.decode()
        assert not ContactSettings.objects.exists()
