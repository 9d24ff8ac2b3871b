import pytest

from myweb.publishing import following
from myweb.publishing.following import Follower
from myweb.publishing.publisher import publisher
from tests.factories import make_page
from tests.site import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_renders_the_pages_ahead_one_at_a_time(published):
    make_page("About us")
    follower = Follower()
    assert follower.step()
    assert (published / "index.html").exists()
    assert not (published / "about-us").exists()
    assert follower.step()
    assert (published / "about-us" / "index.html").exists()
    assert not follower.step()
    assert not (published / "sitemap.xml").exists()


def test_not_more_than_so_many(published, monkeypatch):
    monkeypatch.setattr(following, "AHEAD", 2)
    for title in ("One", "Two", "Three"):
        make_page(title)
    follower = Follower()
    assert [follower.step() for _ in range(3)] == [True, True, False]


def test_what_is_left_is_dropped_for_a_newer_generation(published, monkeypatch):
    pages = [make_page(f"Page {number}") for number in range(5)]
    follower = Follower()
    follower.step()
    pages[0].delete()
    rendered = []
    monkeypatch.setattr(following.rendering, "render", rendered.append)
    while follower.step():
        pass
    assert rendered == ["/", "/page-1/", "/page-2/", "/page-3/", "/page-4/"]


def test_what_a_visitor_was_quicker_with(published, client, monkeypatch):
    client.get("/")
    monkeypatch.setattr(following.rendering, "render", lambda path: pytest.fail(path))
    assert not Follower().step()


def test_another_release_renders_nothing(published, monkeypatch):
    monkeypatch.setattr("myweb.publishing.publisher.own_release", lambda: "other")
    assert not Follower().step()


def test_it_removes_what_is_outdated(published):
    old = [publisher().current.path]
    for title in ("One", "Two"):
        make_page(title)
        old.append(publisher().current.path)
    follower = Follower()
    follower.step()
    wait_for(lambda: not any(path.exists() for path in old[:-1]), "the old directories are gone")
    assert old[-1].exists()


def test_site_that_is_not_published(published):
    published.unlink()
    published.parent.joinpath("nothing").mkdir()
    assert Follower().step()  # it took up publishing again
    assert published.is_symlink()
