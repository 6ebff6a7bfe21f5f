"""Which rows index patterns see: a batch is held to what is said of one event."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.engine import visibility
from tocsin.engine.visibility import Visibility
from tocsin.events.batch import Batch
from tocsin.rules.index import FIELDS, origin_of, sees

PATTERNS = (
    (),
    ("logs-*",),
    ("logs-okta*", "filebeat-*"),
    ("logs-*", "-logs-okta*"),
    ("*:logs-endpoint*",),
)
VALUES = st.sampled_from(
    ("logs", "okta.system", "endpoint.events.process", "filebeat", "default", 7)
)
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={field: VALUES | st.lists(VALUES, max_size=2) for field in FIELDS}
)


@pytest.mark.parametrize("most", [1, visibility._MOST])
@given(documents=st.lists(DOCUMENTS, max_size=8))
def test_rows_are_seen_as_events_are(most: int, documents: list[dict[str, Any]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visibility, "_MOST", most)
        patch.setattr(visibility, "_TABLE", min(most, visibility._TABLE))
        found = Visibility(Batch(documents, FIELDS))
        for patterns in PATTERNS:
            wanted = [sees(patterns, origin_of(document)) for document in documents]
            mask = found.of(patterns)
            assert (wanted if mask is None else mask.tolist()) == wanted
            assert mask is not None or all(wanted)


def test_the_same_patterns_have_the_same_mask() -> None:
    found = Visibility(Batch([{"data_stream.dataset": "okta.system"}, {"_index": "x"}], FIELDS))
    assert found.of(("logs-*",)) is found.of(("logs-*",))
