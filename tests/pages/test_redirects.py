"""Old addresses lead to where the page is, or say that it is gone, whatever is done to the tree."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from myweb.pages.leading import Book, Lead, old_address, redirect_from
from myweb.pages.missing import words_of
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect, key_of_text
from tests.factories import make_page
from tests.thinking import think

pytestmark = pytest.mark.django_db


def rename(page: Page, slug: str) -> None:
    page.slug = slug
    page.full_clean()
    page.save()


def lead_away(old: str, new: str) -> None:
    """As the form and the file do."""
    address = old_address(old)
    book = Book([address, new])
    lead = book.lead(new, [key_of_text(address)])
    book.check(address, lead)
    Redirect.put([redirect_from(address, lead)])


def asked(client: Client, path: str) -> tuple[int, str]:
    response = client.get(path)
    return response.status_code, response.headers.get("Location", "")


def test_it_works(client, home):
    page = make_page("About us")
    leaf = make_page("Leaf", parent=make_page("Team", parent=page))
    rename(page, "we")
    response = client.get("/about-us/team/leaf/?from=a+letter")
    assert (response.status_code, response["Location"]) == (301, "/we/team/leaf/?from=a+letter")
    assert response["Cache-Control"] == "no-cache"
    assert asked(client, "/about-us/") == (301, "/we/")
    rename(page, "us")
    for old in ("/about-us/", "/we/"):
        assert asked(client, f"{old}team/leaf/") == (301, "/us/team/leaf/")
    leaf.delete()
    assert asked(client, "/we/team/leaf/")[0] == 410


def test_moving_in_the_tree(client, home):
    team, leaf = make_page("Team"), make_page("Leaf")
    leaf.parent = team
    leaf.save()
    assert asked(client, "/leaf/") == (301, "/team/leaf/")


@pytest.mark.parametrize("path", ["/ABOUT-US/Café/", "/about-us/cafe\u0301/", "/about-us/caf%C3%A9", "/About-us/Café"])
def test_any_spelling_in_one_hop(client, home, path):
    page = make_page("Café", slug="caf\u00e9", parent=make_page("About us"))
    rename(page, "bar")
    assert asked(client, path) == (301, "/about-us/bar/")


def test_final_slash_is_not_a_hop_of_its_own(client, home):
    page = make_page("About us")
    assert asked(client, "/about-us") == (301, "/about-us/")
    rename(page, "we")
    assert asked(client, "/about-us") == (301, "/we/")
    assert asked(client, "/nothing") == (301, "/nothing/")


def test_new_page_takes_an_old_address_back(client, home):
    page = make_page("About us")
    rename(page, "we")
    other = make_page("Other", slug="about-us")
    assert asked(client, "/about-us/") == (200, "")
    rename(other, "others")
    assert asked(client, "/about-us/") == (301, "/others/")
    rename(page, "about-us")
    assert asked(client, "/about-us/") == (200, "")
    assert asked(client, "/we/") == (301, "/about-us/")


class TestHiddenPages:
    def test_page_that_was_never_public_leaves_nothing(self, client, home):
        page = make_page("Draft", is_published=False)
        below = make_page("Below", parent=page)
        rename(page, "other")
        below.delete()
        page.delete()
        assert not Redirect.objects.exists()
        for path in ("/draft/", "/draft/below/", "/other/", "/other/below/"):
            assert asked(client, path)[0] == 404

    def test_hidden_page_takes_no_address_until_it_is_shown(self, client, home):
        page = make_page("About us")
        rename(page, "we")
        draft = make_page("New", slug="about-us", is_published=False)
        assert asked(client, "/about-us/") == (301, "/we/")
        draft.is_published = True
        draft.save()
        assert asked(client, "/about-us/") == (200, "")

    def test_hidden_page_is_not_told_of(self, client, home):
        page = make_page("About us")
        rename(page, "secret")
        page.is_published = False
        page.save()
        for path in ("/about-us/", "/secret/", "/SECRET/"):
            assert asked(client, path) == (404, "")
        page.slug = "known"
        page.save()
        page.is_published = True
        page.save()
        for path in ("/about-us/", "/secret/"):
            assert asked(client, path) == (301, "/known/")

    def test_page_whose_time_comes(self, client, home):
        page = make_page("Sale", publish_from=timezone.now() + timedelta(hours=1))
        below = make_page("Shoes", parent=page)
        assert not Redirect.objects.exists()
        Page.objects.filter(pk=page.pk).update(publish_from=timezone.now() - timedelta(seconds=1))
        assert Page.update_due() == 1
        page.refresh_from_db()
        rename(page, "bargains")
        assert asked(client, "/sale/shoes/") == (301, "/bargains/shoes/")
        below.refresh_from_db()
        assert below.is_public


class TestDeleting:
    @pytest.mark.parametrize("how", ["page", "above", "query", "raw"])
    def test_by_any_way(self, client, home, how):
        above = make_page("About us")
        page = make_page("Team", parent=above)
        match how:
            case "page":
                page.delete()
            case "above":
                above.delete()
            case "query":
                Page.objects.filter(pk=page.pk).delete()
            case "raw":  # the release before does not know the table
                Page.objects.filter(pk=page.pk)._raw_delete("default")
        response = client.get("/about-us/team/")
        assert response.status_code == 410
        assert "This page has been removed" in response.content.decode()
        assert "noindex" in response.content.decode()

    def test_delete_selected(self, admin_client, home):
        page = make_page("Team")
        data = {"action": "delete_selected", "_selected_action": [page.pk], "post": "yes"}
        assert admin_client.post("/admin/pages/page/", data).status_code == 302
        assert asked(admin_client, "/team/")[0] == 410

    def test_page_that_is_brought_back_has_its_old_addresses(self, client, home):
        page = make_page("Team")
        rename(page, "crew")
        key = page.pk
        page.delete()
        assert asked(client, "/team/")[0] == asked(client, "/crew/")[0] == 410
        make_page("Crew", pk=key, slug="people")
        assert asked(client, "/team/") == asked(client, "/crew/") == (301, "/people/")

    def test_home_page_is_not_gone(self, client, home):
        """Another one may be chosen at any time."""
        home.delete()
        assert asked(client, "/") == (200, "")


class TestOwnAddresses:
    @pytest.mark.parametrize(
        ("old", "asked_for"),
        [
            ("/prices.html", "/prices.html"),
            ("/prices.html", "/PRICES.HTML?x=1"),
            ("/index.php?page=3", "/index.php?page=3"),
            ("/index.php?page=%E6%B9%96", "/index.php?page=湖"),
            ("/index.php?page=湖", "/index.php?page=%E6%B9%96"),
            ("/preise/übersicht", "/preise/%C3%BCbersicht/"),
            ("/%E9%A0%81/", "/頁"),
            ("/%B9%D8%D3%DA/", "/%b9%d8%d3%da/"),  # GB 18030, which many old sites in China have
            ("http://LOCALHOST:8099/old.aspx", "/old.aspx"),
            ("//a//b", "/a/b/"),
            ("/a%20b/", "/a b"),
        ],
    )
    def test_from_any_path(self, client, home, old, asked_for):
        make_page("Prices")
        lead_away(old, "/prices/")
        status, location = asked(client, asked_for)
        assert (status, location.partition("?")[0]) == (301, "/prices/")

    def test_each_query_may_lead_elsewhere(self, client, home):
        for number in (1, 2):
            make_page(f"Page {number}")
            lead_away(f"/index.php?page={number}", f"/page-{number}/")
        lead_away("/index.php", "/")
        assert asked(client, "/index.php?page=2") == (301, "/page-2/")
        assert asked(client, "/index.php?page=3") == (301, "/?page=3")

    @pytest.mark.parametrize(
        ("old", "sentence"),
        [
            ("", "Please begin the old address with “/”"),
            ("prices.html", "Please begin the old address with “/”"),
            ("https://elsewhere.example/prices.html", "an address of another site"),
            ("http://[::1", "This is no address"),
            ("/", "the address of the home page"),
            ("/?p=3", "the address of the home page"),
            ("/prices#top", "what follows “#”"),
            ("/admin/old/", "used by the site itself"),
            ("/Admin", "used by the site itself"),
            ("/static/a.css", "used by the site itself"),
            ("/media/a.jpg", "used by the site itself"),
            ("/contact/", "used by the site itself"),
            ("/contact/form.html", "used by the site itself"),
            ("/healthz", "used by the site itself"),
            ("/robots.txt", "used by the site itself"),
            ("/favicon.ico", "used by the site itself"),
            ("/a/../b", "Nobody can ask"),
            ("/a\0b", "Nobody can ask"),
            ("/a%0Ab", "Nobody can ask"),
            ("/" + "x" * 600, "too long"),
            ("/about/", "The page “About” is shown there"),
            ("/ABOUT?x=1", "The page “About” is shown there"),
        ],
    )
    def test_refused(self, home, old, sentence):
        make_page("About")
        make_page("Prices")
        before = set(Redirect.objects.values_list("path", "page"))
        with pytest.raises(ValidationError, match=sentence):
            lead_away(old, "/prices/")
        assert set(Redirect.objects.values_list("path", "page")) == before

    @pytest.mark.parametrize(
        ("new", "address"),
        [
            ("/prices/", "/prices/"),
            ("/PRICES", "/prices/"),
            ("http://localhost:8099/prices/", "/prices/"),
            ("https://LOCALHOST./prices", "/prices/"),
            ("http://127.0.0.1/Prices/?a=b", "/prices/"),
            ("http://www.localhost/prices/", "/prices/"),
            ("/costs/", "/prices/"),  # where the page was before
            ("/", "/"),
            ("/contact/", "/contact/"),
            ("https://elsewhere.example/a?b=c#d", "https://elsewhere.example/a?b=c#d"),
            ("http://localhost:9000/other-service", "http://localhost:9000/other-service"),
            ("https://müller.example/", "https://xn--mller-kva.example/"),
        ],
    )
    def test_leads_to_the_page_itself(self, client, home, new, address):
        rename(make_page("Costs"), "prices")
        lead_away("/old.html", new)
        assert asked(client, "/old.html") == (301, address)

    @pytest.mark.parametrize(
        ("new", "sentence"),
        [
            ("/nothing/", "There is no page at “/nothing/”"),
            ("http://localhost/nothing/", "There is no page at “/nothing/”"),
            ("/old.html", "back to where it comes from"),
            ("http://localhost:8099/OLD.html/", "back to where it comes from"),
            ("prices", "Please begin the new address"),
            ("javascript:alert(1)", "Please begin the new address"),
            ("ftp://elsewhere.example/", "has to look like"),
            ("//elsewhere.example/", "has to look like"),
            ("https://no host/", "has to look like"),
            ("http://[::1", "This is no address"),
            (f"https://elsewhere.example/{'x' * 2000}", "too long"),
            ("/admin/", "There is no page"),
        ],
    )
    def test_refused_targets(self, home, new, sentence):
        with pytest.raises(ValidationError, match=sentence):
            lead_away("/old.html", new)
        assert not Redirect.objects.exists()

    def test_gone_by_hand(self, client, home):
        lead_away("/old.html", "")
        assert asked(client, "/old.html")[0] == 410

    def test_what_is_gone_may_lead_somewhere(self, client, home):
        make_page("Team").delete()
        make_page("People")
        lead_away("/team/", "/people/")
        assert asked(client, "/team/") == (301, "/people/")

    def test_what_leads_somewhere_stays(self, client, home):
        rename(make_page("Team"), "crew")
        with pytest.raises(ValidationError, match="leads to “/crew/” already"):
            lead_away("/team/", "/")
        assert asked(client, "/team/") == (301, "/crew/")

    def test_page_that_is_shown_again_has_its_address(self, client, home):
        page = make_page("Sale", is_published=False)
        lead_away("/sale/", "/")
        assert asked(client, "/sale/") == (301, "/")
        page.is_published = True
        page.save()
        assert asked(client, "/sale/") == (200, "")


class TestNear:
    def test_pages_that_share_words(self, client, home):
        about = make_page("About us")
        make_page("Our opening hours", slug="when", parent=about)
        make_page("Opening", parent=make_page("Elsewhere", is_published=False))
        make_page("Team", parent=make_page("Company"))
        html = client.get("/about-us/opening_hours.html").content.decode()
        assert client.get("/about-us/opening_hours.html/").status_code == 404
        html = client.get("/about-us/opening_hours.html/").content.decode()
        assert 'href="/about-us/when/" lang="en">Our opening hours</a>' in html
        assert "/elsewhere/" not in html
        assert '<a href="/about-us/">About us</a>' in html
        assert 'href="/company/team/"' in client.get("/team/").content.decode()
        make_page("Opening a room", slug="rooms")
        assert 'href="/rooms/"' in client.get("/about-us/opening/").content.decode()

    def test_chinese_has_no_spaces(self, client, home):
        make_page("我们的团队", slug="团队介绍")
        assert 'href="/%E5%9B%A2%E9%98%9F%E4%BB%8B%E7%BB%8D/"' in client.get("/旧团队/").content.decode()
        assert words_of("我们的 Team-2") == {"我们", "们的", "team"}

    def test_in_the_language_of_the_page_above(self, client, home):
        page = make_page("关于", slug="关于", language="zh-hans")
        make_page("旧", slug="旧", parent=page).delete()
        response = client.get("/关于/旧/", headers={"accept-language": "en"})
        assert response.status_code == 410
        assert '<html lang="zh-hans">' in response.content.decode()
        assert client.get("/旧/").content.decode().count('<html lang="en">') == 1

    def test_at_most_five(self, client, home):
        for number in range(8):
            make_page(f"Opening {number}")
        assert client.get("/opening-hours/").content.decode().count("/opening-") == 5

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans are SQLite's")
    def test_one_query_more_and_none_that_looks_at_every_page(self, client, home):
        make_page("About us")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/about-us/opening/").status_code == 404
        # The page and those above it, the redirect, what is near, the site, its menus
        assert len(queries) == 5
        for sql in (query["sql"] for query in queries if "pages_sitesettings" not in query["sql"]):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = [row[3] for row in cursor.fetchall()]
            assert not [step for step in plan if step.startswith("SCAN")], (sql, plan)


class TestOtherReleases:
    def test_pages_that_an_older_release_has_saved(self, client, home):
        page = make_page("About us")
        Redirect.objects.all().delete()
        for _ in range(2):
            Page.add_keys()
        assert list(Redirect.objects.values_list("path", "page")) == [("/about-us/", page.pk)]

    def test_two_pages_that_differ_only_in_case(self, client, home):
        small, large = make_page("Small", slug="team"), make_page("Large")
        Page.objects.filter(pk=large.pk).update(slug="Team", path="/Team/", address_key="")
        Redirect.objects.all().delete()
        Page.add_keys()
        assert Redirect.objects.count() == 1
        for page in (small, large):
            assert Page.objects.get(pk=page.pk).get_absolute_url() in ("/team/", "/Team/")
            assert asked(client, Page.objects.get(pk=page.pk).path) == (200, "")


@pytest.mark.slow("makes thousands of pages")
def test_page_with_many_below_is_renamed_in_few_statements(home):
    top = make_page("Top")
    pages = [Page(title=str(n), slug=str(n), parent=top, path=f"/top/{n}/", position=n + 1) for n in range(1500)]
    Page.objects.bulk_create(pages)
    top.save()
    with CaptureQueriesContext(connection) as queries:
        rename(top, "new")
    assert Redirect.objects.left().count() == 1501
    assert sum('"pages_redirect"' in query["sql"] for query in queries) <= 10


# Whatever is done

SLUGS = st.sampled_from(["a", "b", "B", "c", "ü", "Ü"])
NUMBERS = st.integers(0, 7)
OLD = st.sampled_from(["/a/", "/b", "/x.html", "/X.html", "/a/b/", "/B/a/", "/x/?p=1", "/x/?p=2", "/c/ü/"])
NEW = st.sampled_from(["", "/a/", "/B", "/a/b", "/x.html", "/x?p=1", "http://localhost:8099/b/", "https://e.example/"])


class Tree(RuleBasedStateMachine):
    """What every address ever had last, written down beside what the site does."""

    seen: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.client = Client()
        self.last: dict[str, int | str] = {}  # by key: the key of the page that was there, or the address of elsewhere
        self.paths: dict[str, str] = {}

    @initialize()
    def begin(self) -> None:
        Page.objects.all().delete()
        Redirect.objects.all().delete()

    def page(self, number: int | None) -> Page | None:
        pages = list(Page.objects.order_by("pk"))
        return pages[number % len(pages)] if pages and number is not None else None

    def save(self, page: Page | None, **fields: Any) -> None:
        if page is None:
            return
        for name, value in fields.items():
            setattr(page, name, value)
        try:
            page.full_clean()
        except ValidationError:
            return
        page.save()

    @rule(slug=SLUGS, below=st.none() | NUMBERS, is_published=st.booleans())
    def create(self, slug: str, below: int | None, is_published: bool) -> None:
        self.save(Page(title=slug, slug=slug, parent=self.page(below), is_published=is_published))

    @rule(number=NUMBERS, slug=SLUGS)
    def rename(self, number: int, slug: str) -> None:
        self.save(self.page(number), slug=slug)

    @rule(number=NUMBERS, below=st.none() | NUMBERS)
    def move(self, number: int, below: int | None) -> None:
        self.save(self.page(number), parent=self.page(below))

    @rule(number=NUMBERS, is_published=st.booleans())
    def show(self, number: int, is_published: bool) -> None:
        self.save(self.page(number), is_published=is_published)

    @rule(number=NUMBERS, in_a_query=st.booleans())
    def delete(self, number: int, in_a_query: bool) -> None:
        page = self.page(number)
        if page and in_a_query:
            Page.objects.filter(pk=page.pk).delete()
        elif page:
            page.delete()

    @rule(old=OLD, new=NEW)
    def lead_away(self, old: str, new: str) -> None:
        try:
            lead_away(old, new)
        except ValidationError:
            return
        lead: Lead = Book([new]).lead(new)
        self.last[key_of_text(old)] = lead.page.pk if lead.page else lead.address
        self.paths[key_of_text(old)] = old

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        rows = list(Redirect.objects.left().order_by("pk"))
        if rows:
            row = rows[number % len(rows)]
            row.delete()
            del self.last[row.address_key]

    @invariant()
    def every_address_leads_to_what_it_had_last(self) -> None:
        pages = {page.pk: page for page in Page.objects.all()}
        there = {page.address_key: page for page in pages.values() if page.is_public}
        self.last |= {key: page.pk for key, page in there.items()}
        self.paths |= {key: page.path for key, page in there.items()}
        for key, path in self.paths.items():
            expected = self.expected(pages, there, key)
            if expected[0] == 404 and not path.endswith("/") and "?" not in path:
                assert asked(self.client, path) == (301, f"{path}/")
                path += "/"
            assert asked(self.client, path) == expected, path
            self.seen[str(expected[0])] += 1
            if expected[1].startswith("/"):
                assert asked(self.client, expected[1])[0] == 200

    def expected(self, pages: dict[int, Page], there: dict[str, Page], key: str) -> tuple[int, str]:
        if key in there:
            return 200, ""
        last = self.last.get(key)
        if isinstance(last, str) and last:
            return 301, last
        if last is None:
            return 404, ""
        if last not in pages:
            return 410, ""
        page = pages[last]
        return (301, page.get_absolute_url()) if page.is_public else (404, "")


@pytest.mark.slow("hypothesis thinks out what is done to pages")
def test_whatever_is_done(db):
    think(Tree, examples=40, steps=25)
    assert {"200", "301", "404", "410"} <= set(Tree.seen)
