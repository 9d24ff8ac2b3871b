"""Links in texts: what becomes of them when a text is saved, and when it is shown."""

import re
from html import escape

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from myweb.pages import links
from myweb.pages.blocks.text import Text
from myweb.pages.links import clean, headings, refer, shown
from myweb.pages.models import Page, SiteSettings
from myweb.pages.pointing import dead_links
from myweb.pages.redirects import Redirect, key_of_address
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def about(db) -> Page:
    return make_page("About us", slug="about")


def link(href: str, key: int | None = None) -> str:
    page = f' data-page="{key}"' if key else ""
    return f'<p>We: <a href="{href}"{page}>us &amp; them</a>.</p>'


SPELLINGS = [
    "/about/",
    "/about",
    "about/",
    "./about/",
    "/ABOUT/",
    "/%61bout/",
    "/x/../about/",
    "http://localhost:8099/about/",
    "https://localhost:8099/about",
    "HTTP://LocalHost:8099/about/",
    "//127.0.0.1:8099/about/",
    " /about/ ",
]


@pytest.mark.parametrize("href", SPELLINGS)
def test_own_addresses_become_references(about, href):
    assert clean(link(href)) == link("/about/", about.pk)
    assert clean(link(f"{href.strip()}?a=1&amp;b#team")) == link("/about/?a=1&amp;b#team", about.pk)


def test_idn_and_punycode_are_one_site(about, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://xn--mnchen-3ya.example"]
    for href in ("http://münchen.example/about", "https://XN--MNCHEN-3YA.example./about/"):
        assert clean(link(href)) == link("/about/", about.pk)
    assert clean(link("http://localhost:8099/about/")) == link("http://localhost:8099/about/")


def test_addresses_of_other_scripts(db):
    page = make_page("关于", slug="关于")
    for href in ("/关于/", "/%E5%85%B3%E4%BA%8E", "/%e5%85%b3%e4%ba%8e/"):
        assert clean(link(href)) == link("/关于/", page.pk)


def test_relative_addresses_start_at_the_page(about):
    team = make_page("Team", parent=about)
    assert make_text(about, link("team/")).text == link("/about/team/", team.pk)
    assert make_text(team, link("../#us")).text == link("/about/#us", about.pk)


def test_link_follows_its_page(about):
    assert clean(link("/before/#team", about.pk)) == link("/about/#team", about.pk)
    other = make_page("Other", slug="before")
    assert clean(link("/before/", about.pk)) == link("/about/", about.pk)
    assert clean(link("/before/")) == link("/before/", other.pk)


def test_page_that_is_gone_can_come_back(about):
    key, html = about.pk, link("/about/", about.pk)
    about.delete()
    assert clean(html) == html
    other = make_page("About", slug="about")
    assert clean(html) == link("/about/", key if other.pk == key else other.pk)


def test_key_counts_only_beside_an_address_of_this_site(about):
    assert clean(link("https://example.org/about/", about.pk)) == link("https://example.org/about/")


@pytest.mark.parametrize("key", ["x", "0", "-1", "9" * 40, "4½", "٤"])
def test_what_is_no_key_is_dropped(about, key):
    assert clean(f'<a href="/about/" data-page="{key}">us</a>') == f'<a href="/about/" data-page="{about.pk}">us</a>'


COMPLETED = {
    "www.example.org": "https://www.example.org",
    "WWW.example.org/a?b": "https://WWW.example.org/a?b",
    "//example.org/": "https://example.org/",
    "name@example.org": "mailto:name@example.org",
    "+49 30 / 12345-6": "tel:+4930/12345-6",
    "13800138000": "tel:13800138000",
    "/contact": "/contact/",
    "http://localhost:8099/contact/?lang=en": "/contact/?lang=en",
}
VALID = [
    "https://example.org",
    "http://example.org:8080/a/b.html?c=d&amp;e=f#g",
    "https://例子.example/路径/?问=答",
    "http://192.0.2.1/",
    "http://[2001:db8::1]:81/",
    "https://my_shop.example.org/",
    "mailto:name@example.org",
    "mailto:a@example.org,b@example.org?subject=Hello%20you",
    "mailto:?subject=Look",
    "tel:+49-30-12345;ext=6",
    "#team",
    "#团队",
    "/contact/",
    "/sitemap.xml",
    "/media/pictures/a%20b.jpg?x#y",
]
REFUSED = [
    "/gone/",
    "gone",
    "http://localhost:8099/gone/",
    "https://",
    "https:///x",
    "http:/about/",
    "https://exa mple.org/",
    "https://example.org:99999/",
    "https://-/",
    "https://[::1/",
    "mailto:",
    "mailto:nobody",
    "tel:",
    "tel:call me",
    "ftp://example.org/",
    "#",
    "#two words",
    "/about/%FF/",
]


@pytest.mark.parametrize(("href", "completed"), COMPLETED.items())
def test_what_is_typed_is_completed(db, href, completed):
    assert clean(link(href)) == link(completed)


@pytest.mark.parametrize("href", VALID)
def test_other_addresses_stay(db, href):
    assert clean(link(href)) == link(href)


@pytest.mark.parametrize("href", REFUSED)
def test_what_leads_nowhere_is_refused(about, href):
    with pytest.raises(ValidationError) as refusal:
        clean(link(href))
    [sentence] = refusal.value.messages
    assert sentence.startswith("The link “us & them” leads to ")
    assert href.replace(" ", "") in sentence.replace(" ", "")


@pytest.mark.parametrize("href", ["javascript:alert(1)", "file:///C:/letter.doc", "page:42", "example.com:80/x"])
def test_what_the_sanitiser_drops_is_refused(about, href):
    with pytest.raises(ValidationError) as refusal:
        make_text(about, f"<p><a href='{href}'>x</a></p>")
    assert list(refusal.value.error_dict) == ["text"]
    assert href in refusal.value.messages[0]


def test_each_refusal_is_said(about):
    with pytest.raises(ValidationError) as refusal:
        make_text(about, link("/one/") + link("/about/") + link("x:y") + link("#"))
    assert len(refusal.value.messages) == 1  # of what the sanitiser drops, before all others
    with pytest.raises(ValidationError) as refusal:
        make_text(about, link("/one/") + link("/about/") + link("#"))
    assert len(refusal.value.messages) == 2


def test_links_without_an_address_are_words(about):
    assert make_text(about, '<p><a name="_Toc1">One</a> <a href="">two</a></p>').text == "<p>One two</p>"


def test_every_rich_text_has_this(about):
    site = SiteSettings(name="Lake House", footer_text=link("/about"))
    site.full_clean()
    assert site.footer_text == link("/about/", about.pk)
    site.footer_text = link("/gone/")
    with pytest.raises(ValidationError, match="no such page"):
        site.full_clean()


def test_no_lookup_without_links_to_pages(about, django_assert_num_queries):
    with django_assert_num_queries(0):
        clean(link("https://example.org/") + link("#x") + "<p>Plain</p>")
    with django_assert_num_queries(1):
        clean(link("/about/") * 3 + link("/contact/") + link("/x/", about.pk))


# What is written in texts, as the sanitiser leaves it
hrefs = st.one_of(
    st.sampled_from([*SPELLINGS, *COMPLETED, *VALID, *REFUSED, "", "/about/#team", "/team/?a=1&b=2#x"]),
    st.text(max_size=20),
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "href": hrefs,
        "data-page": st.sampled_from(["1", "2", "421", "x", "9" * 20]),
        "title": st.text(max_size=5),
        "target": st.just("_blank"),
    },
)
words = st.text(max_size=8)


@st.composite
def texts(draw) -> str:
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        chosen = "".join(f' {name}="{escape(value)}"' for name, value in draw(attributes).items())
        tag = draw(st.sampled_from(["p", "h2", "li", "blockquote"]))
        parts.append(
            f"<{tag}>{escape(draw(words))}<a{chosen}><em>{escape(draw(words))}</em></a>{escape(draw(words))}</{tag}>"
        )
    return Text._meta.get_field("text").sanitize("".join(parts))


def skeleton(html: str) -> str:
    """Return what is left of `html` without its links."""
    return re.sub(r"</?a\b[^>]*>", "", html)


@pytest.fixture
def two_pages(db) -> None:
    for key, slug in ((1, "about"), (2, "team")):
        Page(pk=key, title=slug, slug=slug).save()


@given(html=texts())
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rewriting_changes_links_only_and_once(two_pages, html):
    found = links.Found.of([links.Target(1, "/about/"), links.Target(2, "/team/")])
    referred = refer(html, found)
    assert refer(referred, found) == referred
    assert skeleton(referred) == skeleton(html)
    seen = shown(referred, {1: "/about/"})
    assert "data-page" not in seen
    assert skeleton(seen) == skeleton(html)
    try:
        cleaned = clean(html)
    except ValidationError:
        return
    assert skeleton(cleaned) == skeleton(html)
    assert clean(cleaned) == cleaned
    assert refer(cleaned, found) == cleaned
    assert Text._meta.get_field("text").sanitize(cleaned) == cleaned


class TestShown:
    def test_it_has_the_address_of_the_day(self):
        assert shown(link("/before/#团", 42), {42: "/关于/"}) == link("/%E5%85%B3%E4%BA%8E/#团")

    def test_pages_that_nobody_may_read_are_plain_words(self):
        assert shown(link("/before/", 42), {421: "/about/"}) == "<p>We: us &amp; them.</p>"

    def test_other_links_stay(self):
        for href in ("/about/", "https://example.org/", "#x"):
            assert shown(link(href), {}) == link(href)

    def test_headings_have_ids(self):
        html = "<h2>Our <em>Team</em> &amp; you</h2><h3>团队</h3><p>x</p><h2>!</h2><h3>Content</h3><h2>团队</h2>"
        assert shown(html, {}, set(links.TAKEN_IDS)) == (
            '<h2 id="our-team-you">Our <em>Team</em> &amp; you</h2><h3 id="团队">团队</h3><p>x</p>'
            '<h2 id="section">!</h2><h3 id="content-2">Content</h3><h2 id="团队-2">团队</h2>'
        )

    def test_ids_are_unique_in_a_page(self, about, client):
        first, second = make_text(about, "<h2>Prices</h2>", 10), make_text(about, "<h2>Prices</h2>", 20)
        html = client.get("/about/").content.decode()
        assert html.index('<h2 id="prices">') < html.index('<h2 id="prices-2">')
        assert headings([first, second]) == [("prices", "Prices"), ("prices-2", "Prices")]
        ids = re.findall(r' id="([^"]*)"', html)
        assert len(ids) == len(set(ids))


class TestPage:
    def test_links_follow_it_in_texts_and_at_the_foot(self, about, client):
        home = make_page("Home", slug="")
        make_text(home, link("/about/#team"))
        site = SiteSettings(name="Lake House", footer_text=link("/about/"))
        site.full_clean()
        site.save()
        about.slug = "us"
        about.save()
        html = client.get("/").content.decode()
        assert '<a href="/us/#team">us &amp; them</a>' in html
        assert html.count('<a href="/us/">us &amp; them</a>') == 1
        assert "data-page" not in html
        about.is_published = False
        about.save()
        html = client.get("/").content.decode()
        assert html.count("<p>We: us &amp; them.</p>") == 2
        assert "data-page" not in client.get("/gone/").content.decode()

    def test_no_query_more(self, about, client, django_assert_num_queries):
        site = SiteSettings(name="Lake House", footer_text=link("/about/"))
        site.full_clean()
        site.save()
        home = make_page("Home", slug="")
        for ordering in range(5):
            make_text(home, link("/about/") + link("/"), ordering)
        with django_assert_num_queries(4):
            assert client.get("/").status_code == 200
        with django_assert_num_queries(5):
            assert client.get("/about/").status_code == 200

    def test_texts_of_an_older_release_go_on(self, about, client):
        text = make_text(about)
        Text.objects.filter(pk=text.pk).update(text=link("/about/"))
        assert link("/about/") in client.get("/about/").content.decode()


class TestOldAddresses:
    def test_link_to_one_becomes_a_link_to_its_page(self, about):
        Redirect.put([Redirect(path="/before/", address_key=key_of_address("/before/"), page_id=about.pk)])
        text = make_text(about, link("/Before#x"))
        assert text.text == link("/about/#x", about.pk)

    def test_one_that_leads_to_another_site_stays(self, about):
        key = key_of_address("/shop/")
        Redirect.put([Redirect(path="/shop/", address_key=key, address="https://shop.example/")])
        assert make_text(about, link("/shop/")).text == link("/shop/")
        assert dead_links() == []

    def test_one_of_a_page_that_is_gone_is_refused(self, about):
        Redirect.put([Redirect(path="/gone/", address_key=key_of_address("/gone/"), page_id=10**9)])
        with pytest.raises(ValidationError):
            make_text(about, link("/gone/"))
