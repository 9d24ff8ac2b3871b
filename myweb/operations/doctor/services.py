"""What has to happen by itself: after the machine has started, every night, and before a certificate ends."""

import subprocess

from django.conf import settings

from myweb.installation import DOCKER, SERVER, here

from . import network
from .faults import Fault, NotChecked, quote

NIGHTLY = "nightly"  # of compose.yaml
SYSTEMCTL = "/usr/bin/systemctl"


def boot() -> str:
    """Look whether the site comes back with the machine."""
    if here() is DOCKER:
        raise NotChecked("Docker starts what ran before, if Docker itself is started with the machine.")
    if here() is not SERVER:
        raise NotChecked("Nothing here says who starts this site when the machine starts.")
    units = ["myweb.socket", "myweb.service", "nginx.service"]
    for unit in units:
        if (state := _ask("is-enabled", unit)) != "enabled":
            raise Fault(
                f"{unit} is {state}: when the machine starts again, the site does not come back.", _enable(unit, state)
            )
    return f"{', '.join(units)} start with the machine"


def nightly() -> str:
    """Look whether somebody makes the backups of the next nights."""
    if here() is DOCKER:
        if not _is_container(NIGHTLY):
            raise Fault(
                f"The container {NIGHTLY} does not run: no backups are made.",
                f"{here().start}; docker compose logs {NIGHTLY} says why it ended.",
            )
        return f"the container {NIGHTLY} runs"
    if here() is not SERVER:
        raise NotChecked("Nothing here says who makes the backups of this site; a timer should.")
    return _timer("myweb-nightly.timer", "no backups are made")


def renewal() -> str:
    """Look whether somebody renews the certificate."""
    if here() is not SERVER or not settings.SITE_URL.startswith("https:"):
        raise NotChecked("deploy/install got no certificate here.")
    if _ask("is-enabled", "certbot.timer") == "not-found":
        raise NotChecked("There is no certbot.timer here: somebody else renews the certificate.")
    return _timer("certbot.timer", "the certificate will not be renewed")


def _timer(unit: str, outcome: str) -> str:
    for question, right in (("is-enabled", "enabled"), ("is-active", "active")):
        if (state := _ask(question, unit)) != right:
            raise Fault(f"{unit} is {state}: {outcome}.", _enable(unit, state))
    return f"{unit} is waiting"


def _enable(unit: str, state: str) -> str:
    unmask = f"systemctl unmask {unit} && " if state.startswith("masked") else ""
    return f"Run {unmask}systemctl enable --now {unit}."


def _ask(question: str, unit: str) -> str:
    """Return systemctl's one word; raise NotChecked if it has none."""
    try:
        result = subprocess.run(
            [SYSTEMCTL, question, unit], capture_output=True, text=True, timeout=network.PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotChecked(f"systemd cannot be asked: {quote(error)}.") from error
    if state := result.stdout.strip():
        return state
    if "No such file" in result.stderr or "could not be found" in result.stderr:
        return "not-found"
    raise NotChecked(f"systemd cannot be asked: {quote(result.stderr)}.")


def _is_container(name: str) -> bool:
    """Return whether a service of compose.yaml runs: only then Docker knows its name."""
    try:
        network.resolve(network.Service("container", name, 0, "compose.yaml", "compose.yaml", ()))
    except Fault:
        return False
    return True
