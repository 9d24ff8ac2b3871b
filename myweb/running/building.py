"""
What is made of the code before it runs.

python -m myweb.running.building makes all of it, as releases on a server and images have it.
"""

import compileall
import os
import secrets
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .steps import Refusal, run

ROOT = Path(__file__).resolve().parents[2]


def compile_translations(root: Path) -> None:
    """Compile those that are newer than what was made of them; raise Refusal if one cannot be."""
    for source in (root / "myweb").glob("**/*.po"):
        target, new = source.with_suffix(".mo"), source.with_suffix(".new.mo")
        if not target.exists() or target.stat().st_mtime <= source.stat().st_mtime:
            run("msgfmt", "--check-format", f"--output-file={new}", source)
            new.replace(target)


def collect(root: Path) -> None:
    """Collect static files in `root`/collected. Settings need a key and a directory; these are thrown away."""
    with TemporaryDirectory(dir=root) as var:
        environment = os.environ | {"SECRET_KEY": secrets.token_urlsafe(48), "MYWEB_VAR": var}
        command: list[str | Path] = [sys.executable, root / "manage.py", "collectstatic", "--no-input"]
        if subprocess.run(command, env=environment, check=False).returncode:
            raise Refusal("the static files cannot be collected.")
        Path(var, "static").rename(root / "collected")


def main() -> None:
    try:
        compile_translations(ROOT)
        if not compileall.compile_dir(ROOT / "myweb", quiet=1):
            raise Refusal("the code cannot be compiled.")
        collect(ROOT)
    except Refusal as refusal:
        sys.exit(f"myweb: {refusal}")


if __name__ == "__main__":
    main()
