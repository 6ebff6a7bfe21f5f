"""Another look at a field's values: how many there are, one of them, all in one text.

A `Field` with a view is read through it. Without a value it is missing, whatever the view.

>>> viewed("length", ["a", "b"]), viewed("joined", ["a", 7]), viewed("[1]", ["a", "b"])
([2], ['a,7'], ['b'])
>>> viewed("root_domain", ["www.bells.example", "bells.co.uk", "mail.bells.co.uk"])
['bells.example', 'bells.co.uk']
"""

from __future__ import annotations

from typing import Final

from tocsin.logic.field_types import Scalar, text_of

_SECOND_LEVEL: Final = frozenset(
    {
        "ac", "co", "com", "edu", "go", "gob", "gov", "govt", "gv", "ltd", "mil", "ne", "net",
        "nom", "or", "org", "sch",
    }
)  # fmt: skip
_COUNTRY = 2


def viewed(view: str, values: list[Scalar]) -> list[Scalar]:
    """The values as the view shows them.

    Args:
        view: ``length``, ``joined`` (by commas), ``root_domain`` (of each, once), ``[3]``; empty:
            the values themselves.
        values: what the field has.
    """
    if not view or not values:
        return values
    match view:
        case "length":
            return [len(values)]
        case "joined":
            return [",".join(map(text_of, values))]
        case "root_domain":
            return list(dict.fromkeys(root_domain(text_of(value)) for value in values))
        case _:
            place = int(view.strip("[]"))
            return values[place : place + 1]


def root_domain(name: str) -> str:
    """The part of a host's name that somebody has registered; the name itself where there is none.

    It is the last two labels, and three where the second one is of the kind that countries give
    out (``co.uk``, ``com.au``): a rule in the place of the list of public suffixes, which is
    different in every version of Datadog's Agent and would have to be kept up to date.
    """
    labels = name.split(".")
    if "" in labels:
        return name
    under_country = len(labels[-1]) == _COUNTRY and len(labels) > 1
    wanted = 3 if under_country and labels[-2].lower() in _SECOND_LEVEL else 2
    return ".".join(labels[-wanted:]) if len(labels) >= wanted else name
