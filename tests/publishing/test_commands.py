import gzip

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from myweb.publishing import rendering
from myweb.publishing.publisher import publisher
from tests.factories import make_page

pytestmark = pytest.mark.django_db(transaction=True)


def test_publish(published, capsys):
    make_page("About us")
    call_command("publish")
    assert "Published: 4 addresses." in capsys.readouterr().out
    for name in ("index.html", "about-us/index.html", "robots.txt", "sitemap.xml"):
        assert (published / name).exists()


def test_publish_names_what_cannot_be_kept(published, capsys):
    make_page("页" * 90, slug="页" * 90)
    call_command("publish")
    assert f"Not published, as its answer cannot be kept as a file: /{'页' * 90}/" in capsys.readouterr().out


def test_publish_begins_again_when_the_content_changes(published, capsys, monkeypatch):
    original, done = rendering.render, []

    def render(path):
        if not done:
            make_page("New")
        done.append(path)
        return original(path)

    monkeypatch.setattr(rendering, "render", render)
    call_command("publish")
    assert "Once more" in capsys.readouterr().out
    assert (published / "new" / "index.html").exists()


def test_publish_with_other_settings_than_the_site(published, monkeypatch):
    monkeypatch.setattr("myweb.publishing.publisher.own_release", lambda: "other")
    with pytest.raises(CommandError, match="restart the site, or give the command the same environment"):
        call_command("publish")


def test_publish_where_no_site_was_started(published):
    published.unlink()
    with pytest.raises(CommandError, match="the site was never started here"):
        call_command("publish")


def test_unpublish_and_publish(published, client):
    call_command("publish")
    call_command("unpublish")
    assert not published.exists()
    assert client.get("/").status_code == 200
    make_page("About us")
    publisher().follow()
    assert not published.exists()
    call_command("publish")
    assert (published / "about-us" / "index.html").exists()


def test_what_was_written_around_django(published):
    """As with `psql` and `sqlite3`: nobody sees it, so it takes both commands."""
    call_command("publish")
    connection.ensure_connection()
    connection.connection.execute("UPDATE pages_text SET text = '<p>By hand</p>'")
    call_command("publish")
    assert b"By hand" not in (published / "index.html").read_bytes()
    call_command("unpublish")
    call_command("publish")
    assert b"By hand" in (published / "index.html").read_bytes()


def test_verify_published(published, capsys):
    call_command("publish")
    call_command("verify_published")
    assert "All 3 published addresses are the site's answers." in capsys.readouterr().out


@pytest.mark.parametrize("form", ["index.html", "index.html.gz", "index.html.br", "gone/index.html"])
def test_verify_finds_what_differs(published, capsys, form):
    call_command("publish")
    if form.startswith("gone"):
        (published / "gone").mkdir()
        (published / form).write_text("old")
    elif form.endswith(".gz"):
        (published / form).write_bytes(gzip.compress(b"old"))
    else:
        (published / form).write_bytes(b"old")
    with pytest.raises(CommandError, match=r"^1 of \d published addresses"):
        call_command("verify_published")
    assert f"differs: /{'gone/' if 'gone' in form else ''}\n" in capsys.readouterr().out


def test_verify_writes_nothing(published):
    call_command("publish")
    (published / "robots.txt").write_text("old")
    with pytest.raises(CommandError):
        call_command("verify_published")
    assert (published / "robots.txt").read_text() == "old"
