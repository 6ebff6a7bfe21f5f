"""How many rules look for the same thing: indicators counted over many rules.

A rule counts once, however often it says a thing and however many stages it has; those that look
for it and those that leave it out are counted apart. Deprecated rules do not count.

>>> from tocsin.logic.expr import Leaf
>>> from tocsin.logic.matchers import Equals
>>> from tocsin.logic.query import Filter
>>> query = Filter(Leaf("process.name", Equals(("curl",))))
>>> rules = [Rule(id=i, name=i, vendor=v, path="", language="eql", type="", kind="", text="",
...               query=query) for i, v in (("1", "elastic"), ("2", "elastic"), ("3", "datadog"))]
>>> counts = count_indicators(rules)
>>> key = ("process.name", "eq", "curl")
>>> counts.by_vendor(key), counts.by_vendor(key, besides=rules[0])
({'elastic': 2, 'datadog': 1}, {'datadog': 1, 'elastic': 1})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from tocsin.catalogue.indicators import Key, Polarity, indicators_of_rule
from tocsin.rules.model import Rule

RuleName = tuple[str, str]
"""A rule's vendor and id: what makes it one rule, wherever it was loaded from."""


class Counts(msgspec.Struct, frozen=True):
    """Which rules look for which indicators.

    Attributes:
        users: by canonical key and polarity, the rules that say so.
        rules: how many rules were counted.
    """

    users: Mapping[tuple[Key, Polarity], frozenset[RuleName]]
    rules: int = 0

    def by_vendor(
        self, key: Key, polarity: Polarity = "match", *, besides: Rule | None = None
    ) -> dict[str, int]:
        """How many rules of each vendor look for the key, the vendor with most of them first.

        Args:
            key: an indicator's canonical key.
            polarity: whether to count those that look for it, or those that leave it out.
            besides: a rule that is not to be counted: the one that is looked at.
        """
        users = self.users.get((key, polarity), frozenset())
        if besides is not None:
            users -= {(besides.vendor, besides.id)}
        counted = Counter(vendor for vendor, _ in users)
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def count_indicators(rules: Iterable[Rule], *, building_blocks: bool = True) -> Counts:
    """Counts the canonical indicators of many rules.

    Args:
        rules: the rules to compare with.
        building_blocks: whether rules that only feed others count too.
    """
    users: dict[tuple[Key, Polarity], set[RuleName]] = {}
    counted: set[RuleName] = set()
    for rule in rules:
        if rule.maturity == "deprecated" or (rule.building_block and not building_blocks):
            continue
        name = (rule.vendor, rule.id)
        counted.add(name)
        for found in indicators_of_rule(rule):
            users.setdefault((found.key, found.polarity), set()).add(name)
    return Counts({key: frozenset(names) for key, names in users.items()}, len(counted))
