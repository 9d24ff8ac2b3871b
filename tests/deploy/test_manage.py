import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import needs_root
from tests.site import ROOT

pytestmark = pytest.mark.nginx


@pytest.mark.parametrize("command", [["check"], ["help"], ["migrate", "--help"]])
def test_malformed_setting_is_one_sentence(site, command):
    site_url, site.env["SITE_URL"] = site.env.get("SITE_URL"), "nonsense"
    try:
        result = site.manage(*command)
    finally:
        site.env["SITE_URL"] = site_url or f"http://localhost:{site.port}"
    assert result.returncode == 1
    assert result.stderr.startswith("myweb: SITE_URL ")
    assert result.stderr.count("\n") == 1


def test_before_var_exists(tmp_path):
    result = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"],
        env={"PATH": "/usr/bin:/bin", "MYWEB_VAR": str(tmp_path / "none")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("myweb: SECRET_KEY is not set")
    assert not (tmp_path / "none").exists()


def start(manage: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run manage.py as a shell would, without the environment."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "MYWEB_VAR": str(tmp_path / "none")}
    return subprocess.run([manage, "version"], env=environment, capture_output=True, text=True)


def test_it_finds_its_environment(tmp_path):
    result = start(ROOT / "manage.py", tmp_path)
    assert result.stderr.startswith("myweb: SECRET_KEY is not set")


def test_without_its_environment_it_says_what_to_do(tmp_path):
    result = start(Path(shutil.copy(ROOT / "manage.py", tmp_path)), tmp_path)
    assert result.stderr.startswith("myweb: its Python packages are not installed here: run deploy/up --prepare once.")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)


def test_it_works(site):
    result = site.manage("check")
    assert result.returncode == 0, result.stderr


@needs_root
def test_root_leaves_files_of_the_owner(site):
    with site.sibling() as other:
        (other.var / "db.sqlite3").unlink()
        python, manage = other.root / ".venv" / "bin" / "python", other.root / "manage.py"
        result = other.run(python, manage, "prepare", "--new", cwd="/root")
        assert result.returncode == 0, result.stderr
        for name in ("db.sqlite3", "nginx/nginx.conf"):
            assert (other.var / name).owner() == "www-data"


@needs_root
def test_environment_is_kept(site):
    program = "import os; print(os.environ['MYWEB_PORT'], os.environ['HOME'], os.getuid() != 0)"
    assert site.manage("shell", "--no-imports", "-c", program).stdout.split() == [str(site.port), str(site.var), "True"]


@needs_root
def test_as_site_user(site):
    assert site.run(site.root / "deploy" / "as_site_user", "id", "-nu").stdout == "www-data\n"
    assert site.run(site.root / "deploy" / "as_site_user", "false").returncode == 1
    assert site.run(site.root / "deploy" / "as_site_user").returncode == 2
