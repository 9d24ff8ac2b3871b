"""Killed and out of room while a draft is published: live is the old content or the new one, whole."""

import os
from collections.abc import Iterator

import pytest

from tests.contact.torture import postgres_database
from tests.desk.faults import WAYS, Desk, desk
from tests.publishing.site_tools import needs_postgres
from tests.site import Site

pytestmark = [pytest.mark.nginx, pytest.mark.slow("publishes on a real site, again and again")]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def site_with_drafts(request: pytest.FixtureRequest, site: Site) -> Iterator[Desk]:
    if request.param == "sqlite":
        with desk(site) as sqlite:
            yield sqlite
        return
    with postgres_database(os.environ["MYWEB_TEST_POSTGRES"]) as url, desk(site, DATABASE_URL=url) as postgres:
        yield postgres


# Every third step of each way, and another third of it in the next one; tests/torture/drafts takes all.
@pytest.mark.parametrize(("first", "way"), list(enumerate(WAYS)))
def test_killed(site_with_drafts, first, way):
    before = site_with_drafts.counts.copy()
    site_with_drafts.kill_at_steps(way, first, 3)
    counts = site_with_drafts.counts - before
    print(dict(counts))
    assert counts["killed"] >= 6
    assert counts["old"]
    assert counts["new"]


@pytest.mark.parametrize(("first", "way"), list(enumerate(WAYS)))
def test_full_disk(site_with_drafts, first, way):
    before = site_with_drafts.counts.copy()
    site_with_drafts.fill_at_steps(way, first, 3)
    counts = site_with_drafts.counts - before
    print(dict(counts))
    assert counts["filled"] >= 6
    assert counts["old"]
    assert counts["new"]
