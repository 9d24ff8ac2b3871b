"""
Adding and moving blocks by buttons of the form, for browsers without JavaScript.

The form comes back as it was sent, with its blocks as the button says; nothing is written.
"""

import re

from django.http import QueryDict

from myweb.keys import as_key
from myweb.pages.blocks import REGION

# Buttons; the value of the first is the prefix of a kind's formset, that of the others the prefix of a block's form.
ADD, UP, DOWN = "_add", "_up", "_down"
# Where to add: the prefix of the block that comes after the new one, or "" at the end
BEFORE = "_before"

_PLACE = re.compile(r".+-\d+-ordering")


def is_asked(post: QueryDict) -> bool:
    return any(button in post for button in (ADD, UP, DOWN))


def arranged(post: QueryDict) -> QueryDict:
    """Return what was sent, with the block added or moved; as it was, if there is no such block or kind."""
    post = post.copy()
    places = sorted(filter(_PLACE.fullmatch, post), key=lambda name: as_key(str(post[name])))
    if ADD in post:
        _add(post, places)
    else:
        _move(post, places)
    for number, name in enumerate(places, 1):
        post[name] = str(10 * number)
    return post


def added(post: QueryDict) -> str:
    """Return the prefix of the form that was added, or "" if none was."""
    number = as_key(str(post.get(f"{post.get(ADD, '')}-TOTAL_FORMS", "")))
    return f"{post.get(ADD)}-{number - 1}" if number else ""


def _add(post: QueryDict, places: list[str]) -> None:
    total = f"{post[ADD]}-TOTAL_FORMS"
    if total not in post:
        return
    number, after = as_key(str(post[total])), f"{post.get(BEFORE, '')}-ordering"
    new = f"{post[ADD]}-{number}"
    post[total], post[f"{new}-region"] = str(number + 1), REGION
    places.insert(places.index(after) if after in places else len(places), f"{new}-ordering")


def _move(post: QueryDict, places: list[str]) -> None:
    step = -1 if UP in post else 1
    name = f"{post.get(UP) or post.get(DOWN)}-ordering"
    if name in places and 0 <= places.index(name) + step < len(places):
        at = places.index(name)
        places.insert(at + step, places.pop(at))
