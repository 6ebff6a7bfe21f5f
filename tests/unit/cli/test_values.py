from __future__ import annotations

import pytest

from tocsin.cli.values import duration, moment
from tocsin.errors import UsageError


@pytest.mark.parametrize("text", ["-5h", "5", "h", "1e3s", "999999999w", "999999999d", "١٢٣", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        duration(text)
    with pytest.raises(UsageError):
        moment(f"now-{text}", now=0)
