"""Which program a user agent's text names: the few names that cloud rules look for.

The names are those of the uap-core project, which Elastic's pipelines use. Only programs that call
clouds and the common browsers are told apart; any other is ``Other``, as there.

>>> user_agent_of("aws-cli/2.17.60 md/awscrt#0.21.2 ua/2.0 os/macos#23.6.0")["name"]
'aws-cli'
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_LONGEST: Final = 2_000

_BROWSERS: Final = (
    # the mark in the text, the name: the first that is there counts
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Electron/", "Electron"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "HeadlessChrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("Trident/", "IE"),
)
_TOOLS: Final = {
    "aws-cli": "aws-cli",
    "boto3": "Boto3",
    "botocore": "Botocore",
    "curl": "curl",
    "wget": "Wget",
    "python-requests": "Python Requests",
    "python-urllib3": "python-urllib3",
    "go-http-client": "Go-http-client",
    "axios": "axios",
    "okhttp": "okhttp",
    "postmanruntime": "PostmanRuntime",
    "apache-httpclient": "Apache-HttpClient",
    "aiohttp": "aiohttp",
}
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Mac OS X", "Mac OS X"),
    ("macos", "Mac OS X"),
    ("Darwin", "Mac OS X"),
    ("Linux", "Linux"),
    ("linux", "Linux"),
)
_VERSION: Final = re.compile(r"[0-9][0-9.]{0,30}")


def user_agent_of(text: str | None) -> dict[str, Any]:
    """``user_agent`` for a text; an empty object where there is none."""
    if not text:
        return {}
    if len(text) > _LONGEST:
        return {"original": text}
    name, version, system = _parsed(text)
    found: dict[str, Any] = {"original": text, "name": name}
    if version:
        found["version"] = version
    if system:
        found["os"] = {"name": system}
    return found


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> tuple[str, str, str]:
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    first, _, rest = text.partition("/")
    tool = _TOOLS.get(first.strip("[").lower())
    if tool is not None:
        return tool, _version(rest), system
    for mark, name in _BROWSERS:
        place = text.find(mark)
        if place >= 0 and "/" in text[place : place + 20]:
            return name, _version(text[place:].partition("/")[2]), system
    return "Other", "", system


def _version(text: str) -> str:
    found = _VERSION.match(text)
    return found[0].rstrip(".") if found else ""
