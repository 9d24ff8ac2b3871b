"""A backup shows that a site can be made from it."""

from datetime import datetime
from pathlib import Path

from myweb.operations.models import BackupProof

from . import keeping, making
from .archive import Archive, Damaged, Manifest
from .scratch import ScratchDatabase


def prove(path: Path) -> str:
    """
    Load the backup at `path` beside the site, check it against its manifest and itself, and show all of its pages.

    Raises CommandError, and Damaged with the name of the part. Returns a sentence.
    """
    try:
        manifest = _try_out(path)
    except Damaged:
        keeping.mark_of(path).unlink(missing_ok=True)
        raise
    made_at = datetime.fromisoformat(manifest.made_at)
    BackupProof.record(path.name, made_at)
    if path.parent == keeping.backups_directory():
        keeping.mark_of(path).touch()
    return (
        f"Proven: {path}, made at {manifest.made_at}, with {sum(manifest.counts.values())} rows, "
        f"{manifest.counts['pages_page']} pages and {len(manifest.media)} files."
    )


def _try_out(path: Path) -> Manifest:
    with Archive(path) as archive:
        making.check_age(archive)
        archive.verify()
        with ScratchDatabase() as scratch:
            scratch.load(archive)
            scratch.run("-m", "myweb.operations.backup.in_scratch", "prove")
        return archive.manifest
