"""Secrets in one text, such as a command line: found by name or by shape, and taken out.

A *name* is a flag, a header, the left side of ``name=value`` in whatever quotes; a *shape* is one
that only secrets have (JSON web tokens, vendors' prefixes of tokens, private keys). `scrub` takes
these texts out of documents, and is what everybody else imports.

Most texts hold nothing of the kind. `gate` finds a text in which any of the patterns could match at
all, and is the only thing that most are asked; it also tells it of many texts in one, written line
under line.

>>> scrub_text('curl -H "X-aws-ec2-metadata-token: AQAEAL0x==" http://169.254.169.254/latest/')
'curl -H "X-aws-ec2-metadata-token: [redacted]" http://169.254.169.254/latest/'

The patterns run on RE2, in linear time.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any

REDACTED = "[redacted]"
LONGEST_KEPT = 1_024
"""What is made of a longer text is not remembered."""

_ROUNDS = 6

# The end of a name that says "secret", and names that say so only when they stand alone.
_STRONG = (
    r"secret[_-]?access[_-]?key|(?:session|security|access|refresh|id|auth|bearer|api)[_-]?token"
    r"|[_-]token|client[_-]?secret|shared[_-]?secret|[_-]secret|passw(?:or)?d|passphrase|[_-]pass"
    r"|(?:secret|api|account|shared[_-]?access|private)[_-]?key|access[_-]?key[_-]?secret|[_-]pwd"
)
_WEAK = r"token|secret|pass|pwd"
NAME = rf"[\w.-]*(?:{_STRONG})|-{{0,2}}(?:{_WEAK})"
"""The name of a secret in a text, for a pattern that ignores case."""

# What an unquoted value is made of; a bracket or comma at its end belongs to the text around it.
_BARE = r"""[^\s"'`&;|<>]*[^\s"'`&;|<>,)}\]]"""
_VALUE = (
    rf"""(?P<escaped>\\+["'])(?P<a>[^"'\\]*)|(?P<double>")"""
    rf"""(?P<b>(?:[^"\\]|\\.)*)|(?P<single>')(?P<c>[^']*)|(?P<d>{_BARE})"""
)

_GATE = (
    r"pass|pwd|token|secret|bearer|authorization|cookie|eyJ|-----BEGIN|signature|[?&]sig="
    r"|(?:api|access|account|private).?key|://[^/\s]*@|gh[pousr]_|github_pat_|xox[abeprs]-|ya29\."
    r"|AIza|[sr]k_live_|glpat-|IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz|curl|mysql|mariadb|sshpass|basic"
    r"|securestring|response="
)

_VARIABLE = re.compile(
    r"\$\{[^}]*\}?\Z|\$\(|`|%\w+%\Z|\$[A-Z_][A-Z0-9_]*\Z|\$env:\w+\Z"
    r"|\$\w*(?:token|pass|pw|secret|key|cred|auth|jwt)\w*\Z",
    re.IGNORECASE | re.ASCII,
)
_PATH = re.compile(
    r"/(?:etc|var|run|tmp|home|opt|usr|root|mnt|srv|dev|proc|data|app)/|\.{1,2}/|~/|@|file:"
    r"|[A-Za-z]:\\"
)
ANY_PATH = re.compile(r"[/~.]|[A-Za-z]:")
_KEY_ID = re.compile(r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{4,124}\Z")
# "Bearer Oracle" is what Oracle's metadata service wants to hear.
NO_SECRET = frozenset(
    ("", "true", "false", "null", "none", "nil", "undefined", "oracle", "bearer", "basic")
)
_RANDOM_LENGTH = 20
_SHORT_LENGTH = 8

_Found = re.Match[str]


def scrub_text(text: str) -> str:
    """A text, such as a command line, without secrets, and fit for UTF-8.

    >>> scrub_text("mysql -uroot --password hunter2 --host db")
    'mysql -uroot --password [redacted] --host db'
    """
    return _scrub_short(text) if len(text) <= LONGEST_KEPT else _scrub_text(text)


def _scrub_text(text: str) -> str:
    if not text.isascii():
        # Halves of surrogate pairs can be in JSON, but not in UTF-8.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    data = text.encode()
    if _gate().search(data) is None:
        return text
    for _ in range(_ROUNDS):
        before = text
        text = _replaced(text)
        if text == before:
            break
    return text


def _replaced(text: str) -> str:
    """The text after each pattern in turn."""
    lower, data = _looks(text)
    for pattern, words, replace in _patterns():
        # Most patterns have none of their words there; and to search costs less than to replace.
        if lower is not None and not any(word in lower for word in words):
            continue
        if pattern.search(data) is not None:
            text = pattern.sub(replace, text)
            lower, data = _looks(text)
    return text


def _looks(text: str) -> tuple[str | None, bytes]:
    """A text in lower case, and its bytes; letters beyond ASCII may stand for those of words."""
    return text.lower() if text.isascii() else None, text.encode()


# The same names and values come again and again: several rules ring for one event.
_scrub_short = lru_cache(maxsize=8_192)(_scrub_text)


def suspects(texts: list[str]) -> list[int] | None:
    """Which of many texts have to be looked at; None: some are not fit for UTF-8.

    Of those that are not named, `scrub_text` changes none, neither alone nor joined by blanks in
    any order; and none of them says `REDACTED`.
    """
    try:
        data = ("\n" + "\n".join(texts)).encode()
    except UnicodeEncodeError:
        return None
    screen = _screen()
    found = screen.search(data)
    if found is None:
        return []
    sizes = map(len, texts) if data.isascii() else (len(text.encode()) for text in texts)
    ends = list(accumulate(size + 1 for size in sizes))
    numbers = []
    while found is not None:
        # No match goes beyond the end of a line, so that its end tells whose it is.
        number = bisect_left(ends, found.end())
        numbers.append(number)
        found = screen.search(data, ends[number])
    return numbers


def keeps(value: str, *, is_pwd: bool = False) -> bool:
    """Whether a value under a secret's name is none: a variable, a path, a yes or no."""
    if value.startswith(REDACTED[:-1]) or value.lower() in NO_SECRET:
        return True
    if _VARIABLE.match(value) or _PATH.match(value) or _KEY_ID.match(value):
        return True
    return is_pwd and ANY_PATH.match(value) is not None


def _looks_random(value: str) -> bool:
    if len(value) >= _RANDOM_LENGTH:
        return True
    return len(value) >= _SHORT_LENGTH and any(c.isdigit() for c in value)


def _named(found: _Found) -> str:
    """``name=value``, ``"name": "value"``: the value goes."""
    # By number: to ask for a group by its name takes RE2 longer than to find it.
    head, name, escaped, a, double, b, single, c, d = found.groups()
    opening = escaped or double or single or ""
    value = a or b or c or d
    if not value or keeps(value, is_pwd=name.lower().endswith("pwd")):
        return found.group()
    is_weak = name.lower().lstrip("-") in {"token", "secret", "pass", "passwd"}
    if is_weak and head.startswith(":") and head.endswith(":"):
        return found.group()  # arn:aws:secretsmanager:eu-west-1:123456789012:secret:its-name
    if is_weak and not opening and head[-1:].isspace() and not _looks_random(value):
        return found.group()
    return f"{head}{opening}{REDACTED}"


def _flagged(found: _Found) -> str:
    """``--name value``: the value goes."""
    head, double, b, single, c, d = found.groups()
    value = b or c or d
    if not value or keeps(value) or value.startswith("-"):
        return found.group()
    return f"{head}{double or single or ''}{REDACTED}"


def _after(found: _Found) -> str:
    """A head that is enough by itself."""
    head, value = found.group(1), found.group(2)
    return found.group() if keeps(value) else f"{head}{REDACTED}"


def _random_after(found: _Found) -> str:
    value = found.group(2)
    if keeps(value) or not _looks_random(value):
        return found.group()
    return f"{found.group(1)}{REDACTED}"


def _authorization(found: _Found) -> str:
    value = found.group(2)
    if keeps(value) or value.upper() in {"AWS4-HMAC-SHA256", "SHAREDKEY", "TOKEN", "DIGEST"}:
        return found.group()
    return f"{found.group(1)}{REDACTED}"


def _userinfo(found: _Found) -> str:
    return found.group() if keeps(found.group(2)) else f"{found.group(1)}{REDACTED}@"


def _whole(_found: _Found) -> str:
    return REDACTED


_Pattern = tuple[Any, tuple[str, ...], Callable[[_Found], str]]

_PRIVATE_KEY = r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
_WEB_TOKEN = r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*"
_VENDOR_TOKEN = (
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abeprs]-[\w-]{10,}|ya29\.[\w.-]{10,}"
    r"|AIza[\w-]{30,}|[sr]k_live_\w{16,}|glpat-[\w-]{16,}"
    r"|(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz)[\w+/=%-]{16,})"
)
_VENDORS = (
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "ya29.", "aiza", "k_live_",
    "glpat-", "iqojb3jpz2lu", "ogzxivyxdz",
)  # fmt: skip
_URL_PASSWORD = r"""(?i)([a-z][a-z0-9+.-]*://[^/\s:@"'?#<>]*:)([^/\s"'<>]+)@"""
_URL_TOKEN = r"""(?i)([a-z][a-z0-9+.-]*://)([^/\s:@"'?#<>]{20,})@"""
_URL_SIGNATURE = r"""(?i)([?&](?:sig|signature|x-amz-signature|x-goog-signature)=)([^&\s"'#<>]+)"""
_AUTHORIZATION = (
    r"""(?i)(authorization\\*["']?\s{0,4}[:=]\s{0,4}\\*["']?(?:(?:bearer|basic|token|negotiate"""
    r"""|ntlm|apikey|sharedkey|sharedaccesssignature)\s{1,4})?)([^\s"'\\,;]+)"""
)
_BEARER = r"(?i)\b((?:bearer|basic)\s{1,4})([A-Za-z0-9._~+/=-]+)"
_COOKIE = r"""(?i)((?:\b|\\[rn])(?:set-)?cookie\\*["']?\s{0,4}:\s{0,4}\\*["']?)([^"'\r\n\\]+)"""
_SIGNATURE = r"""(?i)(\b(?:signature|response)="?)([0-9a-f]{32,})"""
_NAMED_VALUE = (
    rf"""(?is)(?P<head>(?:^|[^\w./-]|(?:^|\s)/)(?P<name>{NAME})\\*["']?"""
    rf"""(?:\s{{0,8}}(?::=|=>|[:=])\s{{0,8}}|%3d))(?:{_VALUE})"""
)
_FLAG_VALUE = (
    rf"""(?is)(?P<head>(?:(?:^|[\s"'])--?(?:{NAME})|\baws_(?:secret_access_key|session_token))"""
    rf"""(?:\s+|["']?,\s{{0,4}}))"""
    rf"""(?:(?P<double>")(?P<b>[^"]*)|(?P<single>')(?P<c>[^']*)|(?P<d>{_BARE}))"""
)
_SECURE_STRING = r"""(?i)(convertto-securestring\s+(?:-string\s+)?["']?)([^\s"'|;-][^\s"'|;]*)"""
_CURL_USER = (
    r"""(?i)(\bcurl(?:\.exe)?\b[^|;]*?[\s"',](?:-u|--user|--proxy-user)["']?[\s=,]{0,4}["']?"""
    r"""[^\s:"',]+:)([^\s"',\]]+)"""
)
_SSHPASS = r"""(?i)(\bsshpass\s+-p\s*["']?)([^\s"']+)"""
_MYSQL_PASSWORD = (
    r"""((?:^|[;|&("'`{\[=,]\s*|\bsudo\s+)(?:[\w./-]*/)?(?i:mysql|mysqldump|mysqladmin|mariadb)"""
    r"""(?:\.exe)?(?:\s|["']?,\s?)(?:[^|;]*?[\s,])?["']?-p)([^\s"'=,\]]+)"""
)

# <Password>…</Password>, as in unattend.xml; the value may be an element of its own.
_ELEMENT = (
    rf"""(?i)(<(?:[\w.-]+:)?(?:[\w.-]*(?:{_STRONG}))(?:\s[^<>]{{0,200}})?>(?:\s{{0,80}}<value>)?)"""
    r"""([^<]+)"""
)

_SAYING = ("token", "secret", "pass", "pwd", "key")
_TABLE: tuple[tuple[str, tuple[str, ...], Callable[[_Found], str]], ...] = (
    (_PRIVATE_KEY, ("-----begin",), _whole),
    (_WEB_TOKEN, ("eyj",), _whole),
    (_VENDOR_TOKEN, _VENDORS, _whole),
    (_URL_PASSWORD, ("@",), _userinfo),
    (_URL_TOKEN, ("@",), _userinfo),
    (_URL_SIGNATURE, ("sig=", "signature="), _after),
    (_AUTHORIZATION, ("authorization",), _authorization),
    (_BEARER, ("bearer", "basic"), _random_after),
    (_COOKIE, ("cookie",), _after),
    (_SIGNATURE, ("signature", "response"), _after),
    (_NAMED_VALUE, _SAYING, _named),
    (_FLAG_VALUE, _SAYING, _flagged),
    (_SECURE_STRING, ("convertto-securestring",), _after),
    (_CURL_USER, ("-u",), _after),
    (_SSHPASS, ("sshpass",), _after),
    (_MYSQL_PASSWORD, ("mysql", "mariadb"), _after),
    (_ELEMENT, ("<",), _after),
)
"""A pattern; of which words a text that it matches has one, in lower case; what to put there."""


@cache
def _patterns() -> tuple[_Pattern, ...]:
    import re2

    return tuple((re2.compile(pattern), words, replace) for pattern, words, replace in _TABLE)


def _compiled(pattern: str) -> re.Pattern[bytes]:
    import re2

    options = re2.Options()
    options.never_capture = True
    compiled: re.Pattern[bytes] = re2.compile(pattern, options)
    return compiled


@cache
def _gate() -> re.Pattern[bytes]:
    return _compiled(f"(?i){_GATE}")


@cache
def _screen() -> re.Pattern[bytes]:
    """The same for many texts, each behind a line's end.

    Between texts that are joined, the gate can only match at a name such as ``api key``.
    """
    return _compiled(rf"(?i){_GATE}|\nkey|\[redacted\]")
