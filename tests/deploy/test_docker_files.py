"""What is beside the code for Docker goes with the rest; tests/deploy/test_compose.py runs it."""

import re
import subprocess

import pytest

from tests.site import ROOT
from tests.test_settings import start

EXAMPLE = (ROOT / "deploy" / "myweb.env.example").read_text()
SETTINGS = dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_example_shows_every_setting_of_readme():
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "operator.md").read_text(), re.MULTILINE))
    assert set(SETTINGS) == table
    assert not re.search(r"^[^#\n]", EXAMPLE, re.MULTILINE)  # copied as it is, it changes nothing


def test_settings_of_the_example_can_be_used():
    values = {name: value.strip("'") for name, value in SETTINGS.items()}
    done = start("EMAIL_PORT", **values | {"SECRET_KEY": "k" * 50})
    assert done.returncode == 0, done.stderr


def test_images_have_the_packages_of_deploy_up():
    [listed] = re.findall(r"^packages=\((.*)\)", (ROOT / "deploy" / "common.sh").read_text(), re.MULTILINE)
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    packages = {stage.splitlines()[0].split()[-1]: packages_of(stage) for stage in stages}
    assert packages["build"] | packages["web"] == {"nginx", *listed.split()}


def packages_of(stage: str) -> set[str]:
    [*found] = re.findall(r"--no-install-recommends((?:[ \\\n]+[a-z][a-z0-9.\-]*)+)", stage)
    return set(" ".join(found).replace("\\", "").split())


def test_base_is_one_release_of_debian():
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {"debian:trixie-slim"}


@pytest.mark.parametrize("name", ["DATABASE_URL", "MYWEB_LISTEN", "MYWEB_PORT", "MYWEB_UWSGI_SOCKET", "MYWEB_VAR"])
def test_setting_that_compose_cannot_read_out_of_a_file_is_refused(tmp_path, name):
    said = {"DATABASE_URL_FILE": "/var/lib/myweb/database_url"}  # by compose.yaml
    said["SAID_DATABASE_URL_FILE" if name == "DATABASE_URL" else f"{name}_FILE"] = "/run/secrets/it"
    done = subprocess.run(
        [ROOT / "deploy/docker/prepare"], env={"MYWEB_VAR": str(tmp_path), **said}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"myweb: {name}_FILE cannot be used with Docker: ")
    assert not list(tmp_path.iterdir())
