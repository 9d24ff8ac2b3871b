"""Texts of the libraries that the owner sees, and that come without a Chinese translation: ours has them."""

from django.utils.translation import gettext_noop as _

DJANGO = [
    _("Forgotten your login credentials?"),
]
CONTENT_EDITOR = [
    _("Add new item"),
    _("No items."),
    _("No plugins allowed in this region."),
    _("New item"),
    _("Collapse all items"),
    _("Uncollapse all items"),
    _("marked for deletion"),
    _("Use Ctrl-Click to select and move multiple items."),
]
TREE_QUERIES = [
    _("move"),
    _("before"),
    _("as first child"),
    _("as last child"),
    _("after"),
    _("Move '{}' to a new location"),
    _("Choose new location"),
    _("Invalid node move request."),
    _("'{}' cannot be moved to this location."),
    _("Node '{}' has been moved to its new position."),
]
