"""Secrets out of the clouds' logs: what stands under a secret's name becomes a mark.

A shape hands on what `hidden` returns, never the log itself. Values are found by the name they
stand under (``SecretAccessKey``, ``masterUserPassword``, ``userData``, a Kubernetes secret's
``data``), or by a form that only secrets have (JSON web tokens, private keys, signatures of
URLs). Texts that are JSON are looked into. Access key ids, switches (``true``) and what a cloud
has blanked itself stay.

>>> hidden({"credentials": {"accessKeyId": "ASIAEXAMPLE", "sessionToken": "FwoG"}})
{'credentials': {'accessKeyId': 'ASIAEXAMPLE', 'sessionToken': '[redacted]'}}

What holds no secret is returned as it is, not as a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

import msgspec

REDACTED: Final = "[redacted]"
TOO_DEEP: Final = "[nested too deeply]"
TOO_LONG: Final = "[too long to look into]"

DEEPEST: Final = 100
LONGEST_JSON: Final = 4 << 20
"""The longest text that is read as JSON."""

_DEEPEST_TEXT: Final = 3
_LONGEST_NAME: Final = 200
_SHORTEST: Final = 8

_NAMES: Final = frozenset({
    "accountkey", "apikey", "authkey", "authorization", "bearertoken", "connectionstring",
    "cookie", "customdata", "keymaterial", "passwd", "passworddata", "plaintext", "primarykey",
    "privatekeydata", "protectedsettings", "pwd", "samlresponse", "secondarykey", "secretbinary",
    "secretstring", "setcookie", "sharedaccesskey", "signedblob", "signedjwt", "token",
    "tokencode", "userdata", "xamzsignature",
})  # fmt: skip
"""Names in lower case without ``_ - .``; `_ENDS` are ends of such names."""

_ENDS: Final = (
    "accesstoken", "assertion", "authtoken", "clientsecret", "connectionstring", "idtoken",
    "passphrase", "password", "privatekey", "refreshtoken", "sastoken", "secretaccesskey",
    "secretkey", "securitytoken", "sessiontoken", "signintoken", "identitytoken", "userpassword",
)  # fmt: skip
_TEXT_ONLY: Final = frozenset({"authorization", "cookie", "token", "setcookie"})
"""Names of secrets if a text stands there; an object of that name is something else."""

_NAME_KEYS: Final = ("name", "Name", "key", "Key", "displayName")
_VALUE_KEYS: Final = frozenset(("value", "Value", "newValue", "oldValue", "NewValue", "OldValue"))
_OF_SECRET: Final = frozenset(("data", "stringData"))
_BLANK: Final = frozenset(
    ("", "hidden_due_to_security_reasons", "<sensitivedataremoved>", "null", "none", "redacted")
)
_PUNCTUATION: Final = str.maketrans("", "", "_-. ")

_PRIVATE_KEY: Final = (
    r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
)
_SIGNATURE: Final = (
    r"(?i)((?:^|[?&])(?:sig|signature|x-(?:amz|goog)-signature|x-amz-security-token)=)"
    r"""[^&\s"'#<>]+"""
)
_FORMS: Final = (
    (r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*", REDACTED),
    (_PRIVATE_KEY, REDACTED),
    (_SIGNATURE, rf"\1{REDACTED}"),
    (r"\bya29\.[\w.-]{10,}", REDACTED),
)


def hidden(value: Any) -> Any:
    """A JSON value without secrets; itself where it has none."""
    return _hidden(value, 0, 0)


def _hidden(value: Any, depth: int, texts: int) -> Any:
    if isinstance(value, str):
        return _text(value, texts) if len(value) > _SHORTEST else value
    if isinstance(value, dict):
        return TOO_DEEP if depth >= DEEPEST else _object(value, depth + 1, texts)
    if isinstance(value, list):
        if depth >= DEEPEST:
            return TOO_DEEP
        changed: list[Any] | None = None
        for place, element in enumerate(value):
            new = _hidden(element, depth + 1, texts)
            if new is not element:
                changed = list(value) if changed is None else changed
                changed[place] = new
        return value if changed is None else changed
    return value


def _object(value: dict[str, Any], depth: int, texts: int) -> dict[str, Any]:
    changed: dict[str, Any] | None = None
    of_secret = value.get("kind") == "Secret"
    named = _names_a_secret(value)
    for key, inner in value.items():
        if inner is None or inner is True or inner is False:
            continue
        if (named and key in _VALUE_KEYS) or (of_secret and key in _OF_SECRET):
            new = _blanked(inner, depth)
        elif len(key) <= _LONGEST_NAME and _is_secret(key):
            bare = isinstance(inner, dict) and _plain(key) in _TEXT_ONLY
            new = _hidden(inner, depth, texts) if bare else _blanked(inner, depth)
        elif isinstance(inner, str):
            new = _text(inner, texts) if len(inner) > _SHORTEST else inner
        else:
            new = _hidden(inner, depth, texts)
        if new is not inner:
            changed = dict(value) if changed is None else changed
            changed[key] = new
    return value if changed is None else changed


def _names_a_secret(value: dict[str, Any]) -> bool:
    """Whether it is a pair such as ``{"name": "DB_PASSWORD", "value": …}``."""
    if _VALUE_KEYS.isdisjoint(value):
        return False
    if "keyName" in value:  # a key of a storage account
        return True
    names = (value.get(key) for key in _NAME_KEYS)
    return any(isinstance(n, str) and len(n) <= _LONGEST_NAME and _is_secret(n) for n in names)


def _blanked(value: Any, depth: int) -> Any:
    """The value with every text and number in it marked."""
    if isinstance(value, str):
        is_blank = value.lower() in _BLANK or not value.strip("*") or value == REDACTED
        return value if is_blank else REDACTED
    if value is None or isinstance(value, bool):
        return value
    if depth >= DEEPEST:
        return TOO_DEEP
    if isinstance(value, dict):
        return {key: _blanked(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blanked(element, depth + 1) for element in value]
    return REDACTED


@lru_cache(maxsize=8_192)
def _is_secret(name: str) -> bool:
    plain = _plain(name)
    return plain in _NAMES or plain.endswith(_ENDS)


def _plain(name: str) -> str:
    return name.translate(_PUNCTUATION).lower()


# --- texts ------------------------------------------------------------------------------------


def _text(text: str, texts: int) -> str:
    if text[0] in "{[" or text.startswith('"{'):
        text = _json_text(text, texts + 1)
    if "eyJ" in text or "PRIVATE KEY" in text or "ya29." in text:
        return _replaced(text, _forms())
    if "=" in text and ("ig=" in text or "ature=" in text or "oken=" in text):
        return _replaced(text, _forms())
    return text


def _json_text(text: str, texts: int) -> str:
    """A text that is JSON, without secrets; spelled as before where it has none."""
    if len(text) > LONGEST_JSON:
        return TOO_LONG
    if texts > _DEEPEST_TEXT:
        return TOO_DEEP
    try:
        found = msgspec.json.decode(text)
        new = _hidden(found, 0, texts)
        return text if new is found else msgspec.json.encode(new).decode()
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError):
        return _replaced(text, _pairs())  # cut off, as a rule


def _replaced(text: str, patterns: Iterable[tuple[re.Pattern[str], str]]) -> str:
    # Halves of surrogate pairs can be in a text, but not in UTF-8, which RE2 reads.
    text = text.encode("utf-8", "replace").decode()
    for pattern, mark in patterns:
        text = pattern.sub(mark, text)
    return text


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    import re2

    return tuple((re2.compile(pattern), mark) for pattern, mark in _FORMS)


@cache
def _pairs() -> tuple[tuple[re.Pattern[str], str], ...]:
    """A name of a secret and its text, in JSON that cannot be read as such."""
    import re2

    # With any of "_-." between the letters, as `_plain` takes names.
    names = "|".join("[_. -]?".join(name) for name in sorted({*_NAMES, *_ENDS}))
    pattern = rf'(?i)((?:{names})\\*"\s{{0,8}}:\s{{0,8}}\\*")[^"\\]*'
    return ((re2.compile(pattern), rf"\1{REDACTED}"),)
