"""The list of old addresses, the form, and the import."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from myweb.desk import several
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
from tests.factories import make_page
from tests.pages.test_redirects import asked, lead_away, rename

pytestmark = pytest.mark.django_db

LIST = "/admin/pages/redirect/"
ADD = f"{LIST}add/"
IMPORT = f"{LIST}import/"


def change_url(row: Redirect) -> str:
    return f"{LIST}{row.pk}/change/"


def errors(response) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def as_editor(*codenames: str) -> Client:
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="pages", codename__in=codenames))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def test_it_works(admin_client, home):
    page = make_page("Prices")
    assert admin_client.get(ADD).status_code == 200
    response = admin_client.post(ADD, {"path": "/prices.html", "page": page.pk, "address": ""})
    assert (response.status_code, response.headers["Location"]) == (302, LIST)
    assert asked(admin_client, "/prices.html") == (301, "/prices/")
    html = admin_client.get(LIST).content.decode()
    assert "/prices.html" in html
    assert "<small>/prices/ </small>" in html
    row = Redirect.objects.left().get()
    data = {"path": "/prices.html", "page": "", "address": "https://elsewhere.example/"}
    assert admin_client.post(change_url(row), data).status_code == 302
    assert asked(admin_client, "/prices.html") == (301, "https://elsewhere.example/")
    assert admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert asked(admin_client, "/prices.html/") == (404, "")


def test_list_has_what_pages_have_left_and_no_more(admin_client, home):
    rename(make_page("Team"), "crew")
    make_page("Gone").delete()
    make_page("Still there")
    lead_away("/shop", "https://elsewhere.example/")
    html = admin_client.get(LIST).content.decode()
    assert "3 old addresses" in html
    for text in ("/team/", "/gone/", "nowhere: the page is gone", "https://elsewhere.example/"):
        assert text in html
    assert "Still there" not in html
    for leads, shown in (("page", "/team/"), ("elsewhere", "/shop"), ("gone", "/gone/")):
        html = admin_client.get(f"{LIST}?leads={leads}").content.decode()
        assert "1 old address\n" in html
        assert f">{shown}</a>" in html
    assert "1 old address\n" in admin_client.get(f"{LIST}?q=crew").content.decode()
    assert "3 old addresses" in admin_client.get(f"{LIST}?import=2026").content.decode()


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"path": ""}, "path", "This field is required."),
        ({"path": "prices"}, "path", "Please begin the old address with “/”, for example “/prices.html”."),
        ({"path": "/" + "x" * 7000}, "path", "Ensure this value has at most 6000 characters (it has 7001)."),
        ({"path": "/prices/"}, "path", "The page “Costs” is shown there. Nothing can lead away from it."),
        ({"path": "/costs/"}, "path", "This address leads to “/prices/” already."),
        ({"path": "/admin/x/"}, "path", "This address is used by the site itself."),
        ({"address": "/nothing/"}, "address", "There is no page at “/nothing/”."),
        ({"address": "/old.html"}, "address", "This leads back to where it comes from."),
        ({"address": "prices"}, "address", "Please begin the new address with “/”, or with “https://”."),
        ({"page": "999"}, "page", "This page has been deleted. Please choose another one."),
        ({"page": "both", "address": "/"}, "address", "Please choose a page or fill in an address, but not both."),
        ({"page": "hidden", "path": "/hidden"}, "path", "This leads back to where it comes from."),
    ],
)
def test_bad_input_is_said_at_the_field(admin_client, home, data, field, sentence):
    rename(make_page("Costs"), "prices")
    hidden = make_page("Hidden", is_published=False)
    data = {"path": "/old.html", "page": "", "address": ""} | data
    data["page"] = {"both": home.pk, "hidden": hidden.pk}.get(data["page"], data["page"])
    response = admin_client.post(ADD, data)
    assert response.status_code == 200
    assert errors(response) == {field: [sentence]}
    assert Redirect.objects.left().count() == 1


def test_same_twice(admin_client, home):
    lead_away("/old.html", "/")
    response = admin_client.post(ADD, {"path": "/OLD.html/", "page": home.pk, "address": ""})
    assert errors(response) == {"path": ["This address leads there already."]}


def test_own_address_becomes_the_page(admin_client, home):
    page = make_page("Prices")
    data = {"path": "/old.html", "page": "", "address": "http://LOCALHOST:8099/PRICES"}
    assert admin_client.post(ADD, data).status_code == 302
    assert Redirect.objects.left().get().page == page
    rename(page, "costs")
    assert asked(admin_client, "/old.html") == (301, "/costs/")


def test_what_is_gone_may_lead_somewhere_and_the_other_way_round(admin_client, home):
    make_page("Team").delete()
    assert admin_client.post(ADD, {"path": "/team/", "page": home.pk, "address": ""}).status_code == 302
    assert asked(admin_client, "/team/") == (301, "/")
    row = Redirect.objects.get()
    assert admin_client.post(change_url(row), {"path": "/team/", "page": "", "address": ""}).status_code == 302
    assert asked(admin_client, "/team/")[0] == 410


def test_what_is_gone_stays_so_when_it_is_saved(admin_client, home):
    page = make_page("Team")
    key = page.pk
    page.delete()
    row = Redirect.objects.get()
    assert admin_client.get(change_url(row)).status_code == 200
    assert admin_client.post(change_url(row), {"path": "/team/", "page": "", "address": ""}).status_code == 302
    make_page("Crew", pk=key)
    assert asked(admin_client, "/team/") == (301, "/crew/")


def test_path_as_it_is_stays(admin_client, home):
    lead_away("/100%25-off", "/")
    row = Redirect.objects.get()
    assert row.path == "/100%-off"
    data = {"path": row.path, "page": "", "address": "https://elsewhere.example/"}
    assert admin_client.post(change_url(row), data).status_code == 302
    assert asked(admin_client, "/100%25-off") == (301, "https://elsewhere.example/")


def test_titles_are_for_who_may_see_pages(home):
    rename(make_page("Secret"), "other")
    assert as_editor("view_redirect", "add_redirect", "delete_redirect").get(LIST).status_code == 403
    User.objects.all().delete()
    client = as_editor("view_redirect", "view_page")
    assert client.get(LIST).status_code == 200
    assert client.get(IMPORT).status_code == 403
    assert client.get(f"{LIST}export/").status_code == 200


def look(client: Client, text: str = "", file: bytes = b""):
    data = {"text": text, "look": "x"}
    if file:
        data["file"] = SimpleUploadedFile("old.csv", file, "text/csv")
    return client.post(IMPORT, data)


def shown_text(response) -> str:
    [text] = re.findall(r'<textarea name="text" hidden>\n(.*?)</textarea>', response.content.decode(), re.S)
    return text


class TestImport:
    def test_it_works(self, admin_client, home):
        make_page("Prices")
        make_page("Team").delete()
        assert admin_client.get(IMPORT).status_code == 200
        file = "\ufeff/prices.html;/prices/\r\n/shop;https://elsewhere.example/\r\n/team/;/\r\n/prices/;/\r\n".encode()
        response = look(admin_client, file=file)
        html = response.content.decode()
        assert "3 lines can be taken." in html
        assert "1 cannot be taken and is left out." in html
        assert "The page “Prices” is shown there." in html
        assert asked(admin_client, "/prices.html/") == (404, "")
        response = admin_client.post(IMPORT, {"text": shown_text(response), "import": "x"}, follow=True)
        html = response.content.decode()
        assert "3 old addresses were imported." in html
        assert "3 old addresses\n" in html
        assert asked(admin_client, "/prices.html") == (301, "/prices/")
        assert asked(admin_client, "/shop") == (301, "https://elsewhere.example/")
        assert LogEntry.objects.get().object_repr == "3 old addresses were imported."
        assert admin_client.get("/admin/").status_code == 200

    def test_again(self, admin_client, home):
        admin_client.post(IMPORT, {"text": "/a;/", "import": "x"})
        html = look(admin_client, "/a;/\n/b;/").content.decode()
        assert "1 line can be taken." in html
        assert "1 is there already." in html

    def test_text_can_be_changed(self, admin_client, home):
        response = admin_client.post(IMPORT, {"text": "/a;/", "edit": "x"})
        assert '<textarea name="text"' in response.content.decode()
        assert "/a;/</textarea>" in response.content.decode()
        assert not Redirect.objects.exists()

    def test_undo(self, admin_client, home):
        lead_away("/kept", "/")
        for text in ("/a;/\n/b;/", "/c;/"):
            admin_client.post(IMPORT, {"text": text, "import": "x"})
        rows = Redirect.objects.left()
        changed = rows.get(path="/b")
        data = {"path": "/b", "page": "", "address": "https://elsewhere.example/"}
        assert admin_client.post(change_url(changed), data).status_code == 302
        html = admin_client.get(IMPORT).content.decode()
        names = re.findall(r'name="undo" value="([^"]+)"', html)
        assert len(names) == 2
        response = admin_client.post(IMPORT, {"undo": names[1]}, follow=True)
        assert "1 old address was removed." in response.content.decode()
        assert set(rows.values_list("path", flat=True)) == {"/kept", "/b", "/c"}
        assert admin_client.post(IMPORT, {"undo": "yesterday"}).status_code == 302
        assert rows.count() == 3

    def test_undo_needs_the_right_to_delete(self, home):
        client = as_editor("view_redirect", "add_redirect", "view_page")
        client.post(IMPORT, {"text": "/a;/", "import": "x"})
        assert "undo" not in client.get(IMPORT).content.decode()
        name = Redirect.objects.get().imported_at.isoformat()
        assert client.post(IMPORT, {"undo": name}).status_code == 403
        assert Redirect.objects.exists()

    def test_page_takes_its_address_back_from_an_import(self, admin_client, home):
        admin_client.post(IMPORT, {"text": "/team/;/", "import": "x"})
        make_page("Team")
        admin_client.post(IMPORT, {"text": "/a;/", "import": "x"})
        assert asked(admin_client, "/team/") == (200, "")
        assert Redirect.objects.exclude(imported_at=None).count() == 1

    @pytest.mark.parametrize("text", ["", " \n\n", "/a;/\n" * 10_001, "\0"])
    def test_nothing_or_too_much(self, admin_client, home, text):
        response = look(admin_client, text)
        assert response.status_code == 200
        assert response.context["form"].errors
        assert 'name="import"' not in response.content.decode()

    def test_file_that_is_too_large(self, admin_client):
        assert "The file is too large." in look(admin_client, file=b"x" * 5_300_000).content.decode()

    def test_nothing_can_be_taken(self, admin_client):
        html = look(admin_client, "<script>;x").content.decode()
        assert "0 lines can be taken." in html
        assert 'name="import"' not in html
        assert "<script>;" not in html
        assert admin_client.post(IMPORT, {"text": "x;y", "import": "x"}).status_code == 200

    def test_many(self, admin_client, home, django_assert_max_num_queries):
        Page.objects.bulk_create(
            [Page(title=str(n), slug=str(n), path=f"/{n}/", position=n + 1, is_public=True) for n in range(1000)]
        )
        Page.add_keys()
        text = "\n".join(f"/old/{n}.html?id={n};/{n}/" for n in range(1000))
        with django_assert_max_num_queries(60):
            response = admin_client.post(IMPORT, {"text": text, "import": "x"})
        assert response.status_code == 302
        assert asked(admin_client, "/old/77.html?id=77") == (301, "/77/")


def test_export_can_be_imported(admin_client, home):
    rename(make_page("Team"), "crew")
    make_page("Gone").delete()
    lead_away("/shop;x,y", "https://elsewhere.example/?a=1;2")
    response = admin_client.get(f"{LIST}export/")
    assert response.headers["Content-Disposition"] == 'attachment; filename="old-addresses.csv"'
    before = set(Redirect.objects.left().values_list("path", "address"))
    Redirect.objects.left().delete()
    preview = look(admin_client, file=response.content)
    assert preview.context["number_refused"] == 0
    lines = preview.context["taken"]
    assert len(lines) == 3
    admin_client.post(IMPORT, {"text": response.content.decode(), "import": "x"})
    assert set(Redirect.objects.left().values_list("path", "address")) == before


def test_what_leads_to_the_sites_own_address_stays_there(admin_client, home):
    """Also when another page is the home page, or none."""
    lead_away("/old.html", "/")
    several.make_home(make_page("About"), None)
    assert asked(admin_client, "/old.html?a=1") == (301, "/?a=1")
    Page.objects.all().delete()
    lead_away("/older.html", "/")
    assert asked(admin_client, "/older.html") == (301, "/")
