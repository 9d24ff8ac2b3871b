from pathlib import Path

import pytest

from myweb.pages import pictures
from myweb.pages.demo import PICTURES, loading
from tests.factories import make_upload


@pytest.fixture
def small_pictures(monkeypatch, media: Path) -> None:
    """Takes the seconds out of the renditions."""
    small = {name: pictures.prepare(make_upload((80, 50), name=name)) for name in PICTURES}
    monkeypatch.setattr(loading, "prepared_pictures", lambda: small)
