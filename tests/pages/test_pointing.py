"""What points to a page before it goes, and what points nowhere."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings
from myweb.pages.pointing import Branch, dead_links, linked_models, pointing_to, refer_all, retarget
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db

FAR = 2**51 + 42


@pytest.fixture
def site(db) -> SiteSettings:
    return SiteSettings.objects.create(name="Lake House")


def link(page: Page, tail: str = "") -> str:
    return f'<p>See <a href="{page.path}{tail}" data-page="{page.pk}">{page}</a></p>'


def set_footer(site: SiteSettings, html: str) -> None:
    site.footer_text = html
    site.full_clean()
    site.save()


class TestPointingTo:
    def test_it_works(self, site):
        about = make_page("About", menu="main")
        team = make_page("Team", parent=about)
        one, other = make_page("One"), make_page("Other", is_published=False)
        make_text(one, link(about) + link(team, "#us") + link(other))
        make_text(other, link(team))
        make_text(team, link(about))
        set_footer(site, link(about))
        found = pointing_to(Branch.of([about]))
        assert [(each.name, each.words) for each in found] == [
            ("One", ["About", "Team"]),
            ("Other", ["Team"]),
            ("site settings", ["About"]),
            ("Main menu", ["About"]),
        ]
        assert found[0].url == f"/admin/pages/page/{one.pk}/change/"
        assert found[2].url == f"/admin/pages/sitesettings/{site.pk}/change/"
        assert [each.name for each in pointing_to(Branch.of([team]))] == ["One", "Other"]

    def test_42_is_not_421(self):
        one, other = (Page(pk=key, title=str(key), slug=str(key)) for key in (42, 421))
        one.save()
        other.save()
        source = make_page("Source")
        make_text(source, link(other, "#42"))
        assert pointing_to(Branch.of([one])) == []
        assert [each.name for each in pointing_to(Branch.of([other]))] == ["Source"]

    def test_keys_of_52_bits(self):
        page = Page(pk=FAR, title="Far", slug="far")
        page.save()
        make_text(make_page("Source"), link(page))
        assert [each.words for each in pointing_to(Branch.of([page]))] == [["Far"]]

    def test_nothing_is_below_the_home_page(self, home):
        about = make_page("About")
        make_text(make_page("Source"), link(about))
        assert [each.name for each in pointing_to(Branch.of([home]))] == ["Main menu"]

    def test_it_takes_as_many_queries_for_many_pages(self):
        about = make_page("About")
        make_text(make_page("Source"), link(about))
        with CaptureQueriesContext(connection) as few:
            pointing_to(Branch.of([about]))
        for number in range(20):
            page = make_page(f"Page {number}")
            make_text(page, link(about))
        with CaptureQueriesContext(connection) as many:
            assert len(pointing_to(Branch.of([about]))) == 21
        assert len(many) == len(few)


class TestRetarget:
    def test_it_works(self, site):
        about, other = make_page("About"), make_page("Other")
        team = make_page("Team", parent=about)
        source = make_text(make_page("Source"), link(about, "#team") + link(other, "#x") + link(team))
        inside = make_text(team, link(about))
        set_footer(site, link(team))
        branch = Branch.of([about])
        assert retarget(branch, other, linked_models()) == [(Page, source.parent_id), (SiteSettings, site.pk)]
        source.refresh_from_db()
        assert source.text == (
            f'<p>See <a href="/other/" data-page="{other.pk}">About</a></p>'
            + link(other, "#x")
            + f'<p>See <a href="/other/" data-page="{other.pk}">Team</a></p>'
        )
        assert pointing_to(branch) == []
        assert Text.objects.get(pk=inside.pk).text == link(about)

    def test_only_what_is_allowed(self, site):
        about, other = make_page("About"), make_page("Other")
        source = make_text(make_page("Source"), link(about))
        set_footer(site, link(about))
        assert retarget(Branch.of([about]), other, [Text]) == [(Page, source.parent_id)]
        assert [each.name for each in pointing_to(Branch.of([about]))] == ["site settings"]


def reasons() -> list[tuple[str, str, str]]:
    return [(each.name, each.words, each.reason) for each in dead_links()]


class TestDeadLinks:
    def test_it_works(self, site):
        about, gone = make_page("About"), make_page("Gone")
        hidden, source = make_page("Hidden", is_published=False), make_page("Source")
        make_text(about, "<h2>Prices</h2>", 10)
        make_text(about, "<h2>Prices</h2><h3>价格</h3>", 20)
        right = ["", "#prices", "#prices-2", "#价格", "#%E4%BB%B7%E6%A0%BC", "#content"]
        make_text(source, "".join(link(about, tail) for tail in right) + link(gone) + link(hidden))
        make_text(source, '<h2>One</h2><a href="#one">1</a><a href="#two">2</a>' + link(about, "#prices-3"), 5)
        make_text(hidden, link(gone))
        set_footer(site, link(gone) + link(about))
        gone.delete()
        assert reasons() == [
            ("site settings", "Gone", "the page is gone"),
            ("Source", "2", "the page has no such heading"),
            ("Source", "About", "the page has no such heading"),
            ("Source", "Gone", "the page is gone"),
            ("Source", "Hidden", "visitors see only the words, because the page is not public"),
        ]

    def test_addresses_without_a_key(self):
        make_page("About")
        text = make_text(make_page("Source"))
        hrefs = ["/about/", "/ABOUT", "/contact/", "/contact", "/media/x.pdf", "https://example.org/", "/gone/"]
        Text.objects.filter(pk=text.pk).update(text="".join(f'<a href="{href}">{href}</a>' for href in hrefs))
        assert reasons() == [("Source", "/gone/", "there is no page at this address")]

    def test_it_takes_as_many_queries_for_many_pages(self):
        make_text(make_page("Source"), "<h2>One</h2>")
        for number in range(3):
            make_text(make_page(f"Page {number}"), link(Page.objects.first(), "#two"))
        with CaptureQueriesContext(connection) as few:
            assert len(dead_links()) == 3
        for number in range(3, 20):
            make_text(make_page(f"Page {number}"), link(Page.objects.first(), "#two"))
        with CaptureQueriesContext(connection) as many:
            assert len(dead_links()) == 20
        assert len(many) == len(few) <= 10


class TestReferAll:
    def test_texts_of_an_older_release_get_keys(self, site):
        about = make_page("About")
        team = make_page("Team", parent=about)
        text, other = make_text(team), make_text(about)
        old = '<p><a href="../" title="a &amp; b">us</a> <a href="/gone/">x</a> <a href="https://example.org">y</a></p>'
        Text.objects.filter(pk=text.pk).update(text=old)
        Text.objects.filter(pk=other.pk).update(text='<a href="/x/">x</a>')
        SiteSettings.objects.update(footer_text='<a href="http://localhost:8099/about#us">us</a>')
        assert refer_all() == 2
        text.refresh_from_db()
        site.refresh_from_db()
        assert text.text == old.replace(
            '"../" title="a &amp; b"', f'"/about/" title="a &amp; b" data-page="{about.pk}"'
        )
        assert site.footer_text == f'<a href="/about/#us" data-page="{about.pk}">us</a>'
        assert refer_all() == 0

    def test_in_batches(self, monkeypatch):
        monkeypatch.setattr("myweb.pages.pointing.AT_ONCE", 2)
        monkeypatch.setattr("myweb.pages.pointing.REFERRED_AT_ONCE", 3)
        about = make_page("About")
        pages = [make_text(about, ordering=number).pk for number in range(7)]
        Text.objects.update(text='<a href="/about/">us</a>')
        assert refer_all() == len(pages)
        assert set(Text.objects.values_list("text", flat=True)) == {f'<a href="/about/" data-page="{about.pk}">us</a>'}
