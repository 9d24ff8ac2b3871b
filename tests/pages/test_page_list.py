import re

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from myweb.desk.content import new_key
from myweb.desk.deletion import deleted_pages
from myweb.pages import page_list
from myweb.pages.models import Page
from myweb.pages.page_list import AT_ONCE
from tests.admin_forms import form_data
from tests.factories import make_page, make_text
from tests.pages.test_tree import make_many, order

pytestmark = pytest.mark.django_db

LIST = "/admin/pages/page/"
MOVE = f"{LIST}move/"
COPY = f"{LIST}copy/"


def titles(response) -> list[str]:
    return re.findall(r'class="page-title"[^>]*>([^<]*)<', response.content.decode())


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def act(client, action: str, *pages: Page, **data):
    data = {"action": action, "_selected_action": [page.pk for page in pages], **data}
    return client.post(LIST, data, follow=True)


def as_user(client, *rights: str):
    user = User.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


class TestBranches:
    def test_it_works(self, admin_client, home):
        about = make_page("About us")
        team = make_page("Team", parent=about)
        make_page("Ann", parent=team)
        response = admin_client.get(LIST)
        assert titles(response) == ["Home", "About us"]
        html = response.content.decode()
        assert f'<a class="page-branch" href="?below={about.pk}" title="1 page below “About us”">1</a>' in html
        response = admin_client.get(LIST, {"below": about.pk})
        assert titles(response) == ["Team"]
        assert "Pages below “About us”" in response.content.decode()
        html = admin_client.get(LIST, {"below": team.pk}).content.decode()
        assert f'<a href="?below={about.pk}">About us</a>' in html
        assert '<a href="/about-us/team/ann/">/about-us/team/ann/</a>' in html

    def test_order_of_positions_that_are_the_same(self, admin_client):
        make_many(5)
        Page.objects.update(position=10)
        assert titles(admin_client.get(LIST)) == ["P1", "P2", "P3", "P4", "P5"]

    def test_many_below_one_are_shown_some_at_a_time(self, admin_client):
        about = make_page("About us")
        make_many(250, parent=about)
        assert titles(admin_client.get(LIST, {"below": about.pk})) == [f"P{n}" for n in range(1, 101)]
        response = admin_client.get(LIST, {"below": about.pk, "p": 3})
        assert titles(response) == [f"P{n}" for n in range(201, 251)]
        assert f"?below={about.pk}&amp;p=2" in response.content.decode()

    def test_branch_that_is_none(self, admin_client):
        for below in ("99", "abc", "-1", "9" * 30, "٣"):
            assert admin_client.get(LIST, {"below": below}).headers["Location"] == f"{LIST}?e=1"

    def test_search_finds_text_of_blocks_and_says_where(self, admin_client, home):
        team = make_page("Team", parent=make_page("About us"))
        ann = make_page("Ann", parent=team)
        make_text(ann, "<p>Lighthouse</p>")
        make_text(ann, "<p>Lighthouse</p>")
        response = admin_client.get(LIST, {"q": "lighthouse", "below": "99"})
        html = response.content.decode()
        assert titles(response) == ["Ann"]
        assert '<div class="page-where">About us › Team</div>' in html
        assert "1 page" in html
        assert f'href="{ann.pk}/change/?_changelist_filters=q%3Dlighthouse%26below%3D99"' in html

    def test_filter_and_order_are_for_all_branches(self, admin_client):
        make_page("Draft", parent=make_page("B"), is_published=False)
        make_page("A")
        response = admin_client.get(LIST, {"state": "hidden"})
        assert titles(response) == ["Draft"]
        assert "hidden since" in response.content.decode()
        assert titles(admin_client.get(LIST, {"state": "live"})) == ["A", "B"]
        assert titles(admin_client.get(LIST, {"state": "nonsense"})) == ["A", "B", "Draft"]
        assert titles(admin_client.get(LIST, {"o": "1"})) == ["A", "B", "Draft"]

    def test_titles_are_escaped(self, admin_client):
        page = make_page("<b>A</b>", slug="a")
        make_page("<i>B</i>", slug="b", parent=page)
        for data in ({}, {"below": page.pk}, {"q": "b"}):
            html = admin_client.get(LIST, data).content.decode()
            assert "<b>A" not in html
            assert "<i>B" not in html

    def test_reader_sees_nothing_to_change(self, client, home):
        response = as_user(client, "view_page").get(LIST)
        assert titles(response) == ["Home"]
        html = response.content.decode()
        assert "page-tools" not in html
        assert '"mayMove": false' in html
        assert "publish_pages" not in html

    @pytest.mark.parametrize("query", [{}, {"below": "first"}, {"q": "p"}, {"o": "2"}])
    def test_what_it_costs_does_not_grow(self, admin_client, query):
        first = make_page("First")
        make_many(150)
        make_many(150, parent=first)
        query = {key: str(first.pk) if value == "first" else value for key, value in query.items()}
        admin_client.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            response = admin_client.get(LIST, query)
        assert len(titles(response)) == 100
        assert len(queries) <= 12
        assert len(response.content) < 150_000
        assert not [query for query in queries if "RECURSIVE" in query["sql"]]

    def test_draft_has_no_address_yet(self, admin_client):
        data = form_data(admin_client.get("/admin/pages/page/add/", follow=True)) | {"title": "New"}
        data.pop("_publish")
        key = new_key()
        assert admin_client.post(f"/admin/pages/page/{key}/change/", data).status_code == 302
        html = admin_client.get(LIST).content.decode()
        assert '<td class="field-address">–</td>' in html
        assert f"draft-{key}" not in html


class TestMove:
    def move(self, client, *pages, where="below", target=None, follow=True, **headers):
        data = {"pages": [page.pk for page in pages], "where": where, "target": target.pk if target else ""}
        return client.post(MOVE, data, follow=follow, headers=headers)

    def test_it_works(self, admin_client, home):
        about, team = make_page("About us"), make_page("Team")
        html = admin_client.get(MOVE, {"pages": team.pk}).content.decode()
        assert "Move “Team”" in html
        response = self.move(admin_client, team, target=about)
        assert Page.objects.get(pk=team.pk).path == "/about-us/team/"
        [sentence] = said(response)
        assert sentence.startswith("“Team” is below “About us” now. Its address is /about-us/team/.")
        [undo] = re.findall(r'class="page-undo" href="([^"]+)"', sentence)
        html = admin_client.get(undo).content.decode()
        assert "put back" in html
        [sentence] = said(admin_client.post(undo, follow=True))
        assert sentence.startswith("“Team” is at the top now. Its address is /team/.")
        assert order() == ["Home", "About us", "Team"]

    def test_by_a_script(self, admin_client, home):
        about, team = make_page("About us"), make_page("Team")
        response = self.move(admin_client, team, where="before", target=about, accept="application/json")
        assert response.json()["said"] == "“Team” comes after “Home” now."
        response = admin_client.post(response.json()["undo"], headers={"accept": "application/json"})
        assert response.json()["said"] == "“Team” comes after “About us” now."
        response = self.move(admin_client, team, where="before", target=home, accept="application/json")
        assert response.json()["said"] == "“Team” comes first now."
        response = self.move(admin_client, team, target=home, accept="application/json")
        assert response.status_code == 400
        assert response.json()["said"].startswith("No page can be below the home page.")
        response = self.move(admin_client, team, where="before", accept="application/json")
        assert response.status_code == 400
        assert response.json()["said"] == "Please choose the page beside which it is to be."

    def test_script_is_told_where_the_page_is_now(self, admin_client):
        about, team = make_page("About us"), make_page("Team")
        make_many(250, parent=about)
        answer = self.move(admin_client, team, target=about, accept="application/json").json()
        assert {name: answer[name] for name in ("key", "below", "load")} == {
            "key": str(team.pk),
            "below": str(about.pk),
            "load": 3,
        }
        answer = admin_client.post(answer["undo"], headers={"accept": "application/json"}).json()
        assert (answer["below"], answer["load"]) == ("", 1)

    def test_several_from_the_list(self, admin_client):
        about = make_page("About us")
        pages = [make_page(title) for title in "ABC"]
        make_page("D", parent=pages[0])
        html = act(admin_client, "move_pages", *pages).content.decode()
        assert "The page below goes along." in html
        response = self.move(admin_client, *pages, target=about)
        assert said(response)[0].startswith("3 pages were moved.")
        assert order(about) == ["A", "B", "C"]

    def test_page_that_is_meant_by_what_is_typed(self, admin_client):
        about, team = make_page("About us"), make_page("Team")
        data = {"pages": team.pk, "where": "below", "target": "", "target_shown": "", "target_text": "about us"}
        admin_client.post(MOVE, data)
        assert order(about) == ["Team"]

    def test_address_that_is_taken_is_said(self, admin_client):
        about = make_page("About us")
        make_page("Team", parent=about)
        other, free = make_page("Team"), make_page("Free")
        response = self.move(admin_client, free, other, target=about)
        html = response.content.decode()
        assert response.status_code == 400
        assert "Nothing was changed." in html
        assert "<li>“Team”: “Team” has this address already.</li>" in html
        assert f'name="target" value="{about.pk}"' in html
        assert order() == ["About us", "Team", "Free"]

    def test_it_leads_back_to_the_search(self, admin_client):
        about, team = make_page("About us"), make_page("Team")
        data = {"pages": team.pk, "where": "below", "target": about.pk}
        response = admin_client.post(f"{MOVE}?_changelist_filters=q%3Dtea", data)
        assert response.headers["Location"] == f"{LIST}?q=tea"
        assert (
            "_changelist_filters=q%3Dtea"
            in admin_client.get(MOVE, data | {"_changelist_filters": "q=tea"}).content.decode()
        )

    def test_pages_that_are_gone_or_too_many(self, admin_client):
        for data in ({}, {"pages": "99"}, {"pages": "abc"}):
            assert "are gone" in said(admin_client.post(MOVE, data, follow=True))[0]
            assert "are gone" in admin_client.post(MOVE, data, headers={"accept": "application/json"}).json()["said"]
        pages = make_many(AT_ONCE + 1)
        data = {"action": "move_pages", "_selected_action": pages[0].pk, "select_across": "1"}
        assert "At most 200 pages" in said(admin_client.post(LIST, data, follow=True))[0]

    def test_get_moves_nothing(self, admin_client):
        about, team = make_page("About us"), make_page("Team")
        assert admin_client.get(MOVE, {"pages": team.pk, "where": "below", "target": about.pk}).status_code == 200
        assert order() == ["About us", "Team"]

    def test_undo_of_what_cannot_be_undone(self, admin_client):
        about, team = make_page("About us"), make_page("Team")
        response = self.move(admin_client, team, target=about, accept="application/json")
        make_page("Team")
        undo = admin_client.post(response.json()["undo"], follow=True)
        assert said(undo) == ["“Team”: “Team” has this address already."]
        assert admin_client.post(f"{MOVE}undo/guessed/").status_code == 404

    def test_nobody_else_undoes_it(self, admin_client, client):
        about, team = make_page("About us"), make_page("Team")
        undo = self.move(admin_client, team, target=about, accept="application/json").json()["undo"]
        assert as_user(client, "view_page", "change_page").post(undo).status_code == 404

    def test_only_the_last_moves_are_kept(self, admin_client):
        a, b = make_page("A"), make_page("B")
        undo = [
            self.move(admin_client, a, where=where, target=b, accept="application/json").json()["undo"]
            for where in ["after", "before"] * 6
        ]
        assert admin_client.post(undo[0]).status_code == 404
        assert admin_client.post(undo[-1]).status_code == 302


class TestCopy:
    def test_it_works(self, admin_client, media):
        about = make_page("About us")
        make_text(make_page("Team", parent=about))
        html = admin_client.get(COPY, {"pages": about.pk}).content.decode()
        assert "Copy the pages below, too (1)" in html
        assert Page.objects.count() == 2
        response = admin_client.post(COPY, {"pages": about.pk, "post": "yes", "with_below": "on"}, follow=True)
        page = Page.objects.get(title="About us (copy)")
        link = f'<a href="{reverse("admin:pages_page_change", args=[page.pk])}">About us (copy)</a>'
        assert said(response) == [f"{link} is a draft: visitors do not see it until you publish it."]
        assert order(page) == ["Team"]
        data = {"post": "yes", "with_below": "on"}
        assert said(act(admin_client, "publish_pages", page, **data)) == ["2 pages were published."]
        assert "Some text." in admin_client.get("/about-us-copy/team/").content.decode()

    def test_several_from_the_list_without_what_is_below(self, admin_client):
        a, b = make_page("A"), make_page("B")
        make_page("C", parent=a)
        assert "Copy pages" in act(admin_client, "copy_pages", a, b).content.decode()
        admin_client.post(COPY, {"pages": [a.pk, b.pk], "post": "yes"})
        assert order() == ["A", "A (copy)", "B", "B (copy)"]
        assert Page.objects.count() == 5

    def test_too_many_below(self, admin_client):
        about = make_page("About us")
        make_many(AT_ONCE, parent=about)
        data = {"pages": about.pk, "post": "yes", "with_below": "on"}
        response = admin_client.post(COPY, data)
        assert response.status_code == 400
        assert "At most 200 pages can be copied at once." in response.content.decode()
        assert Page.objects.count() == AT_ONCE + 1

    def test_by_who_may_only_draft(self, client):
        page = make_page("A")
        client = as_user(client, "draft_page")
        html = client.get(LIST).content.decode()
        assert "page-copy" in html
        assert "page-move" not in html
        assert client.post(COPY, {"pages": page.pk, "post": "yes"}).status_code == 302
        assert order() == ["A", "A (copy)"]
        assert client.post(MOVE, {"pages": page.pk, "where": "below"}).status_code == 403

    def test_without_the_right(self, client):
        page = make_page("A")
        assert as_user(client, "view_page").post(COPY, {"pages": page.pk, "post": "yes"}).status_code == 403
        assert order() == ["A"]


class TestSeveral:
    def test_publish(self, admin_client, home):
        a = make_page("A", is_published=False)
        b = make_page("B", parent=a, is_published=False)
        c = make_page("C", is_published=False)
        html = act(admin_client, "publish_pages", a, c).content.decode()
        assert "Publish the hidden pages below, too (1)" in html
        assert said(act(admin_client, "publish_pages", a, c, post="yes")) == ["2 pages were published."]
        assert set(Page.objects.published()) == {home, a, c}
        act(admin_client, "hide_pages", a, post="yes")
        act(admin_client, "publish_pages", a, post="yes", with_below="on")
        assert set(Page.objects.published()) == {home, a, b, c}

    def test_publish_says_what_cannot_be_seen_yet(self, admin_client):
        a = make_page("A", is_published=False)
        b = make_page("B", parent=a, is_published=False)
        c = make_page("C", is_published=False, publish_from="2999-01-01T00:00Z")
        d = make_page("D", is_published=False, publish_until="2000-01-01T00:00Z")
        sentences = said(act(admin_client, "publish_pages", b, c, d, post="yes"))
        assert sentences[1] == "“B” cannot be seen as long as “A” above it cannot be seen."
        assert sentences[2].startswith("“C” will appear on Jan. 1, 2999")
        assert sentences[3].startswith("“D” was to be seen until a time that is over.")

    def test_what_cannot_be_published_is_said(self, admin_client):
        a, b = make_page("A", is_published=False), make_page("B", is_published=False)
        Page.objects.filter(pk=b.pk).update(publish_from="2026-01-02T00:00Z", publish_until="2026-01-01T00:00Z")
        response = act(admin_client, "publish_pages", a, b, post="yes")
        html = response.content.decode()
        assert response.status_code == 400
        assert "Nothing was changed." in html
        assert "<li>“B”: This has to be later than “shown from”.</li>" in html
        assert not Page.objects.published().exists()

    def test_hide(self, admin_client):
        a = make_page("A")
        b = make_page("B", parent=a)
        make_page("C", parent=b)
        html = act(admin_client, "hide_pages", a).content.decode()
        assert "Visitors do not see them then, and not the 2 pages below." in html
        assert Page.objects.published().count() == 3
        assert said(act(admin_client, "hide_pages", a, post="yes")) == ["1 page was hidden."]
        assert not Page.objects.published().exists()
        assert Page.objects.get(pk=b.pk).is_published

    def test_delete(self, admin_client):
        a = make_page("A")
        b = make_page("B", parent=a)
        make_page("C", parent=b)
        make_page("D")
        html = act(admin_client, "delete_selected", a, b).content.decode()
        assert "The page below is deleted, too." in html
        assert Page.objects.count() == 4
        assert said(act(admin_client, "delete_selected", a, b, post="yes")) == ["3 pages were deleted."]
        assert order() == ["D"]
        assert {version.author.username for version in deleted_pages()} == {"admin"}

    def test_more_below_than_can_be_deleted_at_once(self, admin_client, monkeypatch):
        monkeypatch.setattr(page_list, "DELETED_AT_ONCE", 20)
        a = make_page("A")
        make_many(20, parent=a)
        for data in ({}, {"post": "yes"}):
            assert said(act(admin_client, "delete_selected", a, **data)) == [
                "At most 20 pages can be deleted at once, with those below."
            ]
            response = admin_client.post(f"/admin/pages/page/{a.pk}/delete/", data, follow=True)
            assert said(response) == ["At most 20 pages can be deleted at once, with those below."]
        assert Page.objects.count() == 21

    def test_pages_of_branches_that_were_opened_in_place(self, admin_client):
        a = make_page("A")
        b = make_page("B", parent=a)
        assert said(act(admin_client, "hide_pages", a, b, post="yes")) == ["2 pages were hidden."]

    def test_all_of_a_branch(self, admin_client):
        a = make_page("A")
        make_many(3, parent=a)
        data = {"action": "hide_pages", "_selected_action": a.pk, "select_across": "1", "post": "yes"}
        response = admin_client.post(f"{LIST}?below={a.pk}", data, follow=True)
        assert said(response) == ["3 pages were hidden."]
        assert Page.objects.published().get() == a

    @pytest.mark.parametrize("action", ["publish_pages", "hide_pages", "move_pages", "copy_pages", "delete_selected"])
    def test_without_the_right(self, client, home, action):
        as_user(client, "view_page")
        act(client, action, home, post="yes")
        home.refresh_from_db()
        assert home.is_published
