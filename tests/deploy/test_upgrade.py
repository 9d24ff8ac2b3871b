"""Upgrades of a real server under load, to releases that work and to releases that do not."""

import pytest

from tests.contact.torture import open_forms
from tests.deploy.upgrades import BREAKAGES, lost, try_broken, version
from tests.server import Load, next_release

pytestmark = pytest.mark.server


@pytest.mark.parametrize("name", ["migration", "import", "health"])
def test_broken_release_ends_on_the_old_one(server, tmp_path, name):
    """With every page, and every message that was acknowledged before, during and after; tests/torture has more."""
    print(name, try_broken(server, tmp_path / "next", BREAKAGES[name]))


def test_upgrade_fails_no_request(server, tmp_path):
    server.push(next_release(tmp_path / "next", "0.2.0"), "/root/next")
    before = server.release()
    visitors = open_forms(server, 200)

    with Load(server, visitors) as load:
        output = server.install("/root/next")
        # Whatever it took: half a minute at least, some of it on the new release.
        while load.seconds() < 30:
            assert server.get("/").status == 200
    print(load)

    assert load.failures == []
    assert load.answered["kept"] > 100
    assert load.answered["fresh"] > 100
    assert load.answered["message"] > 10
    assert server.release().startswith("0.2.0-")
    assert version(server) == "0.2.0"
    assert lost(server, visitors) == []
    # The column that the old release did not know, while it wrote.
    assert server.evaluate("ContactMessage.objects.filter(since_0_2_0='new').count()") == server.messages().total()
    assert before in server.run("ls", "/srv/myweb/releases")
    assert "Nothing had to be changed." in server.install("/root/next"), output


def test_old_releases_are_removed(server):
    """Those that never worked are gone, and so are all but the last few of the others."""
    assert len(server.run("ls", "/srv/myweb/releases").split()) <= 3
