"""Secrets out, evidence in: what an alert may not carry is replaced by ``[redacted]``.

Values are found by the name they stand under (a key of a document, a flag, a header, ``name=…``)
or by a shape that only secrets have (JSON web tokens, vendors' token prefixes). Access key ids,
paths, URLs and variables such as ``$TOKEN`` are evidence and stay.

>>> scrub_text('curl -H "X-aws-ec2-metadata-token: AQAEAL0x==" http://169.254.169.254/latest/')
'curl -H "X-aws-ec2-metadata-token: [redacted]" http://169.254.169.254/latest/'
>>> scrub({"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "wJalr"})
{'AccessKeyId': 'ASIAEXAMPLE', 'SecretAccessKey': '[redacted]'}

Scrubbing what has been scrubbed changes nothing. The patterns run on RE2, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

REDACTED = "[redacted]"
TOO_DEEP = "[nested too deeply]"

_DEEPEST = 100
_ROUNDS = 6
_LONGEST_KEPT = 1_024

_SECRET_KEYS = frozenset({
    "apikey", "authtoken", "authorization", "accesstoken", "accountkey", "awssecretaccesskey",
    "awssessiontoken", "bearertoken", "clientsecret", "cookie", "idtoken", "masteruserpassword",
    "passphrase", "passwd", "password", "privatekey", "proxyauthorization", "refreshtoken",
    "pwd", "secret", "secretaccesskey", "secretkey", "secretstring", "securitytoken",
    "sessiontoken", "setcookie", "sharedaccesskey", "sharedsecret", "token",
    "xamzsecuritytoken", "xapikey", "xauthtoken",
    "xawsec2metadatatoken", "xvaulttoken",
})  # fmt: skip
"""Names of fields that hold a secret: the last part of a key, in lower case, without ``_ -``."""

_SECRET_END = re.compile(
    r"(?:passw(?:or)?d|passphrase|secretaccesskey|clientsecret|privatekey|secretkey"
    r"|(?:access|auth|refresh|sas|security|session)token)\Z"
)
"""Ends of such names that say the same whatever stands before them."""

_SECRET_WORD = re.compile(r"[A-Za-z0-9][_-](?:token|secret|pwd)\Z", re.IGNORECASE)

# The end of a name that says "secret", and names that say so only when they stand alone.
_STRONG = (
    r"secret[_-]?access[_-]?key|(?:session|security|access|refresh|id|auth|bearer|api)[_-]?token"
    r"|[_-]token|client[_-]?secret|shared[_-]?secret|[_-]secret|passw(?:or)?d|passphrase|[_-]pass"
    r"|(?:secret|api|account|shared[_-]?access|private)[_-]?key|access[_-]?key[_-]?secret|[_-]pwd"
)
_WEAK = r"token|secret|pass|pwd"
_NAME = rf"[\w.-]*(?:{_STRONG})|-{{0,2}}(?:{_WEAK})"
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
_ANY_PATH = re.compile(r"[/~.]|[A-Za-z]:")
_KEY_ID = re.compile(r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{4,124}\Z")
# "Bearer Oracle" is what Oracle's metadata service wants to hear.
_NO_SECRET = frozenset(
    ("", "true", "false", "null", "none", "nil", "undefined", "oracle", "bearer", "basic")
)
_FLAG = re.compile(
    rf"(?:--?(?:{_NAME})|aws_(?:secret_access_key|session_token))\Z", re.IGNORECASE | re.ASCII
)
_ARGUMENTS = frozenset({"args", "argv", "arguments"})
_OPTIONS = frozenset({"args_options", "args_flags"})
_NUMBERED = re.compile(r"argv\[\d{1,7}\]\Z")
_NUMBERED_RECORD = re.compile(r"a\d{1,7}\Z")
_PROGRAM = ("argv0", "comm", "name", "executable")
_MOST_PROGRAMS = 8
_MYSQL = re.compile(r"mysql\w*|mariadb\w*|sshpass", re.ASCII)
_RANDOM_LENGTH = 20
_SHORT_LENGTH = 8

_Found = re.Match[str]


def scrub(value: Any) -> Any:
    """A copy of a JSON value without secrets; what is not JSON becomes its text."""
    return _scrub(value, 0)


def scrub_field(field: str, value: Any) -> Any:
    """A value that stands under a dotted field name, without secrets."""
    return _under(field, value, 0)


def scrub_text(text: str) -> str:
    """A text, such as a command line, without secrets, and fit for UTF-8.

    >>> scrub_text("mysql -uroot --password hunter2 --host db")
    'mysql -uroot --password [redacted] --host db'
    """
    return _scrub_short(text) if len(text) <= _LONGEST_KEPT else _scrub_text(text)


def _scrub_text(text: str) -> str:
    if not text.isascii():
        # Halves of surrogate pairs can be in JSON, but not in UTF-8.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if _gate().search(text) is None:
        return text
    for _ in range(_ROUNDS):
        before = text
        for pattern, replace in _patterns():
            text = pattern.sub(replace, text)
        if text == before:
            break
    return text


# The same names and values come again and again: several rules ring for one event.
_scrub_short = lru_cache(maxsize=8_192)(_scrub_text)


# --- documents -----------------------------------------------------------------------------------


def _scrub(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= _DEEPEST:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return _object(value, depth)
    if isinstance(value, (list, tuple)):
        return _array(value, depth)
    if isinstance(value, (bytes, bytearray)):
        return scrub_text(bytes(value).decode("utf-8", "replace"))
    return scrub_text(str(value))


def _object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    scrubbed = {
        scrub_text(k) if isinstance(k, str) else str(k): _under(str(k), v, depth + 1)
        for k, v in value.items()
    }
    _scrub_arguments(value, scrubbed)
    # A header as an object: {"name": "Authorization", "value": …}.
    name = value.get("name") or value.get("key")
    if isinstance(name, str) and "value" in value and _is_secret_key(name):
        scrubbed["value"] = _under(name, value["value"], depth + 1)
    return scrubbed


def _under(key: str, value: Any, depth: int) -> Any:
    if not _is_secret_key(key) or (key.lower().endswith("cookie") and "=" not in str(value)):
        return _scrub(value, depth)  # a socket has a cookie too: a number
    if isinstance(value, str):
        if key.lower().endswith("pwd") and _ANY_PATH.match(value):
            return _scrub(value, depth)  # the directory that a program is in
        return _hide(scrub_text(value))
    if isinstance(value, (list, tuple)):
        if depth >= _DEEPEST:
            return TOO_DEEP
        return [_under(key, element, depth + 1) for element in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return REDACTED
    return _scrub(value, depth)


@lru_cache(maxsize=4_096)
def _is_secret_key(key: str) -> bool:
    name = key.rpartition(".")[2]
    if _SECRET_WORD.search(name):
        return True
    plain = name.lower().replace("_", "").replace("-", "")
    return plain in _SECRET_KEYS or _SECRET_END.search(plain) is not None


def _hide(text: str) -> str:
    """A secret's text; the scheme of an authorization is evidence and stays."""
    scheme, space, rest = text.partition(" ")
    if space and scheme.lower() in {"bearer", "basic", "token", "digest", "aws4-hmac-sha256"}:
        if scheme.lower() == "aws4-hmac-sha256":
            return text  # its signature is gone, its access key id is wanted
        return text if rest.lower() in _NO_SECRET else f"{scheme} {REDACTED}"
    return text if text.lower() in _NO_SECRET else REDACTED


def _scrub_arguments(value: Mapping[Any, Any], scrubbed: dict[str, Any]) -> None:
    """The arguments of what may be a process, in every form in which they stand there."""
    texts = [key for key in scrubbed if key.rpartition(".")[2] in _ARGUMENTS]
    for key in texts:
        scrubbed[key] = _arguments(scrubbed[key], _programs(value, key))
    # How SECL names one argument, and how the records of Linux's audit do.
    form = _NUMBERED_RECORD if value.get("type") == "EXECVE" else _NUMBERED
    numbered = [key for key in scrubbed if key[:1] == "a" and form.match(key)]
    if numbered:
        listed = _arguments([scrubbed[key] for key in numbered], _programs(value, ""))
        scrubbed.update(zip(numbered, listed, strict=True))
    clean = str([scrubbed[key] for key in texts])
    if REDACTED in clean:
        for key in _OPTIONS & scrubbed.keys():
            if isinstance(scrubbed[key], list):
                scrubbed[key] = [_option(option, clean) for option in scrubbed[key]]


def _option(option: Any, clean: str) -> Any:
    """One of SECL's ``args_options`` or ``args_flags``, if its value still is in the arguments."""
    if not isinstance(option, str):
        return option
    name, sign, text = option.partition("=")
    if sign:
        return option if text in clean else f"{name}={REDACTED}"
    return option if option in clean else REDACTED


def _programs(process: Mapping[Any, Any], key: str) -> list[str]:
    """What a process may be called, where its arguments do not begin with that."""
    head = key.rpartition(".")[0]
    found: list[str] = []
    for name in _PROGRAM:
        called = process.get(f"{head}.{name}" if head else name)
        for text in called[:_MOST_PROGRAMS] if isinstance(called, list) else [called]:
            if isinstance(text, str) and 0 < len(text) <= _LONGEST_KEPT and text not in found:
                found.append(text)
    return found[:_MOST_PROGRAMS]


def _arguments(scrubbed: Any, programs: list[str]) -> Any:
    """Arguments without the secrets that only show beside their neighbours or their program.

    Some sensors split a command line at its blanks, so that ``Authorization:``, ``Bearer`` and the
    token are three arguments; and SECL's arguments lack the program.
    """
    first = scrubbed[0] if isinstance(scrubbed, list) and scrubbed else scrubbed
    if not programs and isinstance(first, str) and first.startswith("-"):
        programs = ["curl"]  # a name and a password behind -u are what that takes
    if isinstance(scrubbed, str):
        # What begins with the program already was read with it.
        for program in programs:
            clean = scrub_text(f"{program} {scrubbed}")
            if clean.startswith(f"{program} "):
                scrubbed = clean.removeprefix(f"{program} ")
        return scrubbed
    if not isinstance(scrubbed, list) or not all(isinstance(a, str) for a in scrubbed):
        return scrubbed
    begins: list[list[str]] = [[], *([program] for program in programs)]
    for begin in begins:
        scrubbed = _array([*begin, *scrubbed], 0)[len(begin) :]
    for begin in begins:
        joined = " ".join([*begin, *scrubbed])
        clean = scrub_text(joined)
        if clean != joined:
            words = set(clean.replace('"', " ").replace("'", " ").split())
            scrubbed = [a if _stands(a, clean, words) else REDACTED for a in scrubbed]
    return scrubbed


def _stands(argument: str, clean: str, words: set[str]) -> bool:
    """Whether an argument is still in a command line that was scrubbed."""
    return argument in words or (" " in argument and argument in clean) or not argument.strip("\"'")


def _array(values: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    """The elements; in a list of arguments the one after a secret's flag is a secret."""
    scrubbed = [_scrub(value, depth + 1) for value in values]
    program = scrubbed[0] if scrubbed and isinstance(scrubbed[0], str) else ""
    program = program.replace("\\", "/").rpartition("/")[2].lower()
    for number in range(1, len(scrubbed)):
        flag, argument = scrubbed[number - 1], scrubbed[number]
        if isinstance(flag, str) and isinstance(argument, str):
            scrubbed[number] = _argument(program, flag, argument)
    return scrubbed


def _argument(program: str, flag: str, argument: str) -> str:
    if _FLAG.match(flag):
        return argument if _keeps(argument) or argument.startswith("-") else REDACTED
    if flag in {"-u", "--user", "-U", "--proxy-user"} and program.startswith("curl"):
        name, colon, secret = argument.partition(":")
        return f"{name}:{REDACTED}" if colon and not _keeps(secret) else argument
    if _MYSQL.match(program):
        if program == "sshpass" and flag == "-p" and not _keeps(argument):
            return REDACTED
        if argument.startswith("-p") and not _keeps(argument[2:]) and argument.isascii():
            return f"-p{REDACTED}" if "=" not in argument else argument
    return argument


# --- texts ---------------------------------------------------------------------------------------


def _keeps(value: str, *, is_pwd: bool = False) -> bool:
    """Whether a value under a secret's name is none: a variable, a path, a yes or no."""
    if value.startswith(REDACTED[:-1]) or value.lower() in _NO_SECRET:
        return True
    if _VARIABLE.match(value) or _PATH.match(value) or _KEY_ID.match(value):
        return True
    return is_pwd and _ANY_PATH.match(value) is not None


def _looks_random(value: str) -> bool:
    if len(value) >= _RANDOM_LENGTH:
        return True
    return len(value) >= _SHORT_LENGTH and any(c.isdigit() for c in value)


def _named(found: _Found) -> str:
    """``name=value``, ``"name": "value"``: the value goes."""
    name, head = found.group("name").lower(), found.group("head")
    opening = found.group("escaped") or found.group("double") or found.group("single") or ""
    groups = (found.group("a"), found.group("b"), found.group("c"), found.group("d"))
    value = next((g for g in groups if g), "")
    if not value or _keeps(value, is_pwd=name.endswith("pwd")):
        return found.group()
    is_weak = name.lstrip("-") in {"token", "secret", "pass", "passwd"}
    if is_weak and head.startswith(":") and head.endswith(":"):
        return found.group()  # arn:aws:secretsmanager:eu-west-1:123456789012:secret:its-name
    if is_weak and not opening and head[-1:].isspace() and not _looks_random(value):
        return found.group()
    return f"{head}{opening}{REDACTED}"


def _flagged(found: _Found) -> str:
    """``--name value``: the value goes."""
    value = found.group("b") or found.group("c") or found.group("d") or ""
    if not value or _keeps(value) or value.startswith("-"):
        return found.group()
    opening = found.group("double") or found.group("single") or ""
    return f"{found.group('head')}{opening}{REDACTED}"


def _after(found: _Found) -> str:
    """A head that is enough by itself."""
    head, value = found.group(1), found.group(2)
    return found.group() if _keeps(value) else f"{head}{REDACTED}"


def _random_after(found: _Found) -> str:
    value = found.group(2)
    if _keeps(value) or not _looks_random(value):
        return found.group()
    return f"{found.group(1)}{REDACTED}"


def _authorization(found: _Found) -> str:
    value = found.group(2)
    if _keeps(value) or value.upper() in {"AWS4-HMAC-SHA256", "SHAREDKEY", "TOKEN", "DIGEST"}:
        return found.group()
    return f"{found.group(1)}{REDACTED}"


def _userinfo(found: _Found) -> str:
    return found.group() if _keeps(found.group(2)) else f"{found.group(1)}{REDACTED}@"


def _whole(_found: _Found) -> str:
    return REDACTED


_Pattern = tuple["re.Pattern[str]", Callable[[_Found], str]]

_PRIVATE_KEY = r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
_WEB_TOKEN = r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*"
_VENDOR_TOKEN = (
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abeprs]-[\w-]{10,}|ya29\.[\w.-]{10,}"
    r"|AIza[\w-]{30,}|[sr]k_live_\w{16,}|glpat-[\w-]{16,}"
    r"|(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz)[\w+/=%-]{16,})"
)
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
    rf"""(?is)(?P<head>(?:^|[^\w./-]|(?:^|\s)/)(?P<name>{_NAME})\\*["']?"""
    rf"""(?:\s{{0,8}}(?::=|=>|[:=])\s{{0,8}}|%3d))(?:{_VALUE})"""
)
_FLAG_VALUE = (
    rf"""(?is)(?P<head>(?:(?:^|[\s"'])--?(?:{_NAME})|\baws_(?:secret_access_key|session_token))"""
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

_TABLE: tuple[tuple[str, Callable[[_Found], str]], ...] = (
    (_PRIVATE_KEY, _whole),
    (_WEB_TOKEN, _whole),
    (_VENDOR_TOKEN, _whole),
    (_URL_PASSWORD, _userinfo),
    (_URL_TOKEN, _userinfo),
    (_URL_SIGNATURE, _after),
    (_AUTHORIZATION, _authorization),
    (_BEARER, _random_after),
    (_COOKIE, _after),
    (_SIGNATURE, _after),
    (_NAMED_VALUE, _named),
    (_FLAG_VALUE, _flagged),
    (_SECURE_STRING, _after),
    (_CURL_USER, _after),
    (_SSHPASS, _after),
    (_MYSQL_PASSWORD, _after),
    (_ELEMENT, _after),
)


@cache
def _patterns() -> tuple[_Pattern, ...]:
    import re2

    return tuple((re2.compile(pattern), replace) for pattern, replace in _TABLE)


@cache
def _gate() -> re.Pattern[str]:
    import re2

    gate: re.Pattern[str] = re2.compile(f"(?i){_GATE}")
    return gate
