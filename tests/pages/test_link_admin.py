"""The link dialog's questions, and what the admin says of links before and after a page goes."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from myweb.desk.line import Line, Sender
from myweb.pages import pointing
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings
from tests.admin_forms import add_block, form_data
from tests.factories import make_page, make_text
from tests.pages.test_admin import change_url

pytestmark = pytest.mark.django_db

PAGES, HEADINGS = "/admin/pages/page/link/pages/", "/admin/pages/page/link/headings/"


def link(page: Page) -> str:
    return f'<p><a href="{page.path}" data-page="{page.pk}">{page}</a></p>'


def pointing_url(page: Page) -> str:
    return reverse("admin:pages_page_pointing", args=[page.pk])


class TestDialog:
    def test_it_is_in_the_language_of_the_admin(self, admin_client):
        response = admin_client.get("/admin/pages/page/link/", headers={"accept-language": "zh-hans"})
        assert "站内页面" in response.content.decode()

    def test_pages_are_found_by_all_words_of_their_title(self, admin_client):
        about = make_page("About us")
        team = make_page("The ÜBER team", slug="team", parent=about, is_published=False)
        for query in ("team über", "ÜBER TEAM", "the team"):
            assert admin_client.get(PAGES, {"q": query}).json() == {
                "pages": [
                    {
                        "key": str(team.pk),
                        "title": "The ÜBER team",
                        "address": "/about-us/team/",
                        "place": "About us · not public",
                    }
                ],
                "summary": "1 page",
            }
        assert admin_client.get(PAGES, {"q": "team x"}).json()["pages"] == []

    def test_at_most_20_those_at_the_top_first(self, admin_client, django_assert_max_num_queries):
        top = make_page("Page")
        for number in range(25):
            make_page(f"Page {number}", parent=top)
        with django_assert_max_num_queries(6):
            answer = admin_client.get(PAGES).json()
        assert len(answer["pages"]) == 20
        assert answer["pages"][0]["title"] == "Page"
        assert answer["summary"] == "The first 20 pages; more words find fewer."

    @pytest.mark.parametrize("query", ["\x00", "%", "_", "'\"\\", "x " * 500, "😀"])
    def test_any_words_can_be_asked_for(self, admin_client, query):
        make_page()
        response = admin_client.get(PAGES, {"q": query})
        assert response.status_code == (400 if "\0" in query else 200)

    def test_headings_of_a_page(self, admin_client):
        about = make_page("About us")
        make_text(about, "<h2>Our team</h2><h3>团队</h3>")
        answer = admin_client.get(HEADINGS, {"page": about.pk}).json()
        assert answer["headings"] == [{"id": "our-team", "words": "Our team"}, {"id": "团队", "words": "团队"}]
        assert (answer["title"], answer["address"]) == ("About us", "/about-us/")

    @pytest.mark.parametrize("key", ["", "x", "99", "-1", "9" * 30])
    def test_page_that_is_gone(self, admin_client, key):
        assert admin_client.get(HEADINGS, {"page": key}).status_code == 404

    def test_staff_without_the_right_to_view_pages_sees_none(self, client):
        client.force_login(User.objects.create_user("staff", is_staff=True))
        for url in ("/admin/pages/page/link/", PAGES, HEADINGS):
            assert client.get(url).status_code == 403


class TestForm:
    def test_error_is_at_the_field(self, admin_client):
        page = make_page()
        make_text(page)
        data = form_data(admin_client.get(change_url(page))) | {"pages_text_set-0-text": '<a href="/gone/">us</a>'}
        response = admin_client.post(change_url(page), data)
        assert response.status_code == 200
        [formset] = [
            each.formset for each in response.context["inline_admin_formsets"] if "text" in each.formset.prefix
        ]
        assert "no such page" in formset.errors[0]["text"][0]
        assert Text.objects.get().text == "<p>Some text.</p>"

    def test_what_is_posted_becomes_a_reference(self, admin_client):
        page = make_page()
        make_text(page)
        data = form_data(admin_client.get(change_url(page)))
        data |= {
            "is_published": "on",
            "pages_text_set-0-text": "<p><a href='http://localhost:8099/ABOUT-us'>us</a></p>",
        }
        assert admin_client.post(change_url(page), data).status_code == 302
        assert Text.objects.get().text == f'<p><a href="/about-us/" data-page="{page.pk}">us</a></p>'


class TestGoing:
    @pytest.fixture
    def about(self, db) -> Page:
        about = make_page("About us")
        make_text(make_page("Source"), link(about))
        return about

    def test_deleting_says_what_points_there(self, admin_client, about):
        url = reverse("admin:pages_page_delete", args=[about.pk])
        html = admin_client.get(url).content.decode()
        assert ">Source</a>: About us" in html
        assert pointing_url(about) in html
        assert "points to" not in admin_client.get(reverse("admin:pages_page_delete", args=[1000])).content.decode()

    def test_deleting_several_says_it_too(self, admin_client, about):
        data = {"action": "delete_selected", "_selected_action": [about.pk]}
        assert ">Source</a>: About us" in admin_client.post("/admin/pages/page/", data).content.decode()

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"is_published": ""}, "is hidden now"),
            ({"publish_from_0": "8000-01-01", "publish_from_1": "00:00"}, "is hidden now"),
            ({"publish_until_0": "8000-01-01", "publish_until_1": "00:00"}, "will be hidden"),
            ({"title": "We"}, ""),
        ],
    )
    def test_hiding_says_it_after_saving(self, admin_client, about, change, sentence):
        data = form_data(admin_client.get(change_url(about))) | {"is_published": "on"} | change
        data = {name: value for name, value in data.items() if value != ""}
        html = admin_client.post(change_url(about), data, follow=True).content.decode()
        assert ("<br>Source: About us<br>" in html) == bool(sentence)
        assert sentence in html
        assert (pointing_url(about) in html) == bool(sentence)

    def test_another_target(self, admin_client, about):
        other = make_page("Another")
        html = admin_client.get(pointing_url(about), {"q": "anoth"}).content.decode()
        assert f'<input type="radio" name="target" value="{other.pk}" required>' in html
        response = admin_client.post(pointing_url(about), {"target": other.pk}, follow=True)
        assert "1 place now leads to “Another”." in response.content.decode()
        assert "Nothing points to this page" in response.content.decode()
        assert Text.objects.get().text == link(other).replace(">Another<", ">About us<")
        version = Line(Page, Text.objects.get().parent_id).last
        assert version
        assert (version.comment, version.author) == ("links changed", response.wsgi_request.user)
        assert link(other).replace(">Another<", ">About us<") in str(version.said)
        # And what it was before can be found, although nobody had opened the page yet.
        first, last = Line(Page, Text.objects.get().parent_id).versions.order_by("number")
        assert first.said["blocks"][0]["fields"]["text"] == link(about)
        assert last.comment == "links changed"

    def test_drafts_and_plans_stay(self, admin_client, about):
        """Of a page that was live without a version"""
        source = Text.objects.get().parent
        line = Line(Page, source.pk)
        fields = line.content["fields"]
        sender = Sender(None, base=line.base)
        plan = {**line.content, "fields": fields | {"title": "Planned"}}
        line.save_draft(plan, sender, publish_at=timezone.now() + timedelta(days=1))
        Line(Page, source.pk).save_draft(plan, Sender(None, base=Line(Page, source.pk).base))
        Page.objects.filter(pk=source.pk).update(title="By a command")
        other = make_page("Another")
        admin_client.post(pointing_url(about), {"target": other.pk})
        line = Line(Page, source.pk)
        for waiting in (line.planned, line.draft):
            assert waiting.said["fields"]["title"] == "Planned"
            assert f'data-page="{other.pk}"' in waiting.said["blocks"][0]["fields"]["text"]
        assert line.planned.publish_at
        assert line.planned != line.draft

    def test_more_than_can_be_changed_at_once(self, admin_client, about, monkeypatch):
        monkeypatch.setattr(pointing, "RETARGETED_AT_ONCE", 2)
        other, drafted = make_page("Another"), make_page("Drafted")
        for number in range(2):
            make_text(make_page(f"Page {number}"), link(about))
        data = form_data(admin_client.get(change_url(drafted)))
        add_block(data, "text", text=link(about))
        data.pop("_publish")
        assert admin_client.post(change_url(drafted), data, follow=True).status_code == 200
        said = []
        for _time in range(2):
            response = admin_client.post(pointing_url(about), {"target": other.pk}, follow=True)
            said.append([str(message) for message in response.context["messages"]])
        done = "2 places now lead to “Another”."
        left = "That is as many as can be changed at once. Those that are left are below: choose it once more."
        assert said == [[done, left], [done]]
        assert Text.objects.filter(text__contains=f'data-page="{other.pk}"').count() == 3
        assert f'data-page="{other.pk}"' in str(Line(Page, drafted.pk).draft.said)

    @pytest.mark.parametrize("is_planned", [False, True])
    def test_drafts_follow(self, admin_client, about, is_planned):
        other, page = make_page("Another"), make_page("Drafted")
        data = form_data(admin_client.get(change_url(page)))
        add_block(data, "text", text=link(about))
        data.pop("_publish")
        plan = {"_plan": "1", "_plan_at_0": "8000-01-01", "_plan_at_1": "00:00"} if is_planned else {}
        assert admin_client.post(change_url(page), data | plan).status_code == 302
        assert "draft of “Drafted”" in admin_client.get(f"/admin/pages/page/{about.pk}/delete/").content.decode()
        response = admin_client.post(pointing_url(about), {"target": other.pk}, follow=True)
        assert "2 places now lead to “Another”." in response.content.decode()
        assert "draft of" not in response.content.decode()
        line = Line(Page, page.pk)
        assert bool(line.planned) == is_planned
        assert f'data-page="{other.pk}"' in str(line.draft.said)
        assert admin_client.post(change_url(page), form_data(admin_client.get(change_url(page)))).status_code == 302
        assert f'data-page="{other.pk}"' in Text.objects.get(parent=page).text

    def test_draft_that_is_open_meanwhile_is_no_loss(self, admin_client, about):
        other, page = make_page("Another"), make_page("Drafted")
        data = form_data(admin_client.get(change_url(page)))
        add_block(data, "text", text=link(about))
        data.pop("_publish")
        admin_client.post(change_url(page), data)
        opened = form_data(admin_client.get(change_url(page))) | {"title": "Typed meanwhile"}
        admin_client.post(pointing_url(about), {"target": other.pk})
        html = admin_client.post(change_url(page), opened, follow=True).content.decode()
        assert "Nothing is lost: here is what you sent" in html
        assert "Typed meanwhile" in html

    @pytest.mark.parametrize("target", ["", "x", "99999", "self", "below"])
    def test_targets_that_cannot_be(self, admin_client, about, target):
        below = make_page("Team", parent=about)
        keys = {"self": about.pk, "below": below.pk}
        response = admin_client.post(pointing_url(about), {"target": keys.get(target, target)})
        assert "Please choose a page other than this one" in response.content.decode()
        assert Text.objects.get().text == link(about)

    def test_settings_need_a_right_of_their_own(self, client, about):
        SiteSettings.objects.create(name="Lake House", footer_text=link(about))
        other = make_page("Another")
        editor = User.objects.create_user("editor", is_staff=True)
        editor.user_permissions.set(Permission.objects.filter(codename__in=["view_page", "change_page"]))
        client.force_login(editor)
        html = client.post(pointing_url(about), {"target": other.pk}, follow=True).content.decode()
        assert "1 place now leads" in html
        assert SiteSettings.objects.get().footer_text == link(about)

    def test_settings_and_their_draft(self, admin_client, about):
        settings = SiteSettings.objects.create(name="Lake House", footer_text=link(about))
        other = make_page("Another")
        url = f"/admin/pages/sitesettings/{settings.pk}/change/"
        data = form_data(admin_client.get(url)) | {"name": "Draft"}
        data.pop("_publish")
        admin_client.post(url, data)
        html = admin_client.post(pointing_url(about), {"target": other.pk}, follow=True).content.decode()
        assert "3 places now lead" in html
        assert "Nothing points to this page" in html
        line = Line(SiteSettings, settings.pk)
        assert [other.path in each["fields"]["footer_text"] for each in (line.live, line.draft.said)] == [True, True]
        assert line.draft.said["fields"]["name"] == "Draft"


class TestFirstPage:
    def test_it_lists_what_leads_nowhere(self, admin_client):
        gone, source = make_page("Gone"), make_page("Source")
        make_text(source, link(gone) * 25)
        gone.delete()
        html = admin_client.get("/admin/").content.decode()
        assert f'<a href="{change_url(source)}">Source</a>: “Gone” – the page is gone' in html
        assert "and 5 more" in html

    def test_nothing_is_listed_to_who_may_not_see_pages(self, client):
        gone, source = make_page("Gone"), make_page("Source")
        make_text(source, link(gone))
        gone.delete()
        client.force_login(User.objects.create_user("staff", is_staff=True))
        assert "Source" not in client.get("/admin/").content.decode()

    def test_nothing_is_said_where_all_is_right(self, admin_client):
        make_text(make_page("Source"), link(make_page("About us")))
        assert "lead nowhere" not in admin_client.get("/admin/").content.decode()
