"""
Installs its own checkout on this server, or upgrades the site there, and goes back to the release before if the new one
does not work. deploy/install starts it, as root. Like all that it imports, it needs nothing but the system's Python and
its library, and so no release, however broken, to go back from it.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from . import releases
from .building import ROOT
from .releases import MANAGE
from .server import BASE, CERTIFICATE, CHALLENGES, ENVIRONMENT, VAR, Server, fill_var, is_newer
from .steps import Refusal, Steps, end_with, run, succeeds

LOG = Path("/var/log/myweb-install.log")
SEE = f"see {LOG}, and journalctl --unit myweb.service."
SETTINGS = """\
# The settings of the site; docs/operator.md has the table of all of them. \
After a change: deploy/install, which puts it in force.
SITE_URL=http://{address}
MYWEB_LISTEN=0.0.0.0
MYWEB_PORT=80
MYWEB_UWSGI_SOCKET=/run/myweb/uwsgi.sock
MYWEB_VAR={var}
"""


def keep(said: str) -> None:
    with LOG.open("a") as log:
        log.write(said)


class Installer:
    def __init__(self, step: Steps) -> None:
        self.step = step
        self.server = Server(step)
        self.release = releases.release_of(ROOT, BASE / "releases")
        self.before: dict[str, str] = {}  # an upgrade, by the path: refusals only

    # Preparing

    def make_user(self) -> None:
        if not succeeds("id", "-u", "myweb"):
            options = ["--system", "--user-group", "--home-dir", VAR, "--shell", "/usr/sbin/nologin"]
            self.step("Making the user myweb", "useradd", *options, "myweb", refusal="the user cannot be made.")
        self.release.parent.mkdir(parents=True, exist_ok=True)
        run("install", "-d", "-m", "750", "-g", "myweb", ENVIRONMENT.parent)
        # Nginx goes through to static/, media/ and the like; nobody else does.
        run("install", "-d", "-m", "710", "-o", "myweb", "-g", "www-data", VAR)

    def write_settings(self, domain: str) -> None:
        """Write them once; everything in them is the operator's from then on."""
        if ENVIRONMENT.exists():
            return
        address = domain or (run("hostname", "-I").split() or ["localhost"])[0]
        text = SETTINGS.format(address=f"[{address}]" if ":" in address else address, var=VAR)
        self.server.put(text, ENVIRONMENT, 0o640, group="myweb")

    def read_settings(self, release: Path) -> None:
        try:
            self.server.settings = releases.settings_of(release)
        except Refusal as refusal:
            print(str(refusal).rpartition("\n")[2], file=sys.stderr)
            raise Refusal(f"these settings cannot be used: correct {ENVIRONMENT}.") from refusal
        if self.server.settings.database == "postgresql" and not shutil.which("pg_dump"):  # for backups
            package = "postgresql-client"
            self.step(f"Installing system packages: {package}", ROOT / "deploy/install_packages", package)

    # Changing over

    def put_in_force(self) -> None:
        """Make all as the settings and the release have it, which may be so already."""
        if is_newer(ENVIRONMENT, "myweb.service"):
            try:
                self.step("Preparing the database", self.release / MANAGE, "prepare")
                self.step("Trying the settings", self.release / MANAGE, "preflight")
            except Refusal as refusal:
                goes_on = "the site does not work with these settings, and goes on with those that it had"
                raise Refusal(f"{goes_on}: correct {ENVIRONMENT}.") from refusal
        try:
            self.start(self.release)
        except Refusal as refusal:
            raise Refusal(f"the site does not work: {refusal}\n{SEE}") from refusal

    def start(self, release: Path) -> None:
        try:
            self.server.activate(release)
        except (Refusal, OSError) as error:
            raise Refusal(f"{release.name} cannot be started. {error}") from error
        self.server.check_answers(release, self.before)

    def upgrade(self) -> None:
        """Change over to the release, or back."""
        new, server = self.release, self.server
        old = next((release for release in releases.verified(new.parent) if release != new), None)
        if old:
            self.back_up(old)
            answers = {path: server.status_of(path) for path in server.paths(new)}
            self.before = {path: status for path, status in answers.items() if status[0] in "34"}
        goes_on = f" The site goes on with {old.name}." if old else ""
        refusal = f"the database cannot be prepared.{goes_on}"
        self.step("Preparing the database", new / MANAGE, "prepare", refusal=refusal)
        try:
            # The new code finds the names of static files there.
            server.put_static_files(new)
            self.step("Trying the new code", new / MANAGE, "preflight", refusal="the new code does not work.")
            self.start(new)
        except Exception as error:  # whatever it is, visitors wait for a site that works
            self.go_back(old, error)
        (new / ".verified").touch()

    def back_up(self, old: Path) -> None:
        if not succeeds(old / MANAGE, "help", "backup"):
            self.step.say("The release that runs cannot make a backup; going on without")
            return
        refusal = "without a backup there is no upgrade; nothing was changed."
        print(self.step("Backing up", old / MANAGE, "backup", refusal=refusal).strip().rpartition("\n")[2])

    def go_back(self, old: Path | None, error: Exception) -> NoReturn:
        print(f"deploy/install: {error}", file=sys.stderr, flush=True)
        if not old:
            raise Refusal(f"this release does not work, and there is none before it; {LOG} says more.")
        self.step.say(f"Going back to {old.name}")
        try:
            self.start(old)
        except Refusal as refusal:
            raise Refusal(f"{old.name} does not work either: {refusal}\n{SEE}") from refusal
        kept = "The database keeps what the new release added to it."
        raise Refusal(f"the site goes on with {old.name}; {LOG} says more. {kept}")

    # HTTPS

    def has_certificate(self, domain: str) -> bool:
        ask: list[str | Path] = ["openssl", "x509", "-noout", "-in", CERTIFICATE / "cert.pem"]
        matches = subprocess.run([*ask, "-checkhost", domain], capture_output=True, text=True, check=False).stdout
        return "does match" in matches and succeeds(*ask, "-checkend", "0")

    def secure(self, domain: str, email: str) -> None:
        """Get a certificate, and serve the site by that name."""
        if not self.has_certificate(domain):
            options = ["--non-interactive", "--agree-tos", "--email", email, "--cert-name", "myweb", "--domain", domain]
            options += ["--renew-with-new-domains", "--deploy-hook", "systemctl reload nginx.service", "--webroot"]
            why = f"Does {domain} lead to this server, and is TCP port 80 open?"
            refusal = f"there is no certificate, so the site goes on without. {why}"
            certbot = ["certbot", "certonly", *options, "--webroot-path", CHALLENGES]
            self.step(f"Getting a certificate for {domain}", *certbot, refusal=refusal)
        if not succeeds("systemctl", "is-active", "--quiet", "certbot.timer"):
            enable = ["systemctl", "enable", "--now", "certbot.timer"]
            self.step("Renewing it by certbot.timer", *enable, refusal="the certificate would not be renewed.")
        if self.server.settings.site_url != f"https://{domain}":
            self.step.say(f"Writing SITE_URL=https://{domain} in {ENVIRONMENT}")
            lines = [line for line in ENVIRONMENT.read_text().splitlines() if not line.startswith("SITE_URL=")]
            ENVIRONMENT.write_text("\n".join([*lines, f"SITE_URL=https://{domain}", ""]))
            self.read_settings(self.release)
        self.put_in_force()

    # All of it

    def install(self, domain: str, email: str) -> None:
        self.make_user()
        self.write_settings(domain)
        run(*fill_var())
        releases.build(self.step, ROOT, self.release)
        current = (BASE / "current").resolve()
        # By the release that runs, for which they were written, if there is one.
        self.read_settings(current if (current / ".verified").exists() else self.release)
        if current == self.release and (current / ".verified").exists():
            self.put_in_force()
        else:
            self.upgrade()
        if domain:
            self.secure(domain, email)
        releases.remove_old(self.step, self.release.parent, self.release)

    def report(self) -> None:
        settings = self.server.settings
        if not self.step.shown:
            print("Nothing had to be changed.")
        print(f"The site:  {settings.site_url}/\nThe admin: {settings.site_url}/admin/")
        print(run(self.release / MANAGE, "setup_link"), end="")
        https = "; ufw allow 443" if self.server.has_tls() else ""
        print(f"A firewall, if there is one, has to let visitors in: ufw allow {settings.port}/tcp{https}")


def main() -> None:
    end_with({signal.SIGHUP: 1, signal.SIGINT: 1, signal.SIGTERM: 1})
    step = Steps(keep)
    try:
        installer = Installer(step)
        installer.install(*sys.argv[1:])
        installer.report()
    except Refusal as refusal:
        sys.exit(f"deploy/install: {refusal}")
    finally:
        step.end()


if __name__ == "__main__":
    main()
