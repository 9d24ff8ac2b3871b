import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from myweb.pages.models import Page, SiteSettings
from tests.factories import make_page, make_text
from tests.site import wait_for

pytestmark = pytest.mark.django_db


def refused(field: str, page: Page) -> str:
    """Return the one sentence at `field` with which `page` is refused."""
    with pytest.raises(ValidationError) as refusal:
        page.full_clean()
    [sentence] = refusal.value.message_dict[field]
    return sentence


def test_it_works():
    page = make_page("About us", slug="about-us")
    assert (page.path, page.is_public, page.language_code) == ("/about-us/", True, "en")


def test_home_page_is_at_the_root(home):
    assert home.path == "/"


def test_addresses_may_be_chinese():
    page = make_page("团队", slug="团队", parent=make_page("关于我们", slug="关于我们"))
    assert page.path == "/关于我们/团队/"
    assert page.absolute_url == "http://localhost:8099/%E5%85%B3%E4%BA%8E%E6%88%91%E4%BB%AC/%E5%9B%A2%E9%98%9F/"


def test_empty_address_below_a_page_comes_from_the_title():
    assert make_page("Our Team", slug="", parent=make_page("About us")).path == "/about-us/our-team/"


def test_address_without_letters_is_asked_for():
    page = Page(title="!!!", parent=make_page("About us"))
    assert refused("slug", page) == "Please fill in an address."


def test_page_below_the_home_page_is_refused(home):
    assert "below the home page" in refused("parent", Page(title="Rooms", slug="rooms", parent=home))


def test_page_with_pages_below_cannot_become_the_home_page():
    about = make_page("About us")
    make_page("Team", parent=about)
    about.slug = ""
    assert refused("slug", about) == "There are pages below this one, so it cannot be the home page."


def test_taken_address_is_refused():
    make_page("About us")
    assert refused("slug", Page(title="Other", slug="about-us")) == "“About us” has this address already."


def test_address_that_differs_only_in_case_or_accents_is_refused():
    make_page("Café", slug="caf\u00e9")
    assert refused("slug", Page(title="Other", slug="CAFE\u0301")) == "“Café” has this address already."


def test_page_may_change_the_case_of_its_own_address():
    page = make_page("About us")
    page.slug = "About-Us"
    page.full_clean()


@pytest.mark.parametrize("slug", ["admin", "static", "media", "Admin", "contact", "healthz", "METRICS"])
def test_address_of_the_site_itself_is_refused(slug):
    assert "used by the site itself" in refused("slug", Page(title="Mine", slug=slug))


def test_address_of_the_site_itself_is_free_below_a_page():
    assert make_page("Admin", parent=make_page("Team")).path == "/team/admin/"


def test_page_that_has_an_address_of_the_site_itself_can_be_saved():
    """It was possible once."""
    page = make_page("Health")
    Page.objects.filter(pk=page.pk).update(slug="healthz", path="/healthz/")
    page.refresh_from_db()
    page.full_clean()


def test_page_cannot_be_moved_below_itself():
    top = make_page("Top")
    below = make_page("Below", parent=top)
    top.parent = below
    assert refused("parent", top) == "A page cannot be moved below itself."
    top.parent = top
    assert refused("parent", top) == "A page cannot be moved below itself."


def test_too_long_address_is_refused_for_the_pages_below_too():
    page = top = make_page("Top")
    for _ in range(5):
        page = make_page("x" * 100, slug="x" * 100, parent=page)
    assert "too long" in refused("slug", Page(title="y", slug="y" * 100, parent=page))
    top.slug = "z" * 100
    assert "too long" in refused("slug", top)


def test_end_before_the_beginning_is_refused():
    now = timezone.now()
    page = Page(title="Sale", slug="sale", publish_from=now, publish_until=now - timedelta(hours=1))
    assert "later" in refused("publish_until", page)


def test_new_address_reaches_the_pages_below(django_assert_max_num_queries):
    top = make_page("Top")
    leaf = make_page("Leaf", parent=make_page("Middle", parent=top))
    other = make_page("Top two", slug="top-two")
    top.slug = "new"
    with django_assert_max_num_queries(12):
        top.save()
    leaf.refresh_from_db()
    other.refresh_from_db()
    assert (leaf.path, other.path) == ("/new/middle/leaf/", "/top-two/")


def test_move_takes_the_pages_below_along():
    top, other = make_page("Top"), make_page("Other")
    leaf = make_page("Leaf", parent=top)
    top.parent = other
    top.full_clean()
    top.save()
    leaf.refresh_from_db()
    assert leaf.path == "/other/top/leaf/"


def test_pages_below_a_hidden_page_are_hidden_and_come_back():
    top = make_page("Top")
    leaf = make_page("Leaf", parent=make_page("Middle", parent=top))
    top.is_published = False
    top.save()
    assert not Page.objects.published().exists()
    top.is_published = True
    top.save()
    leaf.refresh_from_db()
    assert leaf.is_public


def test_language_comes_from_the_page_above(settings):
    top = make_page("关于我们", slug="关于我们", language="zh-hans")
    leaf = make_page("Leaf", parent=make_page("团队", slug="团队", parent=top))
    assert leaf.language_code == "zh-hans"
    top.language = ""
    top.save()
    leaf.refresh_from_db()
    assert leaf.language_code == "en"
    settings.LANGUAGE_CODE = "zh-hans"
    assert leaf.language_code == "zh-hans"


class TestSchedule:
    def test_page_appears_and_disappears(self):
        now = timezone.now()
        page = make_page("Sale", publish_from=now + timedelta(hours=1))
        below = make_page("Shoes", parent=page)
        assert not page.is_public
        assert Page.update_due() == 0

        Page.objects.filter(pk=page.pk).update(publish_from=now - timedelta(seconds=1))
        assert Page.update_due() == 1
        below.refresh_from_db()
        assert below.is_public

        Page.objects.filter(pk=page.pk).update(publish_until=now)
        assert Page.update_due() == 1
        below.refresh_from_db()
        assert not below.is_public
        assert Page.update_due() == 0

    def test_unpublished_page_does_not_appear(self):
        make_page("Draft", is_published=False, publish_from=timezone.now() - timedelta(hours=1))
        assert Page.update_due() == 0

    def test_page_below_a_hidden_one_waits_for_it(self):
        top = make_page("Top", is_published=False)
        make_page("Sale", parent=top, publish_from=timezone.now() - timedelta(hours=1))
        assert Page.update_due() == 0

    def test_ended_page_does_not_come_back(self):
        past = timezone.now() - timedelta(hours=2)
        make_page("Sale", publish_from=past, publish_until=past + timedelta(hours=1))
        assert Page.update_due() == 0

    def test_what_the_owner_typed_meanwhile_is_kept(self):
        page = make_page("Sale", publish_from=timezone.now() + timedelta(hours=1))
        Page.objects.filter(pk=page.pk).update(title="Big sale", publish_from=timezone.now() - timedelta(seconds=1))
        Page.update_due()
        page.refresh_from_db()
        assert (page.title, page.is_public) == ("Big sale", True)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_page_that_is_added_while_the_one_above_is_renamed_has_the_new_address():
    """On SQLite there is only one writer at a time anyway."""
    top = make_page("Top")
    renamed = threading.Event()

    def add() -> None:
        try:
            renamed.wait(10)
            Page(title="Below", slug="below", parent=top).save()
        finally:
            connection.close()

    thread = threading.Thread(target=add)
    thread.start()
    with transaction.atomic():
        other = Page.objects.get(pk=top.pk)
        other.slug = "new"
        other.save()
        renamed.set()
        wait_for(is_somebody_waiting, "the other one waits for the lock")
    thread.join()
    assert Page.objects.get(slug="below").path == "/new/below/"


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


class TestText:
    def test_only_what_the_editor_makes_is_kept(self):
        block = make_text(
            make_page(),
            '<p style="color:red" onclick="x()">One <strong>two</strong></p><script>x()</script>'
            "<p>three</p><img src=x><table><tbody><tr><td>4</td></tr></tbody></table>",
        )
        assert block.text == (
            "<p>One <strong>two</strong></p><p>three</p><table><tbody><tr><td><p>4</p></td></tr></tbody></table>"
        )

    def test_excerpt_is_plain_words(self):
        block = make_text(make_page(), "<h2>Fish &amp; chips</h2><p>Every<br>Friday</p>")
        assert block.excerpt(100) == "Fish & chips Every Friday"
        assert block.excerpt(8) == "Fish & …"


class TestSiteSettings:
    def test_before_the_owner_saved_any(self):
        assert SiteSettings.load().name == "localhost"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans are SQLite's")
def test_what_is_asked_often_takes_no_look_at_every_page(client):
    """Neither a page with its menus nor what is due, which is asked twice a second."""
    page = make_page("About us", menu="main")
    make_page("Team", parent=page)
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/about-us/").status_code == 200
        Page.update_due()
    asked = [query["sql"] for query in queries if 'FROM "pages_page"' in query["sql"]]
    assert len(asked) == 4
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        scans = [step for step in plan if step.startswith("SCAN") and "pages_scheduled" not in step]
        assert not scans, (sql, plan)
