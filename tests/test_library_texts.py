"""Nobody who reads Chinese meets English words of Django's admin."""

import re
from pathlib import Path

import pytest
from django.contrib import admin, auth
from django.utils.translation import gettext, override

from myweb.library_texts import DJANGO

MESSAGE = re.compile(r'^(msgctxt .*\n)?msgid ((?:".*"\n)+)msgstr', re.MULTILINE)


def words_of(package: Path) -> list[str]:
    catalogue = (package / "locale" / "en" / "LC_MESSAGES" / "django.po").read_text()
    parts = [re.findall('"(.*)"', quoted) for context, quoted in MESSAGE.findall(catalogue) if not context]
    return [words.replace('\\"', '"').replace("\\n", "\n") for words in map("".join, parts) if words]


@pytest.mark.parametrize("module", [admin, auth])
def test_admin_is_in_chinese(module):
    with override("zh-hans"):
        english = [words for words in words_of(Path(module.__file__).parent) if gettext(words) == words]
    # Some are but signs, or placeholders.
    assert [words for words in english if re.search("[a-z]{3}", re.sub(r"%\(\w+\)s", "", words))] == []


def test_only_what_is_missing_is_ours():
    assert set(DJANGO) <= set(words_of(Path(admin.__file__).parent))
