import pytest
from django import forms
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from myweb.pages.choosing import PageField, trails
from myweb.pages.models import Page
from tests.admin_forms import form_data
from tests.factories import make_page
from tests.pages.test_tree import make_many

pytestmark = pytest.mark.django_db

CHOICES = "/admin/pages/page/choices/"


class Form(forms.Form):
    page = PageField(Page.objects.all(), required=False)


def chosen(**data) -> Page | str | None:
    """Return the page that a form finds, or its error."""
    form = Form({f"page{end}": value for end, value in data.items()})
    return form.cleaned_data["page"] if form.is_valid() else form.errors["page"][0]


class TestField:
    def test_it_works(self):
        about = make_page("About us")
        html = str(Form(initial={"page": about})["page"])
        assert f'name="page" value="{about.pk}"' in html
        assert 'name="page_text" value="About us – /about-us/"' in html
        assert 'id="id_page"' in html
        assert chosen(**{"": about.pk}) == about
        shown = "About us – /about-us/"
        assert chosen(**{"": about.pk, "_text": shown, "_shown": shown}) == about
        assert chosen(**{"": "", "_text": "", "_shown": ""}) is None
        assert chosen() is None

    def test_chosen_page_that_somebody_renamed_meanwhile(self):
        about = make_page("About us")
        Page.objects.update(title="About", path="/about/")
        shown = "About us – /about-us/"
        assert chosen(**{"": about.pk, "_text": shown, "_shown": shown}) == about

    def test_emptied_without_javascript(self):
        about = make_page("About us")
        assert chosen(**{"": about.pk, "_text": " ", "_shown": "About us – /about-us/"}) is None

    @pytest.mark.parametrize(
        "text",
        ["Team", "team", " TEAM ", "/about-us/team/", "/about-us/team", "Team – /about-us/team/", "tea", "us/team"],
    )
    def test_typed_without_javascript(self, settings, text):
        about = make_page("About us")
        team = make_page("Team", parent=about)
        data = {"": about.pk, "_shown": "About us – /about-us/"}
        assert chosen(**data, _text=text) == team
        assert chosen(**data, _text=f"{settings.SITE_URL}/about-us/team/") == team

    def test_title_that_several_have(self):
        for parent in (None, make_page("A"), make_page("B")):
            make_page("2026", parent=parent)
        sentence = chosen(_text="2026")
        assert sentence.endswith("of one: 2026 – /2026/, 2026 – /a/2026/, 2026 – /b/2026/")
        assert chosen(_text="/b/2026/").path == "/b/2026/"

    def test_page_that_is_none(self):
        assert chosen(_text="Nothing") == "There is no page called “Nothing”."
        assert "has been deleted" in chosen(**{"": "99"})
        assert "has been deleted" in chosen(**{"": "9" * 30})
        assert 'value="Nothing"' in str(Form({"page_text": "Nothing"})["page"])

    def test_everything_is_escaped(self):
        page = make_page('"><b>A', slug="a")
        assert "<b>" not in str(Form(initial={"page": page})["page"])

    def test_it_does_not_read_other_pages(self):
        last = make_many(50)[-1]
        with CaptureQueriesContext(connection) as queries:
            html = str(Form(initial={"page": last.pk})["page"])
        assert len(queries) == 1
        assert "P50 – /p50/" in html
        assert "P49" not in html


class TestChoices:
    def find(self, client, **data) -> list[str]:
        return [page["label"] for page in client.get(CHOICES, data).json()["results"]]

    def test_it_works(self, admin_client, home):
        team = make_page("Team", parent=make_page("About us"))
        make_page("Our team", parent=team)
        response = admin_client.get(CHOICES, {"q": "team"}).json()
        assert response["results"][0] == {
            "key": team.pk,
            "title": "Team",
            "label": "Team – /about-us/team/",
            "where": "About us",
        }
        assert response["results"][1]["where"] == "About us › Team"
        assert response["said"] == "2 pages."
        assert self.find(admin_client, q="TEAM us") == ["Team – /about-us/team/", "Our team – /about-us/team/our-team/"]
        assert self.find(admin_client, q="") == ["About us – /about-us/"]
        assert admin_client.get(CHOICES, {"q": "nothing"}).json()["said"] == "No page has this in its title."

    def test_home_page_is_offered_only_where_it_can_be_chosen(self, admin_client, home):
        assert self.find(admin_client, q="home") == []
        assert self.find(admin_client, q="home", home="yes") == ["Home – /"]

    def test_neither_the_page_nor_what_is_below_it(self, admin_client, home):
        about = make_page("About us")
        make_page("Team about", parent=about)
        make_page("About", slug="about-us-too")
        assert self.find(admin_client, q="about", **{"for": about.pk}) == ["About – /about-us-too/"]
        assert len(self.find(admin_client, q="about", **{"for": home.pk})) == 3
        # A page that is new is not there yet.
        for value in (str(2**51), "abc", "9" * 30):
            assert len(self.find(admin_client, q="about", **{"for": value})) == 3

    def test_chinese(self, admin_client):
        make_page("关于我们", slug="关于我们")
        assert self.find(admin_client, q="关于") == ["关于我们 – /关于我们/"]

    def test_of_many_some(self, admin_client):
        make_many(200)
        admin_client.get(CHOICES)
        with CaptureQueriesContext(connection) as queries:
            response = admin_client.get(CHOICES, {"q": "p"})
        assert len(response.json()["results"]) == 20
        assert response.json()["said"] == "There are more; type more of the title."
        assert len(queries) <= 4

    def test_only_for_who_may_view_pages(self, client, home):
        assert client.get(CHOICES).status_code == 302
        client.force_login(User.objects.create_user("staff", is_staff=True))
        assert client.get(CHOICES).status_code == 403


def test_trails():
    about = make_page("About us")
    team = make_page("Team", parent=about)
    ann = make_page("Ann", parent=team)
    with CaptureQueriesContext(connection) as queries:
        found = trails([about, team, ann])
    assert found == {about.pk: "", team.pk: "About us", ann.pk: "About us › Team"}
    assert len(queries) == 1
    assert trails([about]) == {about.pk: ""}


def test_form_of_a_page_does_not_list_others(admin_client):
    make_many(50)
    parent = make_page("About us")
    page = make_page("Team", parent=parent)
    html = admin_client.get(f"/admin/pages/page/{page.pk}/change/").content.decode()
    assert "P49" not in html
    assert "About us – /about-us/" in html
    assert f'data-search="{CHOICES}?for={page.pk}"' in html


def test_draft_keeps_what_was_typed(admin_client):
    """What may mean several pages is no error of a draft, and stands in its field again."""
    page = make_page("News")
    for parent in (make_page("A"), make_page("B")):
        make_page("2026", parent=parent)
    url = f"/admin/pages/page/{page.pk}/change/"
    data = form_data(admin_client.get(url)) | {"parent": "", "parent_shown": "", "parent_text": "2026"}
    del data["_publish"]
    assert admin_client.post(url, data).status_code == 302
    assert 'name="parent_text" value="2026"' in admin_client.get(url).content.decode()
    assert not Page.objects.get(pk=page.pk).parent


def test_form_is_published_with_what_was_typed(admin_client):
    about, page = make_page("About us"), make_page("News")
    url = f"/admin/pages/page/{page.pk}/change/"
    data = form_data(admin_client.get(url)) | {"parent": "", "parent_shown": "", "parent_text": "about"}
    assert admin_client.post(url, data).status_code == 302
    assert Page.objects.get(pk=page.pk).parent == about
    data = form_data(admin_client.get(url)) | {"parent": "", "parent_shown": "", "parent_text": "nothing"}
    assert "There is no page called “nothing”." in admin_client.post(url, data).content.decode()
