"""README, CONTRIBUTING and docs/ tell the truth."""

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
README, OPERATOR, CONTRIBUTING = (
    (ROOT / name).read_text() for name in ("README.md", "docs/operator.md", "CONTRIBUTING.md")
)
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
ALL = "\n".join(document.read_text() for document in DOCUMENTS)

# By which test each command is run as it stands there, or by itself
RUN_BY = {
    "docker compose up": "deploy/test_compose.py::test_visitor_gets_pages_with_all_that_is_in_them",
    "deploy/up": "deploy/test_up.py::test_it_says_where_the_site_is",
    "deploy/up --prepare": "deploy/test_up.py::test_prepare_starts_nothing",
    "tests/run --quick": "deploy/test_clone.py::test_quick_tests",
    "./manage.py dev": "operations/test_dev.py::test_it_works",
    "./manage.py makemessages": "test_code.py::test_new_text_changes_two_lines",
    "./manage.py doctor": "operations/doctor/test_doctor.py::test_as_the_operator_types_it",
    "./manage.py backup && ./manage.py backup --prove": "operations/test_documents.py::test_every_night",
    "deploy/install": "deploy/test_install.py::test_it_says_what_is_next",
    "deploy/install --domain www.example.org --email you@example.org": "deploy/test_install_https.py::test_it_works",
}


def blocks(text: str = OPERATOR) -> list[list[str]]:
    """Return the indented blocks of commands; code is between fences."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"(?:^    \S.*\n)+", text, re.MULTILINE)
    return [[line.strip() for line in block.splitlines()] for block in found]


def test_readme_is_for_the_first_hour():
    assert len(README.splitlines()) <= 120


def test_every_command_is_run_by_a_test():
    lines = {re.sub(r" +#.*", "", line) for block in blocks(ALL) for line in block}
    by_hand = {line for block in blocks() if "python manage.py prepare" in block for line in block}
    mail = {line for line in lines if re.match("[A-Z_]+=", line)}
    here = {". .venv/bin/activate", "uwsgi --ini deploy/myweb_uwsgi.ini", "tests/run"}  # Site.spawn_uwsgi, and this
    with_sudo = {line for line in lines if line.startswith("sudo ")}  # would change this machine
    assert lines - by_hand - mail - here - with_sudo == RUN_BY.keys()
    for test in RUN_BY.values():
        name, _colons, function = test.partition("::")
        assert f"def {function}(" in (ROOT / "tests" / name).read_text(), test


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_table_has_every_setting_and_no_other():
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", OPERATOR, re.MULTILINE))
    read = set(re.findall(r'read\(\s*"([A-Z_]+)"', (ROOT / "myweb" / "settings.py").read_text()))
    assert named == read


def test_commands_exist():
    named = set(re.findall(r"manage\.py ([a-z_]+)", ALL))
    assert {"setup_link", "demo", "update_pages", "nginx_config", "prepare"} <= named <= set(get_commands())


def test_it_begins_with_what_is_all_it_takes():
    assert [command.split()[0] for command in blocks(README)[0]] == ["docker", "deploy/up", "tests/run"]


def test_paths_exist():
    for path in re.findall(r"`((?:myweb|deploy|docs|tests)/[\w./]+)`", ALL):
        assert (ROOT / path).exists(), path


def test_packages_are_those_that_deploy_up_installs():
    [named] = [line for block in blocks() for line in block if line.startswith("sudo apt-get install")]
    [listed] = re.findall(r"^packages=\((.*)\)", (ROOT / "deploy" / "common.sh").read_text(), re.MULTILINE)
    assert {"nginx", *listed.split()} - {"python3"} == set(named.split()[4:])


@pytest.mark.nginx
def test_steps_by_hand_lead_to_a_site():
    """The commands as they stand there, by somebody who is not root."""
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
