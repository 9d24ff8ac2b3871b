from typing import Any

from django import template

from myweb.installation import here
from myweb.operations.backup import integrity
from myweb.operations.models import BackupProof, is_new_site

register = template.Library()


@register.inclusion_tag("operations/backup.html", takes_context=True)
def proven_backup(context: Any) -> dict[str, Any]:
    """Say which backup was proven last, or that there should be one, to those who may know."""
    if not context["request"].user.has_perm("operations.view_backupproof"):
        return {}
    proof = BackupProof.load()
    last = integrity.last()
    return {
        "manage": here().manage,
        "proof": proof,
        "is_late": proof.is_old if proof else not is_new_site(),
        "is_damaged": bool(last and last.words),
    }
