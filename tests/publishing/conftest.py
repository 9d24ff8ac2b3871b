from pathlib import Path

import pytest

from myweb.publishing.publisher import publisher
from tests.factories import make_page, make_text


@pytest.fixture
def root(settings, tmp_path) -> Path:
    """Where this test publishes; nothing is published yet."""
    settings.PUBLISHED_ROOT = tmp_path / "published"
    return settings.PUBLISHED_ROOT


@pytest.fixture
def published(transactional_db, root) -> Path:
    """What Nginx looks into, for a site that has started."""
    page = make_page("Home", slug="")
    make_text(page)
    publisher().start()
    return root / "current"
