from pathlib import Path

import pytest

from myweb.publishing import current, files
from tests.factories import make_page, make_text


@pytest.fixture
def root(settings, tmp_path, monkeypatch) -> Path:
    """Where this test publishes; nothing is published yet."""
    settings.PUBLISHED_ROOT = tmp_path / "published"
    for module in (current, files):
        monkeypatch.setattr(module, "_has_failed", False)
    for name in ("_has_to_start", "_serves"):
        monkeypatch.setattr(current, name, False)
    return settings.PUBLISHED_ROOT


@pytest.fixture
def published(transactional_db, root) -> Path:
    """What Nginx looks into, for a site that has started."""
    page = make_page("Home", slug="")
    make_text(page)
    current.start()
    return root / "current"
