"""The site as compose.yaml runs it, from a copy of this clone, with a port, volumes and settings of its own."""

import json
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.server import checkout
from tests.site import Site, free_port, wait_for

DECOY = f"decoy-{secrets.token_hex(16)}"  # must not get into an image


def refusal_of_docker() -> str:
    """Return why there is no Docker with Compose here, or the empty string if there is."""
    for command in (["docker", "compose", "version"], ["docker", "version"]):
        try:
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        except FileNotFoundError:
            return "there is no Docker here"
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return f"no Docker answers here: {(error.stderr or str(error)).strip()}"
    return ""


class Composed:
    """A project of Docker Compose."""

    address = "127.0.0.1"
    get, request = Site.get, Site.request

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.project = f"myweb-test-{secrets.token_hex(4)}"
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        checkout(directory)
        self.configure(**settings)

    def configure(self, **settings: str) -> None:
        """Write .env; values are as they are to stand there."""
        lines = {"MYWEB_PORT": str(self.port), **settings}.items()
        (self.directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines))

    def compose(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        command = ["docker", "compose", "--project-name", self.project, *arguments]
        options = {"cwd": self.directory, "stdin": subprocess.DEVNULL, "timeout": 1200} | options
        done = subprocess.run(command, capture_output=True, text=True, **options)
        if check and done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return done

    def up(self, *arguments: str, profile: str = "") -> "Composed":
        """Start what does not run, and wait until all of it is healthy."""
        profiles = ["--profile", profile] if profile else []
        self.compose(*profiles, "up", "--detach", "--wait", *arguments)
        return self

    def remove(self) -> None:
        self.compose("--profile", "postgres", "down", "--volumes", "--rmi", "local", "--timeout", "20", check=False)

    def logs(self, service: str = "") -> str:
        """Return what the containers of a service, or all, have said."""
        return "".join(map(logs_of, self.containers(service)))

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return what Docker says of the containers of a service, or of all, ended ones, too."""
        services = filter(None, [service])
        ids = self.compose("--profile", "postgres", "ps", "--all", "--quiet", *services).stdout.split()
        return json.loads(docker("inspect", *ids)) if ids else []

    def execute(self, service: str, *command: str, check: bool = True) -> str:
        """Run a command in the container of a service; return what it says."""
        done = self.compose("--profile", "postgres", "exec", "--no-TTY", service, *command, check=check)
        return done.stdout + done.stderr

    def shell(self, code: str) -> str:
        """Run Python in the site, after `from myweb… import *`; return what it prints last."""
        imports = "from myweb.contact.models import ContactMessage; from myweb.pages.models import Page; "
        return self.execute("app", "manage.py", "shell", "--verbosity", "0", "--command", imports + code).strip()

    def messages(self) -> set[str]:
        return set(
            json.loads(self.shell("import json; print(json.dumps([m.text for m in ContactMessage.objects.all()]))"))
        )

    def kill(self, container: dict[str, Any]) -> None:
        """End a container as a crash would (after `docker kill`, Docker does not start it again); wait for the next."""
        name, process = container["Id"], container["State"]["Pid"]
        options = ["--rm", "--privileged", "--user=0", "--pid=host", "--network=none", "--entrypoint=bash"]
        docker("run", *options, f"{self.project}-app", "-c", f"kill -9 {process}")

        def is_healthy_again() -> bool:
            state = json.loads(docker("inspect", name))[0]["State"]
            health = state.get("Health", {"Status": "healthy"})  # nightly has none
            return state["Pid"] not in (0, process) and health["Status"] == "healthy"

        wait_for(is_healthy_again, "the container is healthy again", 180)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def logs_of(container: dict[str, Any]) -> str:
    done = subprocess.run(["docker", "logs", container["Id"]], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def setup_path(site: Composed) -> str:
    """Return the path of the link for the first administrator that was printed last."""
    links = re.findall(r"^Set up the administrator: (http\S+)$", site.logs("prepare"), re.MULTILINE)
    assert links, site.logs("prepare")
    assert links[-1].startswith(f"{site.url}/")
    return urlsplit(links[-1]).path
