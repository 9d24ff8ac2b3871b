import unicodedata

import pytest
from django.contrib.auth.models import User
from django.test import Client

from myweb.pages.missing import NotThere, lead_on
from myweb.pages.models import Page, SiteSettings
from tests.factories import make_page, make_picture, make_text

pytestmark = pytest.mark.django_db


def test_it_works(client, home):
    make_text(home, "<p>Welcome to the lake.</p>")
    response = client.get("/")
    assert response.status_code == 200
    html = response.content.decode()
    assert "<h1>Home</h1>" in html
    assert "Welcome to the lake." in html
    assert "<title>Lake House – Rooms with a view</title>" in html


def test_it_names_itself_to_search_engines(client, home, media):
    page = make_page("关于我们", slug="关于我们", language="zh-hans")
    make_text(page, "<p>我们在湖边。</p>")
    picture = make_picture(page)
    picture.finish()
    html = client.get("/关于我们/").content.decode()
    address = "http://localhost:8099/%E5%85%B3%E4%BA%8E%E6%88%91%E4%BB%AC/"
    assert '<html lang="zh-hans">' in html
    assert f'<link rel="canonical" href="{address}">' in html
    assert f'<meta property="og:url" content="{address}">' in html
    assert '<meta name="description" content="我们在湖边。">' in html
    assert f'<meta property="og:image" content="{picture.share_picture.url}">' in html


def test_picture_is_shown_in_full(client, home, media):
    picture = make_picture(home, alt_text='A "red" field', caption="In May")
    html = client.get("/").content.decode()
    assert f'<img src="{picture.image.url}" alt="A &#34;red&#34; field" width="700" height="100"' in html
    assert "In May</figcaption>" in html
    assert "srcset" not in html
    picture.finish()
    html = client.get("/").content.decode()
    for mime_type, srcset in picture.sources():
        assert f'type="{mime_type}" srcset="{srcset}"' in html


@pytest.mark.parametrize("accepted", ["zh-hans", "en", "de"])
def test_page_is_in_its_own_language_whatever_the_browser_asks_for(client, home, accepted):
    make_page("关于我们", slug="关于我们", language="zh-hans")
    english = client.get("/", headers={"accept-language": accepted})
    chinese = client.get("/关于我们/", headers={"accept-language": accepted})
    assert '<html lang="en">' in english.content.decode()
    assert "Skip to the content" in english.content.decode()
    assert '<html lang="zh-hans">' in chinese.content.decode()
    assert "Skip to the content" not in chinese.content.decode()
    for response in (english, chinese):
        assert "Vary" not in response.headers
        assert not response.cookies


def test_trail_leads_through_pages_of_the_same_language(client, home):
    make_page("Team", parent=make_page("About us"))
    make_page("团队", slug="团队", parent=make_page("关于我们", slug="关于我们", language="zh-hans"))
    html = client.get("/about-us/team/").content.decode()
    assert "https://schema.org/BreadcrumbList" in html
    assert html.count('itemprop="name"') == 3
    assert client.get("/关于我们/团队/").content.decode().count('itemprop="name"') == 2


def test_menus_are_those_of_the_language(client, home):
    make_page("About us", menu="main")
    make_page("Imprint", menu="footer")
    make_page("首页", slug="中文", language="zh-hans", menu="main")
    make_page("关于我们", slug="关于我们", language="zh-hans", menu="main")
    english, chinese = client.get("/").content.decode(), client.get("/中文/").content.decode()
    assert "About us" in english
    assert "Imprint" in english
    assert "关于我们" not in english
    assert 'hreflang="zh-hans">简体中文</a>' in english
    assert "关于我们" in chinese
    assert "About us" not in chinese
    assert '<a href="/" lang="en" hreflang="en">English</a>' in chinese


def test_menu_keeps_the_owners_order(client, home):
    for position, title in ((30, "Third"), (10, "First"), (20, "Second")):
        make_page(title, menu="main", position=position)
    html = client.get("/").content.decode()
    assert html.index("First") < html.index("Second") < html.index("Third")


def test_pages_below_are_listed(client, home):
    about = make_page("About us")
    make_page("Team", parent=about, description="Who we are")
    make_page("Secret", parent=about, is_published=False)
    html = client.get("/about-us/").content.decode()
    assert 'href="/about-us/team/"' in html
    assert "Who we are" in html
    assert "Secret" not in html


@pytest.mark.parametrize("below", [0, 40])
def test_page_costs_five_queries(client, home, media, django_assert_num_queries, below):
    page = make_page("Rooms", parent=make_page("House", parent=make_page("About us", menu="main")))
    for ordering in (10, 20, 30):
        make_text(page, ordering=ordering)
        make_picture(page, ordering=ordering)
    for number in range(below):
        make_page(f"Room {number}", parent=page, menu="footer")
    with django_assert_num_queries(5):
        assert client.get(page.path).status_code == 200


@pytest.mark.parametrize("path", ["/nothing/", "/about-us/nothing/", "/%ff%fe/", "/" + "x" * 5000 + "/"])
def test_unknown_address_is_a_404_in_the_look_of_the_site(client, home, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()
    assert "Lake House" in response.content.decode()


def test_error_pages_follow_the_browsers_language(client, home):
    response = client.get("/nothing/", headers={"accept-language": "zh-CN"})
    assert response.headers["Content-Language"] == "zh-hans"
    assert "Accept-Language" in response.headers["Vary"]
    assert "This page does not exist" not in response.content.decode()


def test_hidden_page_does_not_exist(client):
    page = make_page("Draft", is_published=False)
    make_page("Below", parent=page)
    assert client.get("/draft/").status_code == client.get("/draft/below/").status_code == 404


def test_final_slash_is_added(client, home):
    make_page("About us")
    response = client.get("/about-us")
    assert (response.status_code, response.headers["Location"]) == (301, "/about-us/")


def test_post_is_refused(client, home):
    assert client.post("/").status_code == 405


def test_robots(client):
    assert client.get("/robots.txt").content.decode() == (
        "User-agent: *\nDisallow: /admin/\nSitemap: http://localhost:8099/sitemap.xml\n"
    )


def test_security_headers(client, home):
    headers = client.get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_names_of_the_owner_are_escaped(client, home):
    SiteSettings.objects.update(name="<script>alert(1)</script>")
    make_page("<b>Bold</b>", slug="bold", menu="main")
    html = client.get("/").content.decode()
    assert "<script" not in html
    assert "<b>Bold" not in html


def test_fault_shows_a_page_that_needs_nothing(client, home, monkeypatch, django_assert_num_queries):
    def fail(*args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("myweb.pages.views.render_page", fail)
    client.raise_request_exception = False
    with django_assert_num_queries(2):
        response = client.get("/")
    html = response.content.decode()
    assert response.status_code == 500
    assert "secret detail" not in html
    assert "Traceback" not in html
    assert "返回首页" in html


def test_request_that_django_refuses(client, home):
    response = client.get("/", headers={"host": "elsewhere.example"})
    assert response.status_code == 400
    assert "That request was not understood" in response.content.decode()


@pytest.mark.parametrize(("fields", "length"), [(1, 11_000_000), (10_001, 1)])
def test_form_that_is_too_large(admin_client, home, fields, length):
    form = {f"field-{number}": "x" * length for number in range(fields)}
    response = admin_client.post(f"/admin/pages/page/{home.pk}/change/", form)
    assert response.status_code == 413
    assert "That is more than this site takes at once." in response.content.decode()


def test_form_without_its_token(home):
    response = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert "has to accept cookies" in response.content.decode()


class TestSpellings:
    """Addresses that differ only in case, or in how their accents are written, are one."""

    @pytest.mark.parametrize("path", ["/Über-Uns/", "/ÜBER-UNS/", f"/{unicodedata.normalize('NFD', 'über-uns')}/"])
    def test_it_leads_to_the_page(self, client, path):
        make_page("Über uns", slug="über-uns")
        response = client.get(f"{path}?from=a+letter")
        assert (response.status_code, response["Location"]) == (301, "/%C3%BCber-uns/?from=a+letter")
        # A browser that remembered it would go round in circles if the page were renamed to that.
        assert response["Cache-Control"] == "no-cache"
        assert client.get("/%C3%BCber-uns/").status_code == 200

    def test_page_that_has_just_appeared_does_not_lead_to_itself(self, rf):
        make_page("Team")
        with pytest.raises(NotThere):
            lead_on(rf.get("/team/"), "/team/")

    def test_below_another_page(self, client):
        make_page("Team", parent=make_page("About"))
        assert client.get("/ABOUT/team/")["Location"] == "/about/team/"
        assert client.get("/About/Team")["Location"] == "/about/team/"

    def test_hidden_page_is_not_told_of(self, client):
        make_page("Draft", is_published=False)
        assert client.get("/DRAFT/").status_code == 404

    def test_pages_that_exist_already_keep_their_addresses(self, client):
        """An older release has saved them."""
        make_page("Small", slug="team")
        large = make_page("Large", slug="other")
        Page.objects.filter(pk=large.pk).update(slug="Team", path="/Team/", address_key="")
        for _ in range(2):
            assert b"<h1>Small</h1>" in client.get("/team/").content
            assert b"<h1>Large</h1>" in client.get("/Team/").content
            Page.add_keys()
        large.refresh_from_db()
        large.title = "Larger"
        large.full_clean()
        large.save()
        assert b"<h1>Larger</h1>" in client.get("/Team/").content
        assert client.get("/TEAM/")["Location"] == "/Team/"

    def test_page_that_an_older_release_has_moved(self, client):
        page = make_page("Old")
        Page.objects.filter(pk=page.pk).update(slug="new", path="/new/")
        assert client.get("/OLD/")["Location"] == client.get("/old/")["Location"] == "/new/"
        assert client.get("/new/").status_code == 200


def test_who_may_edit_a_page_is_led_to_its_form(home, client, admin_client):
    edit = f'<a href="/admin/pages/page/{home.pk}/change/">Edit this page</a>'
    assert edit in admin_client.get("/").content.decode()
    assert edit not in admin_client.get(f"/admin/pages/page/{home.pk}/preview/").content.decode()
    response = client.get("/")
    assert edit not in response.content.decode()
    assert "Cookie" not in response.headers.get("Vary", "")
    client.force_login(User.objects.create_user("reader", is_staff=True))
    assert edit not in client.get("/").content.decode()


def test_bar_above_a_page_is_in_the_language_of_who_looks_at_it(home, admin_client):
    for path, words in (("/", "编辑这个页面"), (f"/admin/pages/page/{home.pk}/preview/", "访客")):
        html = admin_client.get(path, headers={"accept-language": "zh-CN"}).content.decode()
        assert '<html lang="en">' in html
        bar = html.partition('<p class="preview" lang="zh-hans"')[2].partition("</p>")[0]
        assert words in bar
        assert ">Contact</a>" in html
