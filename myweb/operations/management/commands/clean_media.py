import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from myweb.operations.backup.archive import media_files
from myweb.operations.backup.errors import told
from myweb.operations.backup.lock import exclusive
from myweb.operations.backup.references import names_in_use

DAY = 24 * 3600  # seconds


class Command(BaseCommand):
    help = "Deletes uploads that no page and no older version of one refers to any more, and that are older than a day."

    def handle(self, *args: Any, **options: Any) -> None:
        with told(), exclusive():
            root = Path(settings.MEDIA_ROOT)
            # Listed first: what comes while the database is read is not in the list.
            old = [path for path in media_files(root) if path.stat().st_mtime < time.time() - DAY]
            used = names_in_use()
            unused = [path for path in old if path.relative_to(root).as_posix() not in used]
            for path in unused:
                path.unlink(missing_ok=True)
        self.stdout.write(f"Deleted {len(unused)} files.")
