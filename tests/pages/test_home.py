"""The home page is the one that is chosen, and there is always something at the site's own address."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from myweb.desk import several
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.desk.schedule import publish_due
from myweb.pages.models import Page
from myweb.pages.tree import Refused
from tests.admin_forms import form_data, new_form
from tests.factories import make_page

pytestmark = pytest.mark.django_db


def paths() -> dict[str, str]:
    return dict(Page.objects.values_list("title", "path"))


def form_of(client: Client, page: Page) -> tuple[str, dict]:
    url = f"/admin/pages/page/{page.pk}/change/"
    return url, form_data(client.get(url))


def as_draft(data: dict) -> dict:
    return {name: value for name, value in data.items() if name != "_publish"}


class TestForm:
    def test_another_page_is_chosen(self, admin_client, client, home):
        about = make_page("About")
        url, data = form_of(admin_client, about)
        form = admin_client.get(url).context["adminform"].form
        assert "“Home”" in form.fields["is_home"].help_text
        response = admin_client.post(url, data | {"is_home": "on"}, follow=True)
        assert "“About” is published." in response.content.decode()
        assert paths() == {"About": "/", "Home": "/home/"}
        assert "<h1>About</h1>" in client.get("/").content.decode()
        assert client.get("/about/").headers["Location"] == "/"
        assert "<h1>Home</h1>" in client.get("/home/").content.decode()
        assert Line(Page, home.pk).last.comment == "no longer the home page"
        # And back again
        url, data = form_of(admin_client, home)
        admin_client.post(url, data | {"is_home": "on"})
        assert paths() == {"About": "/about/", "Home": "/"}
        assert client.get("/home/").headers["Location"] == "/"
        assert client.get("/about/").status_code == 200

    def test_draft_of_the_page_that_was_it_stays_where_that_is(self, admin_client, home):
        url, data = form_of(admin_client, home)
        admin_client.post(url, as_draft(data) | {"title": "Not yet"})
        several.make_home(make_page("About"), None)
        admin_client.post(url, form_data(admin_client.get(url)))
        assert paths() == {"About": "/", "Not yet": "/home/"}

    def test_draft_changes_nothing_until_it_is_published(self, admin_client, home):
        url, data = form_of(admin_client, make_page("About"))
        admin_client.post(url, as_draft(data) | {"is_home": "on"})
        assert paths() == {"About": "/about/", "Home": "/"}
        data = form_data(admin_client.get(url))
        assert data["is_home"] is True
        admin_client.post(url, data)
        assert paths() == {"About": "/", "Home": "/home/"}

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"is_home": ""}, "slug"),
            ({"is_published": ""}, "is_published"),
            ({"publish_until_0": "2099-01-01", "publish_until_1": "00:00"}, "publish_until"),
            ({"publish_from_0": "2099-01-01", "publish_from_1": "00:00"}, "publish_from"),
        ],
    )
    def test_home_page_is_neither_hidden_nor_given_an_address(self, admin_client, home, fields, field):
        url, data = form_of(admin_client, home)
        response = admin_client.post(url, data | fields)
        assert "choose another home page first" in str(response.context["adminform"].form.errors[field])
        assert Page.objects.published().get().path == "/"

    def test_page_that_is_to_appear_later_does_not_become_it(self, admin_client, home):
        url, data = form_of(admin_client, make_page("About", publish_from=timezone.now() + timedelta(days=1)))
        assert admin_client.post(url, data | {"is_home": "on"}).status_code == 200
        assert paths() == {"About": "/about/", "Home": "/"}

    def test_first_home_page_stays(self, admin_client):
        """What could be published could not be changed any more."""
        url, data = new_form(admin_client)
        until = {"publish_until_0": "2099-01-01", "publish_until_1": "00:00"}
        response = admin_client.post(url, data | {"title": "Start", "is_published": "on", **until})
        [sentence] = response.context["adminform"].form.errors["publish_until"]
        assert sentence == "A page that is hidden, or will be, cannot be the home page."
        assert not Page.objects.published()

    def test_address_that_is_left_empty_is_made_of_the_title(self, admin_client, home):
        url, data = new_form(admin_client)
        assert not data.get("is_home")
        admin_client.post(url, data | {"title": "About us", "slug": "", "is_published": "on"})
        assert paths() == {"About us": "/about-us/", "Home": "/"}

    def test_draft_without_a_title_is_not_taken_for_the_home_page(self, admin_client, home):
        url, data = new_form(admin_client)
        admin_client.post(url, as_draft(data) | {"description": "Only that"})
        data = form_data(admin_client.get(url))
        assert not data.get("is_home")
        admin_client.post(url, data | {"title": "关于", "is_published": "on"})
        assert paths() == {"关于": "/关于/", "Home": "/"}

    def test_first_page_is_it(self, admin_client):
        url, data = new_form(admin_client)
        assert data["is_home"] is True
        admin_client.post(url, data | {"title": "Start", "is_published": "on"})
        assert paths() == {"Start": "/"}

    def test_who_may_only_look_sees_it(self, django_user_model, home):
        user = django_user_model.objects.create_user("viewer", is_staff=True)
        user.user_permissions.add(*_permissions("view_page"))
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        assert "This is the home page" in client.get(f"/admin/pages/page/{home.pk}/change/").content.decode()


class TestAddress:
    def test_address_of_the_page_that_was_it_is_free(self, home):
        make_page("Home", slug="home")
        several.make_home(make_page("About"), None)
        assert sorted(Page.objects.values_list("path", flat=True)) == ["/", "/home-2/", "/home/"]

    def test_address_is_none_of_the_sites_own(self, home):
        Page.objects.update(title="Contact")
        several.make_home(make_page("About"), None)
        assert paths() == {"About": "/", "Contact": "/contact-2/"}

    def test_page_from_below_comes_to_the_top(self, client, home):
        team = make_page("Team", parent=make_page("About"))
        several.make_home(team, None)
        assert paths() == {"About": "/about/", "Home": "/home/", "Team": "/"}
        assert client.get("/about/team/").headers["Location"] == "/"

    def test_page_with_others_below_is_refused(self, home):
        about = make_page("About")
        make_page("Team", parent=about)
        with pytest.raises(Refused, match="pages below"):
            several.make_home(about, None)
        assert paths()["Home"] == "/"

    def test_hidden_page_is_refused(self, home):
        with pytest.raises(Refused, match="A page that is hidden, or will be, cannot be the home page"):
            several.make_home(make_page("About", is_published=False), None)

    def test_versions_say_so(self, home):
        about = make_page("About")
        several.make_home(about, None)
        comments = Version.objects.exclude(comment="").values_list("key", "comment")
        assert sorted(comments) == sorted([(about.pk, "the home page now"), (home.pk, "no longer the home page")])


class TestList:
    """Whoever hides or deletes the home page names another one."""

    LIST = "/admin/pages/page/"

    def act(self, client: Client, action: str, *pages: Page, **fields: object):
        data = {"action": action, "_selected_action": [page.pk for page in pages], **fields}
        return client.post(self.LIST, data)

    @pytest.mark.parametrize("action", ["hide_pages", "delete_selected"])
    def test_it_works(self, admin_client, home, action):
        about = make_page("About")
        assert "One of these pages is the home page." in self.act(admin_client, action, home).content.decode()
        response = self.act(admin_client, action, home, post="yes", home=about.pk)
        assert response.status_code == 302
        assert Page.objects.get(pk=about.pk).path == "/"
        assert not Page.objects.published().filter(pk=home.pk).exists()

    @pytest.mark.parametrize("action", ["hide_pages", "delete_selected"])
    @pytest.mark.parametrize("chosen", ["", "itself", "hidden", "with pages below"])
    def test_without_another_one(self, admin_client, home, action, chosen):
        above = make_page("Rooms")
        make_page("Below", parent=above)
        keys = {"": "", "itself": home.pk, "with pages below": above.pk}
        keys["hidden"] = make_page("Hidden", is_published=False).pk
        response = self.act(admin_client, action, home, post="yes", home=keys[chosen])
        assert response.status_code == 400
        assert Page.objects.published().filter(path="/", pk=home.pk).exists()
        assert not Version.objects.exists()

    def test_button_of_the_form(self, admin_client, home):
        about = make_page("About")
        url = f"{self.LIST}{home.pk}/delete/"
        for response in (admin_client.get(url), admin_client.post(url, {"post": "yes"})):
            assert "One of these pages is the home page." in response.content.decode()
            assert f'action="{self.LIST}"' in response.content.decode()
        assert Page.objects.count() == 2
        admin_client.post(f"{self.LIST}{about.pk}/delete/", {"post": "yes"})
        assert Page.objects.get() == home

    def test_who_may_only_delete_chooses_none(self, django_user_model, home):
        about = make_page("About")
        user = django_user_model.objects.create_user("deleter", is_staff=True)
        user.user_permissions.add(*_permissions("view_page", "delete_page"))
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        assert self.act(client, "delete_selected", home, post="yes", home=about.pk).status_code == 403
        assert paths() == {"About": "/about/", "Home": "/"}


class TestNone:
    """As long as there is no home page, `/` is not empty."""

    def test_first_page_of_the_menu_is_shown(self, client):
        make_page("Imprint")
        make_page("Rooms", menu="main")
        make_page("Team", menu="main")
        html = client.get("/").content.decode()
        assert "<h1>Rooms</h1>" in html
        assert '<link rel="canonical" href="http://localhost:8099/rooms/">' in html

    def test_language_of_the_site_comes_first(self, client):
        make_page("关于", slug="关于", language="zh-hans", menu="main")
        make_page("Rooms", menu="main")
        assert "<h1>Rooms</h1>" in client.get("/").content.decode()

    def test_any_page_is_better_than_none(self, client):
        make_page("Hidden", is_published=False)
        make_page("Imprint")
        assert "<h1>Imprint</h1>" in client.get("/").content.decode()

    def test_before_there_is_any_page(self, client):
        response = client.get("/")
        assert response.status_code == 200
        assert "There is nothing here yet." in response.content.decode()
        assert "noindex" in response.content.decode()

    def test_queries(self, client, django_assert_max_num_queries):
        make_page("Team", menu="main", parent=make_page("Rooms"))
        with django_assert_max_num_queries(5):
            client.get("/")


def test_home_page_that_comes_back_gives_way(home):
    home.delete()
    several.make_home(make_page("About"), None)
    bring_back(deleted_pages().get(), None)
    assert paths() == {"About": "/", "Home": "/home/"}


def test_page_that_comes_back_below_the_home_page_is_at_the_top(home):
    about = make_page("About")
    team = make_page("Team", parent=about)
    team.delete()
    several.make_home(about, None)
    bring_back(deleted_pages().get(), None)
    assert paths() == {"About": "/", "Home": "/home/", "Team": "/team/"}


class TestPlan:
    """A page may become the home page at its time."""

    @pytest.fixture
    def about(self, home) -> Page:
        page = make_page("About")
        line = Line(Page, page.pk)
        content = {**line.content, "fields": line.content["fields"] | {"slug": ""}}
        line.save_draft(content, Sender(None, base=line.base), publish_at=timezone.now() - timedelta(seconds=1))
        return page

    def test_it_works(self, about):
        publish_due()
        assert paths() == {"About": "/", "Home": "/home/"}

    def test_others_below_it_meanwhile(self, about):
        make_page("Team", parent=about)
        publish_due()
        assert paths() == {"Home": "/", "About": "/about/", "Team": "/about/team/"}
        assert "pages below" in Line(Page, about.pk).planned.refusal

    def test_another_one_is_chosen_meanwhile(self, about):
        several.make_home(make_page("Rooms"), None)
        publish_due()
        assert paths() == {"About": "/", "Home": "/home/", "Rooms": "/rooms/"}


def _permissions(*names: str):
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename__in=names)
