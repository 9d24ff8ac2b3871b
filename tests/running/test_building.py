import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from myweb.running.building import compile_translations
from myweb.running.steps import Refusal
from tests.site import ROOT

CATALOGUE = Path("myweb/locale/zh_Hans/LC_MESSAGES/django.po")


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / CATALOGUE).parent.mkdir(parents=True)
    shutil.copy(ROOT / CATALOGUE, tmp_path / CATALOGUE)
    return tmp_path


def test_translations_are_compiled_once(root):
    compile_translations(root)
    compiled = (root / CATALOGUE).with_suffix(".mo")
    before = compiled.stat()
    compile_translations(root)
    assert compiled.stat() == before
    assert [path.name for path in compiled.parent.iterdir() if path.suffix == ".mo"] == ["django.mo"]


def test_translation_that_cannot_be_compiled(root):
    with (root / CATALOGUE).open("a") as catalogue:
        catalogue.write("\nnonsense\n")
    with pytest.raises(Refusal, match="syntax error"):
        compile_translations(root)
    assert not (root / CATALOGUE).with_suffix(".mo").exists()


@pytest.mark.slow("collects all static files")
def test_all_of_it(tmp_path):
    for name in ("myweb", "static", "manage.py"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for compiled in [*tmp_path.glob("**/*.mo"), *tmp_path.glob("**/*.pyc")]:
        compiled.unlink()
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "myweb.settings"}
    subprocess.run([sys.executable, "-m", "myweb.running.building"], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "collected" / "staticfiles.json").exists()
    assert (tmp_path / CATALOGUE).with_suffix(".mo").exists()
    assert [*(tmp_path / "myweb" / "running").glob("__pycache__/up.*.pyc")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collected", "manage.py", "myweb", "static"]
