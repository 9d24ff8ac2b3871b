"""README tells the truth."""

import os
import re
import shutil
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.server import checkout
from tests.site import Site, wait_for
from tests.test_settings import start

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks() -> list[list[str]]:
    """Return the indented blocks of commands."""
    found = re.findall(r"(?:^    \S.*\n)+", README, re.MULTILINE)
    return [[line.strip() for line in block.splitlines()] for block in found]


def test_table_has_every_setting_and_no_other():
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    read = set(re.findall(r'read\(\s*"([A-Z_]+)"', (ROOT / "myweb" / "settings.py").read_text()))
    assert named == read


def test_commands_exist():
    named = set(re.findall(r"manage\.py ([a-z_]+)", README))
    assert {"setup_link", "demo", "update_pages", "nginx_config", "prepare"} <= named <= set(get_commands())


def test_it_begins_with_what_is_all_it_takes():
    assert [command.split()[0] for command in blocks()[0]] == ["docker", "deploy/up", "tests/run"]


def test_paths_exist():
    for path in re.findall(r"`((?:myweb|deploy|tests)/[\w./]+)`", README):
        assert (ROOT / path).exists(), path


def test_packages_are_those_that_deploy_up_installs():
    [named] = [line for block in blocks() for line in block if line.startswith("sudo apt-get install")]
    [listed] = re.findall(r"^packages=\((.*)\)", (ROOT / "deploy" / "common.sh").read_text(), re.MULTILINE)
    assert {"nginx", *listed.split()} - {"python3"} == set(named.split()[4:])


@pytest.mark.nginx
def test_steps_by_hand_lead_to_a_site():
    """The commands of README, as they stand there, by somebody who is not root."""
    [steps] = [block for block in blocks() if "python manage.py prepare" in block]
    user = "www-data" if os.geteuid() == 0 else None
    with Site(user=user) as site:
        clone = site.directory / "clone"
        checkout(clone)
        for path in [clone, *clone.rglob("*")]:
            if user:
                shutil.chown(path, user)
        del site.env["MYWEB_VAR"]
        site.root, site.var = clone, clone / "var"
        script = "\n".join(["set -e", *(step for step in steps if not step.startswith("sudo "))])
        done = site.run("bash", "-c", script)
        assert done.returncode == 0, done.stdout + done.stderr
        site.spawn_uwsgi()
        site.spawn_nginx()
        wait_for(lambda: site.get("/healthz").status == 200, "the site answers")
        assert site.get("/").status == 200


def test_mail_settings_for_gmail_can_be_used():
    [block] = [block for block in blocks() if block[0].startswith("EMAIL_HOST=")]
    settings = start("EMAIL_HOST", "EMAIL_PORT", **dict(line.split("=", 1) for line in block), SECRET_KEY="k" * 50)
    assert settings.returncode == 0, settings.stderr
    assert '"EMAIL_PORT": 587' in settings.stdout
