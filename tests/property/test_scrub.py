"""Scrubbing is held to its plain definition, over random documents with secrets in every form.

The definition (the first half of this file) asks of each text whether it holds a secret, and of
each process what its arguments are; the patterns are those of the code that it is compared with.
"""

from __future__ import annotations

import re
from collections import OrderedDict, UserDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.alerts import scrub as tested
from tocsin.alerts._arguments import _FLAG, _MYSQL
from tocsin.alerts._secret_texts import (
    _GATE,
    _TABLE,
    ANY_PATH,
    NO_SECRET,
    REDACTED,
    keeps,
    suspects,
)
from tocsin.alerts.scrub import TOO_DEEP, _says_secret

_DEEPEST = 100
_LONGEST_KEPT = 1_024
_ARGUMENTS = {"args", "argv", "arguments"}
_OPTIONS = {"args_options", "args_flags"}
_NUMBERED = re.compile(r"argv\[\d{1,7}\]\Z")
_NUMBERED_RECORD = re.compile(r"a\d{1,7}\Z")
_PROGRAM = ("argv0", "comm", "name", "executable")
_MOST_PROGRAMS = 8
_PATTERNS = [(re2.compile(pattern), replace) for pattern, _, replace in _TABLE]
_ANYTHING = re2.compile(f"(?i){_GATE}")


# --- the definition ------------------------------------------------------------------------------


def scrub_text(text: str) -> str:
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if _ANYTHING.search(text) is None:
        return text
    for _ in range(6):
        before = text
        for pattern, replace in _PATTERNS:
            text = pattern.sub(replace, text)
        if text == before:
            break
    return text


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
    if isinstance(name, str) and "value" in value and _says_secret(name):
        scrubbed["value"] = _under(name, value["value"], depth + 1)
    return scrubbed


def _under(key: str, value: Any, depth: int) -> Any:
    if not _says_secret(key) or (key.lower().endswith("cookie") and "=" not in str(value)):
        return _scrub(value, depth)  # a socket has a cookie too: a number
    if isinstance(value, str):
        if key.lower().endswith("pwd") and ANY_PATH.match(value):
            return _scrub(value, depth)  # the directory that a program is in
        return _hide(scrub_text(value))
    if isinstance(value, (list, tuple)):
        if depth >= _DEEPEST:
            return TOO_DEEP
        return [_under(key, element, depth + 1) for element in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return REDACTED
    return _scrub(value, depth)


def _hide(text: str) -> str:
    """A secret's text; the scheme of an authorization is evidence and stays."""
    scheme, space, rest = text.partition(" ")
    if space and scheme.lower() in {"bearer", "basic", "token", "digest", "aws4-hmac-sha256"}:
        if scheme.lower() == "aws4-hmac-sha256":
            return text  # its signature is gone, its access key id is wanted
        return text if rest.lower() in NO_SECRET else f"{scheme} {REDACTED}"
    return text if text.lower() in NO_SECRET else REDACTED


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
        return argument if keeps(argument) or argument.startswith("-") else REDACTED
    if flag in {"-u", "--user", "-U", "--proxy-user"} and program.startswith("curl"):
        name, colon, secret = argument.partition(":")
        return f"{name}:{REDACTED}" if colon and not keeps(secret) else argument
    if _MYSQL.match(program):
        if program == "sshpass" and flag == "-p" and not keeps(argument):
            return REDACTED
        if argument.startswith("-p") and not keeps(argument[2:]) and argument.isascii():
            return f"-p{REDACTED}" if "=" not in argument else argument
    return argument


# --- random documents ----------------------------------------------------------------------------

_WORDS = st.sampled_from(
    [
        "password", "token", "secret", "Authorization", "Authorization:", "Bearer", "Basic", "curl",
        "eyJhbGciOi.eyJzdWIi.x", "mysql", "sshpass", "-p", "-phush", "-u", "bell:hush", "-H", "-la",
        "--password", "sig", "?", "&", "=", ":", " ", '"', "'", "\\", "[redacted]", "[redacted", "]",
        ",", ")", "}", "://", "a:b@c", "AKIAEXAMPLE", "ghp_0123456789abcdefghij", "$TOKEN", "hunter2",
        "/etc/x", "aws_secret_access_key", "%3D", "cookie: ", "\n", "-----BEGIN PRIVATE KEY-----",
        "\ud800", "é", "api", "access", "key", "KEY=abc123def456", "keyring", "\u212aey", "to\u212aen",
        "pa\u017f\u017fword", "EXECVE", "a=b", "u=bell:hush", "true", "AWS4-HMAC-SHA256", "ls",
        "<Password>hush</Password>", "user@web-1", "https://ring.example/x", "account key=abc",
        "signature=0123456789abcdef0123456789abcdef", "ConvertTo-SecureString",
    ]
)  # fmt: skip
_TEXTS = (
    _WORDS
    | st.lists(_WORDS, max_size=6).map("".join)
    | st.lists(_WORDS, max_size=6).map(" ".join)
    | st.text(max_size=8)
    | _WORDS.map(lambda word: "x" * 1_020 + " " + word)
)
_KEYS = st.sampled_from(
    [
        "password", "Token", "to_ken", "name", "value", "key", "a.authorization", "args", "argv",
        "arguments", "process.args", "process.name", "argv[0]", "argv[1]", "a0", "a1", "type",
        "argv0", "comm", "executable", "args_options", "args_flags", "cookie", "pwd", "x", "host",
        "api key", "ghp_0123456789abcdefghij", "k\ud800", "é", "", "a.b", "secret" * 40, "k" * 200,
    ]
) | _TEXTS  # fmt: skip
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | _TEXTS
_JSON = st.recursive(
    _SCALARS,
    lambda below: st.lists(below, max_size=5) | st.dictionaries(_KEYS, below, max_size=5),
    max_leaves=25,
)
_DOCUMENTS = st.dictionaries(_KEYS, _JSON, max_size=6)
_PROGRAMS = st.sampled_from(["curl", "mysql", "ls", "/usr/bin/sshpass", ["bash", "mysql"], "app"])
_LISTS = st.lists(_TEXTS, max_size=6)
_PROCESSES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(_PROGRAM, _PROGRAMS | _TEXTS),
        **dict.fromkeys(sorted(_ARGUMENTS), _LISTS | _TEXTS | _JSON),
        **dict.fromkeys(sorted(_OPTIONS), _LISTS | _TEXTS),
        **dict.fromkeys(("argv[0]", "argv[1]", "argv[2]", "a0", "a1", "a2"), _TEXTS | _JSON),
        "type": st.just("EXECVE"),
        "parent": _DOCUMENTS,
    },
)
_ODD = st.sampled_from(
    [
        b"password=hush", bytearray(b"\xff"), (1, "--password", "hush"), 2**80, {"hush"},
        OrderedDict(password="hush"), MappingProxyType({"password": "hush", "a": ["curl"]}),
        UserDict(args=["--token", "hush"]),
    ]
)  # fmt: skip
_ANY = st.recursive(
    _SCALARS | _ODD,
    lambda below: (
        st.lists(below, max_size=4)
        | st.tuples(below, below)
        | st.dictionaries(_KEYS | st.sampled_from([1, None, 2.5]), below, max_size=4)
    ),
    max_leaves=12,
)


def shown(value: Any) -> str:
    """A value with its types and the order of its keys; surrogates and NaN are themselves."""
    return ascii(value)


@settings(max_examples=400)
@given(_DOCUMENTS | _PROCESSES | st.fixed_dictionaries({"process": _PROCESSES, "x": _JSON}))
@example({"args": ["ConvertTo-SecureString", "hush", "api", "key"]})
@example({"name": "private", "args": "keyring ConvertTo-SecureString hush"})
@example({"args": ["-u", "bell:hush"]})
@example({"args": [{"password": "hush"}], "args_options": ["a=b"]})
@example({"args": [1, "--password", "hush"], "args_options": ["hush"]})
@example({"args": ["mysql", None, "--password", "hush"], "args_flags": ["password", "hush"]})
@example({"name": "to_ken", "value": "hush"})
@example({"comm": "curl", "argv[0]": "-u", "argv[1]": "bell:hush"})
@example({"args": "[redacted] x", "args_flags": ["v"]})
@example({"process": {"cookie": 18446612686453401024, "pwd": "/srv"}})
def test_a_document_is_scrubbed_as_its_definition_says(document: dict[str, Any]) -> None:
    before = shown(document)
    expected = shown(_scrub(document, 0))
    assert shown(tested.scrub(document)) == expected
    assert shown(tested.scrubbed(document)) == expected
    assert shown(document) == before


@settings(max_examples=200)
@given(_ANY)
@example({"a": MappingProxyType({"b": 1})})
@example({"args": (b"-u", "bell:hush"), "comm": "curl"})
def test_what_is_no_json_is_scrubbed_as_its_definition_says(value: Any) -> None:
    expected = shown(_scrub(value, 0))
    assert shown(tested.scrub(value)) == expected
    if isinstance(value, dict):
        assert shown(tested.scrubbed(value)) == expected


@given(_KEYS, _JSON)
def test_a_value_of_a_field_is_scrubbed_as_its_definition_says(field: str, value: Any) -> None:
    assert shown(tested.scrub_field(field, value)) == shown(_under(field, value, 0))


@settings(max_examples=400)
@given(_TEXTS)
@example("bearer bearer abc01234")
@example("password=[redacted]]]")
def test_a_text_is_scrubbed_as_its_definition_says(text: str) -> None:
    assert tested.scrub_text(text) == scrub_text(text)


_HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----", f"eyJ{_HEX}.{_HEX}", "psql x://bob:hush@db", f"x://{_HEX}@db",
        *(f"{prefix}{_HEX}{_HEX}" for prefix in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
        *(f"{prefix}{_HEX}{_HEX}" for prefix in ("github_pat_", "ya29.", "AIza", "glpat-")),
        *(f"xox{letter}-{_HEX}" for letter in "abeprs"), f"sk_live_{_HEX}", f"rk_live_{_HEX}",
        f"IQoJb3JpZ2lu{_HEX}", f"FwoGZXIvYXdz{_HEX}", f"FQoGZXIvYXdz{_HEX}",
        *(f"?{name}=hush" for name in ("sig", "Signature", "X-Amz-Signature", "x-goog-signature")),
        "Authorization: hush", f"BASIC {_HEX}", f"Bearer {_HEX}", "Set-Cookie: a=b", "\\ncookie: a",
        f"signature={_HEX}", f'Response="{_HEX}', "ConvertTo-SecureString -String hush",
        *(f"{name}=hush" for name in ("SecretAccessKey", "session-token", "github_token", "PGPASSWORD")),
        *(f"{name}: hush" for name in ("client_secret", "x-secret", "passphrase", "db_pass", "ApiKey")),
        *(f"--{name} hush" for name in ("private-key", "AccountKey", "access_key_secret", "db-pwd")),
        "token=hush", "-secret hush", "pass%3dhush", "pwd:=hush", "aws_secret_access_key hush",
        "curl -u bell:hush", "curl --user bell:hush", "CURL.EXE --proxy-user=bell:hush",
        "sshpass -p hush", "mysql -phush", "sudo mariadb -u x -phush", "MySQLdump -phush",
        "<Password>hush</Password>", "<x:AdminPassword>\n<Value>hush</Value>",
    ],
)  # fmt: skip
def test_a_text_that_a_pattern_matches_has_one_of_its_words(text: str) -> None:
    matching = [words for pattern, words, _ in _TABLE if re2.search(pattern, text) is not None]
    assert matching
    assert all(any(word in text.lower() for word in words) for words in matching)
    assert tested.scrub_text(text) == scrub_text(text)
    # The gate lets everything pass that has a name in it.
    assert tested.scrub_text(f"curl {text}") == scrub_text(f"curl {text}")


@settings(max_examples=500)
@given(_TEXTS)
def test_any_text_that_a_pattern_matches_has_one_of_its_words(text: str) -> None:
    if text.isascii():
        for pattern, words, _ in _TABLE:
            if re2.search(pattern, text) is not None:
                assert any(word in text.lower() for word in words)


@pytest.mark.parametrize("levels", [98, 99, 100, 101, 300])
@pytest.mark.parametrize("around", [lambda d: {"a": d}, lambda d: {"password": [d]}])
def test_what_is_nested_deeply_is_cut_as_its_definition_says(levels: int, around: Any) -> None:
    document: dict[str, Any] = {"x": ["y"]}
    for _ in range(levels):
        document = around(document)
    assert shown(tested.scrubbed(document)) == shown(_scrub(document, 0))


@settings(max_examples=300)
@given(st.lists(_TEXTS, max_size=12))
def test_texts_that_are_not_named_hold_nothing_alone_or_joined(texts: list[str]) -> None:
    numbers = suspects(texts)
    if numbers is None:
        assert any(0xD800 <= ord(c) < 0xE000 for text in texts for c in text)
        return
    assert numbers == sorted(set(numbers))
    others = [text for number, text in enumerate(texts) if number not in numbers]
    assert all(scrub_text(text) == text and REDACTED not in text for text in others)
    for joined in (" ".join(others), " ".join(reversed(others))):
        assert scrub_text(joined) == joined
