import os
import subprocess
import sys

import pytest

from myweb.publishing import release
from tests.test_settings import read

SAY = "import django; django.setup(); from myweb.publishing.release import own_release; print(own_release())"


def said(**environment: str) -> str:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "myweb.settings"} | environment
    return subprocess.run([sys.executable, "-c", SAY], env=env, capture_output=True, text=True, check=True).stdout


def test_it_is_the_same_in_every_process_with_the_same_settings():
    first = said(PYTHONHASHSEED="1")
    assert said(PYTHONHASHSEED="2") == first
    assert said(PYTHONHASHSEED="2", TIME_ZONE="Asia/Shanghai") != first


def test_settings(settings):
    environments = [
        {},
        {"SITE_URL": "https://www.example.org"},
        {"LANGUAGE_CODE": "zh-hans"},
        {"TIME_ZONE": "Asia/Shanghai"},
    ]
    releases = []
    for environment in environments:
        settings.ENVIRONMENT_DIGEST = read("ENVIRONMENT_DIGEST", **environment)["ENVIRONMENT_DIGEST"]
        releases.append(release.own_release.__wrapped__())
    assert len(set(releases)) == 4, releases


@pytest.mark.parametrize("name", ["myweb/views.py", "myweb/templates/page.html", "myweb/locale/zh_Hans/django.mo"])
def test_code(settings, tmp_path, name):
    settings.BASE_DIR = tmp_path
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    names = [release.own_release.__wrapped__()]
    for content in ("one", "two"):
        file.write_text(content)
        names.append(release.own_release.__wrapped__())
    assert len(set(names)) == 3


def test_static_files(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    before = release.own_release.__wrapped__()
    (tmp_path / "staticfiles.json").write_text("{}")
    assert release.own_release.__wrapped__() != before


def test_packages(monkeypatch):
    before = release.own_release.__wrapped__()
    monkeypatch.setattr(release.metadata, "distributions", lambda: [])
    assert release.own_release.__wrapped__() != before


def test_start_of_the_machine(monkeypatch, tmp_path):
    before, release_before = release.boot.__wrapped__(), release.own_release.__wrapped__()
    assert before
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("another\n")
    monkeypatch.setattr(release, "BOOT_ID", boot_id)
    assert release.boot.__wrapped__() == "another"
    assert release.own_release.__wrapped__() == release_before  # a command need not see the same


def test_compiled_code_does_not_count(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    before = release.own_release.__wrapped__()
    (tmp_path / "myweb").mkdir()
    (tmp_path / "myweb" / "views.cpython-311.pyc").write_bytes(b"x")
    assert release.own_release.__wrapped__() == before
