from __future__ import annotations

import base64
from typing import Any

import pytest

from tocsin.engine import reference
from tocsin.errors import QueryError, QuerySemanticError, UnsupportedFeature
from tocsin.languages.sigma import NeedsValues, compile_detection
from tocsin.logic.expr import Expr, Leaf, Not, Script
from tocsin.logic.matchers import Equals, InNetwork, Regex, Wildcard


def expr(line: Any, **options: Any) -> Expr:
    return compile_detection({"sel": line}, "sel", **options).where


def holds(line: Any, document: dict[str, Any], **options: Any) -> bool:
    return reference.holds(expr(line, **options), document)


@pytest.mark.parametrize(
    ("line", "yes", "no"),
    [
        # texts
        ({"a": "Curl"}, ["curl", "CURL", ["x", "curl"]], ["curl ", "xcurl", "", None]),
        ({"a|cased": "Curl"}, ["Curl"], ["curl", "CURL"]),
        ({"a": ""}, [""], ["x", None]),
        ({"a": ["x", "y"]}, ["x", "Y"], ["z", "xy"]),
        ({"a": "x*y"}, ["xy", "xAAy", "x\ny"], ["xyz"]),
        ({"a": "x?y"}, ["x1y"], ["xy", "x12y"]),
        ({"a": r"x\*y"}, ["x*y"], ["x1y", r"x\*y"]),
        ({"a": r"x\?y"}, ["x?y"], ["x1y"]),
        ({"a": r"x\\*"}, [r"x\y", "x\\"], ["x*", "xy"]),
        ({"a": r"C:\Windows\*"}, [r"c:\windows*"], [r"c:\windows\x"]),
        ({"a": r"C:\x"}, [r"c:\X"], [r"c:x"]),
        ({"a": "*"}, ["", "x", 0], [None]),
        # numbers and booleans
        ({"a": 4688}, [4688, "4688"], [4689, "04688", True]),
        ({"a": "4688"}, [4688, "4688"], []),
        ({"a": 1.5}, [1.5, "1.5"], [1]),
        ({"a": True}, [True, "true", "True"], [False, "1", 1]),
        ({"a": "false"}, [False, "FALSE"], [True, 0]),
        ({"a": [1, "x*"]}, [1, "1", "xy"], [2]),
        # nothing
        ({"a": None}, [None], ["", 0, "x"]),
        ({"a": [None, "x"]}, [None, "x"], [""]),
        ({"a": []}, [None], ["x"]),
        ({"a|exists": True}, ["", 0, "x"], [None]),
        ({"a|exists": False}, [None], ["", "x"]),
        # parts of texts
        ({"a|contains": "cur"}, ["xCURl"], ["cu r"]),
        ({"a|startswith": "cur"}, ["Curl"], ["xcurl"]),
        ({"a|endswith": "url"}, ["CURL"], ["urls"]),
        ({"a|contains": ""}, ["", "x"], [None]),
        ({"a|contains": "*"}, ["", "x"], [None]),
        ({"a|contains": "x*y"}, ["..x..y.."], ["yx"]),
        ({"a|contains|cased": "Cur"}, ["xCurl"], ["xcurl"]),
        ({"a|contains|all": ["x", "y"]}, ["y x", ["x y"]], ["x", "y"]),
        ({"a|startswith": "12"}, [123, "12x"], [312]),
        # regular expressions
        ({"a|re": "a.c"}, ["xabcx"], ["xABCx", "a\nc"]),
        ({"a|re|i": "a.c"}, ["xABCx", "abc"], ["ab"]),
        ({"a|re|s": "a.c"}, ["a\nc"], []),
        ({"a|re|m": "^b"}, ["a\nb"], ["ab"]),
        ({"a|re|i|m|s": "^b.c"}, ["a\nB\nC"], []),
        ({"a|re|ignorecase": "B"}, ["b"], []),
        ({"a|re": ["x+$", "^y"]}, ["axx", "ya"], ["xa", "ay"]),
        ({"a|re": r"\d{3}"}, ["x123", 1234], ["12"]),
        ({"a|re": "^(?!x)y"}, ["yx", ["x", "y"]], ["xy", "x"]),
        # networks
        ({"a|cidr": "192.0.2.0/24"}, ["192.0.2.9", ["x", "192.0.2.1"]], ["192.0.3.1", "192.0.2"]),
        ({"a|cidr": "2001:db8::/32"}, ["2001:db8::1"], ["2001:db9::1"]),
        ({"a|cidr": ["192.0.2.0/24", "198.51.100.0/24"]}, ["198.51.100.7"], ["203.0.113.1"]),
        # order
        ({"a|gt": 5}, [6, "6", 5.5], [5, "x", True, None]),
        ({"a|gte": 5}, [5, "5"], [4]),
        ({"a|lt": 5}, [4, "-1"], [5]),
        ({"a|lte": 5.5}, [5.5, 5], [6]),
        ({"a|gte": [5, 9]}, [5], [4]),
        # not equal
        ({"a|neq": "x"}, ["y", None, ""], ["x", "X", ["y", "x"]]),
        ({"a|neq": ["x", "y"]}, ["z"], ["x", "y"]),
        ({"a|contains|neq": "x"}, ["y"], ["axb"]),
        ({"a|neq": 5}, [6], [5, "5"]),
        # parts of moments, in UTC
        ({"a|minute": 4}, ["2026-02-03T05:04:59Z"], ["2026-02-03T04:05:00Z", "x"]),
        ({"a|hour": 5}, ["2026-02-03T05:04:59Z", "2026-02-03T07:04:59+02:00"], [5]),
        ({"a|day": 3}, ["2026-02-03"], ["2026-03-02"]),
        ({"a|week": 6}, ["2026-02-03"], ["2026-02-10"]),
        ({"a|month": 2}, ["2026-02-03"], ["2026-03-02"]),
        ({"a|year": 2026}, ["2026-02-03"], ["2025-12-31T23:59:59Z"]),
        ({"a|hour|gte": 22}, ["2026-02-03T23:00:00Z"], ["2026-02-03T21:59:59Z"]),
        ({"a|hour|lt": 6}, ["2026-02-03T05:59:00Z"], ["2026-02-03T06:00:00Z"]),
        # dashes
        (
            {"a|windash|contains": " -enc "},
            ["p -enc x", "p /ENC x", "p –enc x", "p —enc x", "p ―enc x"],
            ["p enc x", "p _enc x"],
        ),
        ({"a|windash": "x /a -b"}, ["x -a /b", "x /a –b"], ["x a b"]),
        ({"a|contains|all|windash": [" -a", " /b"]}, ["x /b -a"], ["x -a"]),
    ],
)  # fmt: skip
def test_a_line_asks_this_of_a_value(line: Any, yes: list[Any], no: list[Any]) -> None:
    assert [v for v in yes if not holds(line, {"a": v})] == []
    assert [v for v in no if holds(line, {"a": v})] == []


@pytest.mark.parametrize(
    ("modifiers", "text"),
    [
        ("base64", base64.b64encode(b"secret").decode()),
        ("base64offset|contains", base64.b64encode(b"xsecret!").decode()),
        ("base64offset|contains", base64.b64encode(b"xxsecret").decode()),
        ("base64offset|contains", base64.b64encode(b"the secret is").decode()),
        ("wide|base64offset|contains", base64.b64encode("a secret".encode("utf-16-le")).decode()),
        ("utf16le|base64offset|contains", base64.b64encode("secret".encode("utf-16-le")).decode()),
        ("utf16be|base64", base64.b64encode("secret".encode("utf-16-be")).decode()),
        ("utf16|base64", base64.b64encode(b"\xff\xfe" + "secret".encode("utf-16-le")).decode()),
        ("wide|contains", "x s\0e\0c\0r\0e\0t\0"),
        ("utf16le", "s\0e\0c\0r\0e\0t\0"),
        ("utf16be", "\0s\0e\0c\0r\0e\0t"),
        ("utf16", "\ufeffs\0e\0c\0r\0e\0t\0"),
    ],
)
def test_an_encoded_text_is_found(modifiers: str, text: str) -> None:
    line = {f"a|{modifiers}": "secret"}
    assert holds(line, {"a": text})
    assert not holds(line, {"a": "secret"})


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_base64_of_utf_16_may_hold_any_text(encoding: str) -> None:
    name = {"utf-16-le": "wide", "utf-16-be": "utf16be"}[encoding]
    line = {f"a|{name}|base64offset|contains": "schön 🔔"}
    for before in ("", "x", "xy"):
        assert holds(line, {"a": base64.b64encode(f"{before}schön 🔔".encode(encoding)).decode()})
    assert not holds(line, {"a": base64.b64encode("schon".encode(encoding)).decode()})


def test_text_that_is_no_ascii_has_no_wide_form_of_its_own() -> None:
    with pytest.raises(QuerySemanticError, match="ascii"):
        expr({"a|wide": "schön"})


# --- another field ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "document", "expected"),
    [
        ("a|fieldref", {"a": "Ann", "b": "ANN"}, True),
        ("a|fieldref", {"a": "ann", "b": "bob"}, False),
        ("a|fieldref", {"a": "ann"}, False),
        ("a|fieldref", {}, False),
        ("a|fieldref", {"a": ["x", "ann"], "b": ["y", "ann"]}, True),
        ("a|fieldref", {"a": 1, "b": "1"}, True),
        ("a|fieldref|startswith", {"a": r"C:\Tools\x.exe", "b": r"c:\tools"}, True),
        ("a|fieldref|startswith", {"a": r"x C:\Tools", "b": r"c:\tools"}, False),
        ("a|fieldref|endswith", {"a": r"corp\ann", "b": "ANN"}, True),
        ("a|fieldref|contains", {"a": "say ann is", "b": "Ann"}, True),
        ("a|fieldref|contains", {"a": "say", "b": "Ann"}, False),
        ("a|fieldref|neq", {"a": "ann", "b": "bob"}, True),
    ],
)
def test_a_field_is_compared_with_another(key: str, document: Any, expected: bool) -> None:
    assert holds({key: "b"}, document) is expected


def test_a_reference_is_shown_as_people_write_it() -> None:
    found = expr({"a|fieldref|endswith": "b"})
    assert isinstance(found, Script)
    assert found.text == "a ends with b"


# --- placeholders -----------------------------------------------------------------------------

ADMINS = {"placeholders": {"admins": ("ann", "b*"), "sites": ("x",)}}


@pytest.mark.parametrize(
    ("line", "yes", "no"),
    [
        ({"a|expand": "%admins%"}, ["Ann", "bob"], ["eve", "%admins%"]),
        ({"a|expand": "corp-%admins%-%sites%"}, ["corp-ann-x"], ["corp-ann-"]),
        ({"a|contains|expand": "%admins%"}, ["x ann y"], ["x"]),
        ({"a|expand|contains": "%admins%"}, ["x ann y"], ["x"]),
        ({"a|contains|all|expand": ["%admins%", "%sites%"]}, ["ann x", "x b"], ["ann"]),
        ({"a|expand|base64": "%sites%"}, [base64.b64encode(b"x").decode()], ["x"]),
        ({"a|re|expand": "^%sites%$"}, ["x"], ["xx"]),
        ({"a|expand": "100%"}, ["100%"], ["100"]),
        ({"a|expand": ["%%", "50% of"]}, ["%%", "50% of"], ["x"]),
    ],
)
def test_placeholders_are_filled_in(line: Any, yes: list[str], no: list[str]) -> None:
    assert [v for v in yes if not holds(line, {"a": v}, **ADMINS)] == []
    assert [v for v in no if holds(line, {"a": v}, **ADMINS)] == []


def test_all_placeholders_without_values_are_named() -> None:
    with pytest.raises(NeedsValues) as caught:
        expr({"a|expand": ["%one%", "%admins%"], "b|expand": "x%two%"}, **ADMINS)
    assert caught.value.names == ("one", "two")
    assert caught.value.kind == "needs_values"
    assert caught.value.message == "the placeholders %one%, %two% have no values"


def test_a_percent_sign_means_nothing_without_expand() -> None:
    assert holds({"a": "%x%"}, {"a": "%x%"})


def test_placeholders_do_not_multiply_without_end() -> None:
    many = {"x": tuple(map(str, range(200)))}
    with pytest.raises(UnsupportedFeature, match="more than 10,000 texts"):
        expr({"a|expand": "%x%%x%%x%"}, placeholders=many)


# --- what leaves look like --------------------------------------------------------------------


def test_alternatives_of_a_field_are_one_leaf() -> None:
    assert expr({"a": ["x", "y*", "z"]}) == Leaf(
        "a", Wildcard(("x", "y*", "z"), fold_case=True), "keyword", operator=":"
    )
    assert expr({"a": ["x", 5]}) == Leaf(
        "a", Equals(("x", "5"), fold_case=True), "keyword", operator=":"
    )
    found = expr({"a|re": ["x", "y"]})
    assert isinstance(found, Leaf)
    assert found.matcher == Regex(("(?-s:x)", "(?-s:y)"), whole=False, texts=("x", "y"))
    assert expr({"a|cidr": ["192.0.2.0/24", "192.0.2.0/24"]}) == Leaf(
        "a", InNetwork(("192.0.2.0/24",)), "ip", operator="cidr"
    )


def test_null_is_the_absence_of_the_field() -> None:
    found = expr({"a": None})
    assert isinstance(found, Not)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"a|contain": "x"}, "unknown modifier 'contain'"),
        ({"a|": "x"}, "unknown modifier ''"),
        ({"a|base64": "x*"}, "base64 encoding of strings with wildcards is not allowed"),
        ({"a|cidr": "192.0.2.0/33"}, "invalid CIDR expression"),
        ({"a|cidr": "somewhere"}, "invalid CIDR expression"),
        ({"a|startswith": 12}, "the modifier 'startswith' takes a text, and not 12"),
        ({"a|re": "a("}, "a( is no regular expression: missing )"),
        ({"a|re": ["x", r"(a)\1"]}, "needs a back reference"),
        ({"a|gt": "x"}, "the modifier 'gt' takes a number, and not 'x'"),
        ({"a|exists": "yes"}, "the modifier 'exists' takes true or false, and not 'yes'"),
        ({"a|hour": "x"}, "the modifier 'hour' takes a number, and not 'x'"),
        ({"a|contains": [True, "x"]}, "the modifier 'contains' takes a text, and not true"),
        ({"a|gt": None}, "the modifier 'gt' takes a number, and not null"),
        ({"a|i": "x"}, "the modifier 'i' is for regular expressions"),
        ({"a|fieldref|cased": "b"}, "fieldref|cased cannot stand together in this order"),
        ({"a|contains|re": "x"}, "only applicable to unmodified values"),
        ({"a": {"b": 1}}, "a value has to be a text, a number, a boolean or null"),
        ({"a": [["b"]]}, "a value has to be a text, a number, a boolean or null"),
        ({"a|windash": "-a -b -c -d"}, "at most three dash"),
        ({"a|fieldref": "x*"}, "must not contain wildcards"),
        ({}, "'sel' is empty"),
        ([], "'sel' is empty"),
        ({"|exists": True}, "must be applied to field"),
        ([None], "a keyword has to be a text or a number"),
    ],
)
def test_what_makes_no_sense_is_told(line: Any, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        expr(line)
    assert message in caught.value.message
    assert caught.value.message[0] in "'a" or caught.value.message[0].islower()


def test_a_misspelt_modifier_is_guessed() -> None:
    with pytest.raises(QuerySemanticError) as caught:
        expr({"a|startwith": "x"})
    assert caught.value.hint == "did you mean startswith?"
