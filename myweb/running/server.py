"""
What a release changes on a server: units of systemd, rules of nftables, the site of Nginx, the link to the release, and
what runs. Each function does nothing where all is so already, also after one that was killed on its way.
"""

import inspect
import os
import re
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path

from . import asking, directory
from .releases import Settings
from .steps import Refusal, Steps, run, succeeds

VAR = Path("/var/lib/myweb")
ENVIRONMENT = Path("/etc/myweb/myweb.env")
BASE = Path("/srv/myweb")
UNITS = Path("/etc/systemd/system")
NGINX = Path("/etc/nginx")
CERTIFICATE = Path("/etc/letsencrypt/live/myweb")
CHALLENGES = Path("/var/www/letsencrypt")

LOGS = [Path("/var/log/nginx/myweb_access.log"), Path("/var/log/nginx/myweb_error.log")]
AS_SITE = ("setpriv", "--reuid=myweb", "--regid=myweb", "--init-groups", "--no-new-privs", "--inh-caps=-all", "--")
CONNECTIONS = 8192  # Nginx's own file allows 768, which one visitor can take
CONNECTIONS_LINE = re.compile(r"^([ \t]*)(worker_connections[ \t]+(\d+);.*)", re.MULTILINE)
FILES = "# By deploy/install of myweb: as many files as connections need\nworker_rlimit_nofile 32768;\n"
ATTEMPTS = 30  # one a second


def show(unit: str, what: str) -> str:
    return run("systemctl", "show", "--timestamp=us+utc", "--property", what, "--value", unit).strip()


def is_newer(path: Path, unit: str, what: str = "ActiveEnterTimestamp") -> bool:
    """Return whether a file, or a link to one, was changed since that happened to the unit."""
    then = re.sub(r"\w+ (\S+) (\S+) UTC", r"\1 \2+00:00", show(unit, what))
    changed = max(path.stat().st_mtime, path.lstat().st_mtime)
    return not then or changed > datetime.fromisoformat(then).timestamp()


def fill_var(*collected: Path) -> list[object]:
    """Return what runs myweb.running.directory as the site's user, who cannot read the checkout."""
    return [*AS_SITE, sys.executable, "-c", inspect.getsource(directory), VAR, *collected]


def read(path: Path) -> str:
    """Return what is in a file that an operator may have written, in whatever encoding."""
    return path.read_text(errors="surrogateescape")


def link(path: Path, target: Path) -> bool:
    """Make `path` lead to `target`, in one step; return whether it did not."""
    if path.is_symlink() and path.readlink() == target:
        return False
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(path)
    return True


def units_of(release: Path) -> list[Path]:
    return sorted((release / "deploy/systemd").glob("myweb*"))


class Server:
    settings: Settings  # as a release has read them

    def __init__(self, step: Steps) -> None:
        self.step = step

    def put(self, text: str, target: Path, mode: int = 0o644, what: str = "", group: str = "root") -> bool:
        """Write a file in one step; return whether it was different."""
        if target.exists() and read(target) == text:
            return False
        self.step.say(what or f"Writing {target}")
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f"{target.name}.new")
        new.unlink(missing_ok=True)
        new.touch(mode=mode)
        shutil.chown(new, group=group)
        new.write_text(text, errors="surrogateescape")
        new.replace(target)
        return True

    # Changing over

    def activate(self, release: Path) -> None:
        """Make `release` what this machine runs; raise Refusal or OSError if that is not possible."""
        self.put_static_files(release)
        self.install_units(release)
        self.install_nftables(release)
        self.install_nginx_site(release)
        if (BASE / "current").resolve() != release:
            self.step.say(f"Switching {BASE / 'current'} to {release.name}")
        link(BASE / "current", release)
        link(Path("/usr/local/sbin/myweb"), BASE / "current/deploy/myweb")
        self.start_uwsgi(release)
        self.start_nginx(release)

    def put_static_files(self, release: Path) -> None:
        collected = release / "collected"
        # One that an older deploy/install made has none; the list of a newer release has its files, too.
        if collected.exists() and not directory.has_static_files(VAR, collected):
            refusal = "the static files cannot be put in place."
            self.step("Putting the static files in place", *fill_var(collected), refusal=refusal)

    def install_units(self, release: Path) -> None:
        units = units_of(release)
        for unit in sorted({path.name for path in UNITS.glob("myweb[-_.]*")} - {path.name for path in units}):
            if unit.endswith((".service", ".socket", ".timer")):
                self.step.say(f"Removing {unit}")
                succeeds("systemctl", "disable", "--now", "--quiet", unit)
                (UNITS / unit).unlink()
        changed = [self.put(unit.read_text(), UNITS / unit.name) for unit in units]
        hardening = (release / "deploy/systemd/hardening.conf").read_text()
        changed += [self.put(hardening, UNITS / f"{name}.service.d/hardening.conf") for name in ("myweb", "myweb-")]
        if any(changed) or show("myweb.service", "NeedDaemonReload") == "yes":
            run("systemctl", "daemon-reload")
        for path in units:
            if "[Install]" in path.read_text() and not succeeds("systemctl", "is-enabled", "--quiet", path.name):
                run("systemctl", "enable", "--quiet", path.name)

    def as_root(self, release: Path, *command: object) -> str:
        """
        Return what a command of manage.py prints, run as root, in whose hands all of this code is: what Nginx and the
        kernel read is not the site's user's to write.
        """
        systemd = ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", f"--working-directory={release}"]
        settings = [f"--property=EnvironmentFile={ENVIRONMENT}", "--setenv=DJANGO_SETTINGS_MODULE=myweb.settings"]
        return run(*systemd, *settings, release / ".venv/bin/python", "-m", "django", *command)

    def install_nftables(self, release: Path) -> None:
        unit = "myweb_nftables.service"
        if unit not in {path.name for path in units_of(release)}:
            return  # an older release
        changed = self.put(self.as_root(release, "nftables_config"), ENVIRONMENT.with_name("nftables.conf"))
        # What cannot be loaded is skipped, not failed.
        run("systemctl", "restart" if changed else "start", unit)
        if changed and not succeeds("systemctl", "is-active", "--quiet", unit):
            print("This machine takes no rules of nftables, so nothing limits the connections from one address.")

    def raise_nginx_limits(self) -> bool:
        """Return whether that changed anything. Of Nginx's own file, only the marked lines are of deploy/install."""
        main, files = NGINX / "nginx.conf", NGINX / "modules-enabled/90-myweb.conf"
        text, changed = read(main), False
        found = CONNECTIONS_LINE.search(text)
        if found and int(found[3]) < CONNECTIONS:
            if not (before := NGINX / "nginx.conf.before-myweb").exists():
                shutil.copy2(main, before)
            text = CONNECTIONS_LINE.sub(rf"\1worker_connections {CONNECTIONS}; # myweb, instead of: \2", text)
            instead = f"worker_connections {CONNECTIONS} instead of {found[3]}"
            changed = self.put(text, main, what=f"Writing {instead} in {main} (deploy/uninstall puts it back)")
        if "modules-enabled/*.conf" in text and not re.search(r"^\s*worker_rlimit_nofile", text, re.MULTILINE):
            return self.put(FILES, files) or changed
        files.unlink(missing_ok=True)
        return changed

    def install_nginx_site(self, release: Path) -> None:
        options = ["--certificate", CERTIFICATE] if self.has_tls() else []
        text = self.as_root(release, "nginx_config", "--system", *options)
        CHALLENGES.mkdir(parents=True, exist_ok=True)
        site, enabled = NGINX / "sites-available/myweb", NGINX / "sites-enabled"
        before = (read(site), site.stat().st_mtime_ns) if site.exists() else None
        changed = self.raise_nginx_limits()
        default = enabled / "default"
        if default.is_symlink() and default.readlink() == NGINX / "sites-available/default":
            self.step.say(f"Switching off the default page of Nginx (it stays in {default.readlink()})")
            default.unlink()
            changed = True
        changed |= self.put(text, site, 0o640)  # a key is in it
        changed |= link(enabled / "myweb", site)
        # Nginx would make them readable for all; this is how logrotate makes them.
        for log in LOGS:
            if not log.exists():
                log.touch(mode=0o640)
                shutil.chown(log, "www-data", "adm")
        try:
            if changed or self.nginx_is_behind():
                run("nginx", "-t", "-q")
        except Refusal:
            if before:
                self.put(before[0], site, 0o640)
                os.utime(site, ns=(before[1], before[1]))  # it needs no reload
            else:
                (enabled / "myweb").unlink()
            raise

    # What runs

    def has_tls(self) -> bool:
        """Return whether Nginx serves HTTPS here; it may also be a proxy in front that does."""
        return self.settings.site_url.startswith("https:") and (CERTIFICATE / "fullchain.pem").exists()

    def running(self) -> Path | None:
        """Return the release that uWSGI runs, wherever `current` leads."""
        try:
            return Path(f"/proc/{show('myweb.service', 'MainPID')}/cwd").readlink()
        except FileNotFoundError:
            return None

    def start_uwsgi(self, release: Path) -> None:
        socket, service = "myweb.socket", "myweb.service"
        if is_newer(UNITS / socket, socket):
            succeeds("systemctl", "stop", service, socket)
        run("systemctl", "start", socket, *(unit.name for unit in units_of(release) if unit.suffix == ".timer"))
        parts = [ENVIRONMENT, UNITS / socket, UNITS / service, UNITS / f"{service}.d/hardening.conf"]
        if self.running() == release and not any(is_newer(part, service) for part in parts):
            return
        try:
            self.step("Starting uWSGI; requests wait in its socket", "systemctl", "restart", service)
        except Refusal:
            print(run("journalctl", f"--unit={service}", "--lines=20", "--output=cat"), file=sys.stderr)
            raise
        if self.running() != release:
            raise Refusal("uWSGI runs something else.")

    def start_nginx(self, release: Path) -> None:
        if not succeeds("systemctl", "is-active", "--quiet", "nginx.service"):
            host = asking.reachable(self.settings.listen)
            address = f"{f'[{host}]' if ':' in host else host}:{self.settings.port}"
            run(sys.executable, release / "deploy/check_listen", f"MYWEB_PORT in {ENVIRONMENT}={address}")
            self.step("Starting Nginx", "systemctl", "enable", "--now", "nginx.service")
        elif self.nginx_is_behind():
            self.step("Reloading Nginx", "systemctl", "reload", "nginx.service")

    def nginx_is_behind(self) -> bool:
        """Return whether what it reads has changed since it was started or reloaded."""
        names = ("nginx.conf", "modules-enabled/90-myweb.conf", "sites-enabled/myweb")
        files = [NGINX / name for name in names if (NGINX / name).exists()]
        return any(is_newer(file, "nginx.service", "StateChangeTimestamp") for file in files)

    # Real requests through Nginx

    def paths(self, release: Path) -> list[str]:
        names = release / "collected" / directory.LIST
        stylesheet = re.search(r'"admin/css/base.css": "([^"]*)"', names.read_text() if names.exists() else "")
        return ["/", "/healthz", *([f"/static/{stylesheet[1]}"] if stylesheet else []), "/admin/login/"]

    def status_of(self, path: str) -> str:
        """Return what Nginx answers. Meanwhile visitors wait as well, longer than this does."""
        tls = self.has_tls()
        address = asking.reachable(self.settings.listen), 443 if tls else self.settings.port
        return asking.status_of(self.settings.site_url + path, address, tls)

    def check_answers(self, release: Path, before: dict[str, str]) -> None:
        """Raise Refusal unless each address is found, or answered as before: an empty site has no home page."""
        for path in self.paths(release):
            for attempt in range(1, ATTEMPTS + 1):
                status = self.status_of(path)
                if status in ("200", before.get(path)):
                    break
                # After a reload, Nginx's old processes go on for a moment, and the new ones may not listen yet.
                if status == asking.SILENCE or attempt == (ATTEMPTS if status == asking.REFUSED else 3):
                    said = f"answers {status}" if status.isdecimal() else "does not answer"
                    asked = f"asked for {self.settings.site_url}{path}, the site {said}."
                    raise Refusal(f"{release.name} does not answer as it should: {asked}")
                time.sleep(1)
