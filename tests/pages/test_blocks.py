"""What holds for every kind of block, and how one is added."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.template.loader import get_template
from django.utils import timezone

from myweb.db.compiled import _compiled as compiled_before
from myweb.pages.blocks import REGION, Block, blocks_of, kinds
from myweb.pages.models import Page
from tests.factories import make_page, make_picture, make_text
from tests.server import checkout

ROOT = Path(__file__).parents[2]

USE = """\
import pytest

from myweb.pages.models import Page
from tests.admin_forms import ADD, add_block, new_form
from tests.factories import make_picture, make_text


@pytest.fixture
def page(admin_client) -> Page:
    url, data = new_form(admin_client)
    data |= {"title": "Rooms", "slug": "rooms", "is_home": "", "is_published": "on"}
    add_block(data, "quote", saying="Less & <b>more</b>", source="A guest")
    assert admin_client.post(url, data).status_code == 302
    return Page.objects.get()


def test_from_admin_to_visitor(page, client):
    html = client.get("/rooms/").content.decode()
    assert "<blockquote><p>Less &amp; &lt;b&gt;more&lt;/b&gt;</p></blockquote>" in html
    assert "<figcaption>A guest</figcaption>" in html
    assert '<meta name="description" content="Less &amp; &lt;b&gt;more&lt;/b&gt;">' in html


def test_it_is_found(page, admin_client):
    assert "/rooms/" in admin_client.get("/admin/pages/page/?q=guest").content.decode()


def test_it_is_offered_in_chinese(page, admin_client):
    html = admin_client.get(ADD, headers={"accept-language": "zh-hans"}, follow=True).content.decode()
    assert "引语" in html


def test_it_costs_no_query(page, client, media, django_assert_num_queries):
    make_text(page)
    make_picture(page)
    with django_assert_num_queries(5):
        assert client.get("/rooms/").status_code == 200
"""


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_kind_is_whole(kind):
    assert kind.icon
    assert kind.__doc__
    assert "__str__" in vars(kind)
    assert {field.name for field in kind._meta.fields}.issuperset(kind.search_fields)
    get_template(kind().template_name)


@pytest.mark.django_db
def test_blocks_are_read_as_django_reads_them(media):
    """Whatever the types of their columns."""
    page = make_page()
    picture, text = make_picture(page, caption="湖 “quoted” \\ \n"), make_text(page)
    picture.finish()
    make_text(make_page("Another"))
    assert blocks_of(page) == [text, picture]
    assert_same_as_stored(page)


@pytest.fixture
def note_kind(settings, transactional_db) -> Iterator[type[Block]]:
    """A kind that only the tests have, with its table."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.pages.notes"]
    apps.clear_cache()  # or pages would not know of it, the second time that it comes
    compiled_before.cache_clear()
    kind = apps.get_model("notes", "Note")
    with connection.schema_editor() as editor:
        editor.create_model(kind)
    yield kind
    compiled_before.cache_clear()
    with connection.schema_editor() as editor:
        editor.delete_model(kind)


def test_kinds_of_other_apps_are_found(note_kind, client):
    page = make_page()
    note_kind.objects.create(
        parent=page,
        region=REGION,
        words="Less & more",
        at=timezone.now(),
        on=date(2026, 2, 28),
        price=Decimal("0.10"),
        is_new=True,
        tags={"a": [1, "湖", None]},
        seen_by=page,
    )
    assert_same_as_stored(page)
    assert '<p class="note">Less &amp; more</p>' in client.get(page.path).content.decode()
    assert note_kind in kinds()


def assert_same_as_stored(page: Page) -> None:
    blocks = blocks_of(page)
    assert blocks
    for block in blocks:
        stored = type(block).objects.get(pk=block.pk)
        for field in block._meta.concrete_fields:
            value, expected = getattr(block, field.attname), getattr(stored, field.attname)
            assert (type(value), value) == (type(expected), expected), field
        assert block.parent is page


@pytest.mark.slow("makes a copy of the project and runs its tests")
def test_adding_one_takes_what_contributing_says(tmp_path):
    """And nothing else: no test that names the kinds there are, no list."""
    clone = tmp_path / "clone"
    checkout(clone)
    for path, content in files_of_contributing():
        with (clone / path).open("a") as file:
            file.write(content)
    (clone / "tests" / "pages" / "test_quote.py").write_text(USE)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"MYWEB_VAR": str(tmp_path / "var"), "SECRET_KEY": "k" * 50}
    for command in (
        ["manage.py", "makemessages"],
        ["manage.py", "makemigrations", "pages"],
        ["-m", "ruff", "format", "."],
        ["manage.py", "compilemessages"],
        ["-m", "pytest", "-q", "-m", "not nginx and not postgres and not slow", *TESTS],
    ):
        result = subprocess.run(
            [sys.executable, *command], cwd=clone, env=environment, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stdout + result.stderr


# Of what knows about blocks; and what the tools say of the new files
TESTS = [
    *(
        "tests/pages/test_quote.py",
        "tests/pages/test_blocks.py",
        "tests/pages/test_admin.py",
        "tests/pages/test_views.py",
    ),
    "tests/test_rights.py",
    "tests/test_admin_lists.py",
    "tests/test_code.py::test_ruff",
    "tests/test_code.py::test_mypy",
    "tests/test_code.py::test_catalogues_are_complete",
]


def files_of_contributing() -> list[tuple[str, str]]:
    """Return the path and content of each file that CONTRIBUTING.md shows; its first line, a comment, is the path."""
    _before, section = (ROOT / "CONTRIBUTING.md").read_text().split("\n## Add a block\n")
    fenced = re.findall(r"^```\w+\n\S+ ([\w./]+).*?\n(.*?)^```$", section.split("\n## ")[0], re.MULTILINE | re.DOTALL)
    assert len(fenced) == 4
    return fenced
