"""What the text of an event has to hold if a condition holds."""

from __future__ import annotations

import re

import msgspec
import pytest

from tocsin.engine import reference
from tocsin.logic._json_spelling import QUOTE, spelled, usual
from tocsin.logic._number_anchors import digits_between
from tocsin.logic._regex_anchors import Every, Need, OneOf, needs_of
from tocsin.logic.anchors import (
    ANYTHING,
    NOTHING,
    UNTOLD,
    All,
    Anchor,
    AnyOf,
    Pattern,
    Text,
    anchors_of,
    atoms,
    holds,
    text_anchor,
    without,
)
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import FieldType, Scalar, fold
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
)
from tocsin.logic.value import Call, Const, Field

NAME = All((AnyOf((Text(b'"p"'), Text(b'"p.'))), AnyOf((Text(b'"name"'), Text(b'.name"')))))
CODE_POINTS = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x110000))]


def leaf(matcher: Matcher, kind: FieldType = "keyword", field: str = "p.name") -> Leaf:
    return Leaf(field, matcher, kind)


def texts_of(matcher: Matcher, kind: FieldType = "keyword") -> Anchor:
    """What is asked beyond the key, by texts alone."""
    anchor = without(anchors_of(leaf(matcher, kind)), lambda atom: isinstance(atom, Pattern))
    assert isinstance(anchor, All), anchor
    rest = tuple(term for term in anchor.terms if term not in NAME.terms)
    return rest[0] if len(rest) == 1 else All(rest)


def is_told(line: bytes) -> bool:
    return not any(holds(pattern, line) for pattern in UNTOLD)


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field, expected",
    [
        ("name", Text(b'"name"')),
        ("p.name", NAME),
        ("a1.b2b.c3", All((AnyOf((Text(b'"a1"'), Text(b'"a1.'))), Text(b"b2b"),
                           AnyOf((Text(b'"c3"'), Text(b'.c3"')))))),
        ("win.*", AnyOf((Text(b'"win"'), Text(b'"win.')))),
        ("win*data", All((Text(b'"win'), Text(b'data"')))),
        ("*.Name", AnyOf((Text(b'"name"'), Text(b'.name"')))),
        ("*", ANYTHING),
    ],
)  # fmt: skip
def test_a_field_is_there_by_its_keys(field: str, expected: Anchor) -> None:
    assert anchors_of(Leaf(field, Exists())) == expected


@pytest.mark.parametrize(
    "line",
    [b'{"p":{"name":1}}', b'{"p.name":1}', b'{"p":[{"q":1},{"name" : [1]}]}', b'{"P.NAME":1}'],
)
def test_nested_and_dotted_keys_are_alike(line: bytes) -> None:
    assert holds(anchors_of(leaf(Exists())), line)


# --- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "matcher, expected",
    [
        (Equals(("Curl",)), Text(b'"curl"')),
        (Equals(("a1", "b2")), AnyOf((Text(b'"a1"'), Text(b'"b2"')))),
        (Equals((r"C:\Windows",)), Text(rb'"c:\\windows"')),
        (Equals(("/bin/sh",)), AnyOf((Text(b'"/bin/sh"'), Text(b"\\/")))),
        (Equals(("it's",)), AnyOf((Text(b'"it\'s"'), Text(b"\\u0027")))),
        (Equals(("say \"é\"",)), AnyOf((Text(b'"say \\"\xc3\xa9\\""'), Text(b"\\u0022"), Text(b"\\u00e9")))),
        (Equals(("aa\u00c9bb",), True), All((Text(b'"aa'), Text(b'bb"')))),
        (Equals(("\u212aelvin",), True), Text(b'"kelvin"')),
        (Equals(("𝕏𝕏",)), AnyOf((Text('"𝕏𝕏"'.encode()), Text(b"\\ud835\\udd4f")))),
        (Equals(("",)), Text(b'""')),
        (Equals((True, 80)), NOTHING),
        (Wildcard(("*.exe",)), Text(b'.exe"')),
        (Wildcard((r"C:\\*temp*",)), All((Text(rb'"c:\\'), Text(b"temp")))),
        (Wildcard((r"?:\\Users\\*",)), Text(rb":\\users\\")),
        (Wildcard((r"a\*b",)), Text(b'"a*b"')),
        (Wildcard(("*",)), ANYTHING),
        (Words(("invoke", "mimikatz")), All((Text(b"invoke"), Text(b"mimikatz")))),
        (Words(("invoke", "get"), "any"), AnyOf((Text(b"invoke"), Text(b"get")))),
        (Words(("invo*", "*katz"), "wildcard"), All((Text(b"invo"), Text(b"katz")))),
        (PathGlob(("C:/x y/z",), True), All((Text(b"c:"), Text(b"x y")))),
        (Regex((r".*\.(?:exe|com)",)), AnyOf((Text(b'.com"'), Text(b'.exe"')))),
        (Regex((r"\x{e9}.*",)), ANYTHING),
    ],
)  # fmt: skip
def test_a_value_is_there_as_json_spells_it(matcher: Matcher, expected: Anchor) -> None:
    if expected == NOTHING:
        assert anchors_of(leaf(matcher)) == NOTHING
    else:
        assert texts_of(matcher) == expected


def test_a_path_with_any_segments_in_it_has_what_is_beside_them() -> None:
    anchor = texts_of(PathGlob(("aa/bb/**/bb/c*",)))
    assert anchor == All(
        (AnyOf((Text(b'"aa/bb'), Text(b"\\/"))), AnyOf((Text(b"bb/c"), Text(b"\\/"))))
    )


def test_of_a_long_text_its_end_is_looked_for() -> None:
    path = "C:\\" + "long\\" * 40 + "end.exe"
    [text] = atoms(texts_of(Equals((path,))))
    assert isinstance(text, Text)
    assert text.text.endswith(b'long\\\\end.exe"')
    assert len(text.text) == 64


@pytest.mark.parametrize(
    "value, line, expected",
    [
        ("80", b"80", True),
        ("80", b'"80"', True),
        ("80", b"81", False),
        ("0", b"-0", True),
        ("80.0", b"8e1", True),
        ("80.0", b"80.00", True),
        ("80.0", b'"80.0"', True),
        ("80.0", b"80", False),
        ("1e+16", b"10000000000000000.0", True),
        ("true", b"true", True),
        ("true", b'"true"', True),
        ("true", b"false", False),
        ("80", b'["x]","\\"",80]', True),
        ("80", b'["80 "]', False),
        ("80", b"[[80]]", True),
        ("80", b'[{"a":1},80]', True),
    ],
)
def test_a_field_of_texts_holds_numbers_and_booleans_too(
    value: str, line: bytes, expected: bool
) -> None:
    assert holds(anchors_of(leaf(Equals((value,)))), b'{"p.name" : %b}' % line) == expected


def test_where_no_type_is_known_a_text_is_in_quotes() -> None:
    rule = anchors_of(leaf(Equals(("80",)), "dynamic"))
    assert holds(rule, b'{"p":{"name":"80"}}')
    assert not holds(rule, b'{"p":{"name":80}}')


def test_the_value_has_to_stand_behind_its_key() -> None:
    rule = anchors_of(Leaf("event.type", Equals(("start",)), "keyword"))
    assert not holds(rule, b'{"event":{"type":"end","action":"start"},"types":"start"}')
    assert not holds(rule, b'{"event":{"type":["end","a]"],"action":"start"}}')
    assert holds(rule, b'{"event":{"action":"x","type"\t: [ "a]" , "start"]}}')


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"80", b"8e1", b"80.0", b'"80"', b'"080"', b'" 80"', b'["80"]',
                                  b"[1, 80]", b'"8E1"', b'"+80"'])  # fmt: skip
@pytest.mark.parametrize(
    "matcher", [Equals((80,)), Equals((7, 80.0)), Range(80, 80), Range(79.5), Range(None, 100)]
)
def test_a_number_is_there_in_every_spelling(matcher: Matcher, line: bytes) -> None:
    assert holds(anchors_of(leaf(matcher, "long")), b'{"p":{"name":%b}}' % line)


@pytest.mark.parametrize(
    "line", [b"8", b"800", b"180", b"-80", b'"81"', b"true", b"null", b"[1,2]"]
)
@pytest.mark.parametrize("matcher", [Equals((80,)), Equals((7, 80.0)), Range(79, 83)])
def test_another_number_is_not_there(matcher: Matcher, line: bytes) -> None:
    if line != b'"81"' or isinstance(matcher, Equals):
        assert not holds(anchors_of(leaf(matcher, "long")), b'{"p":{"name":%b}}' % line)


@pytest.mark.parametrize(
    "matcher, line",
    [
        (Equals((0,)), b"-0"),
        (Equals((0,)), b"-0.0"),
        (Equals((-1,)), b"-1"),
        (Range(None, 5), b"-17"),
        (Range(-0.5, 5), b"-0"),
        (Range(0, 5), b"-0"),
        (Equals((1.5,)), b"15e-1"),
        (Range(1.2, 1.7), b"1.5"),
    ],
)
def test_numbers_below_zero_and_fractions_are_there(matcher: Matcher, line: bytes) -> None:
    assert holds(anchors_of(leaf(matcher, "double")), b'{"p":{"name":%b}}' % line)


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), 10**19, -(10**30)])
def test_numbers_of_any_size_are_taken(value: Scalar) -> None:
    for matcher in (Equals((value, 10**25)), Range(value, None), Range(None, value)):
        line = b'{"p.name":%d}' % 10**25
        rule = anchors_of(leaf(matcher, "long"))
        assert isinstance(matcher, Range) or holds(rule, line)


@pytest.mark.parametrize("low, high", [(0, 0), (0, None), (7, 123), (80, 1023), (99, 100), (1024, None),
                                       (49152, 65535), (5, 4), (1000, 1000), (10, 99)])  # fmt: skip
def test_digits_between_two_bounds(low: int, high: int | None) -> None:
    pattern = re.compile(b"(?:%b)" % b"|".join(digits_between(low, high) or [b"nothing"]))
    for number in (*range(1200), *range(48_000, 67_000, 13), low, high or 0):
        found = pattern.fullmatch(b"%d" % number) is not None
        assert found == (low <= number and (high is None or number <= high)), number


@pytest.mark.parametrize(
    "value, line, expected",
    [
        (True, b"true", True),
        (True, b'"true"', True),
        (True, b"false", False),
        (False, b"false", True),
        (False, b'""', True),
        (False, b'["false"]', True),
        (False, b"true", False),
    ],
)
def test_a_boolean_is_there(value: bool, line: bytes, expected: bool) -> None:
    assert holds(anchors_of(leaf(Equals((value,)), "boolean")), b'{"p.name":%b}' % line) == expected


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "matcher, expected",
    [
        (Equals(("10.0.0.1",)), AnyOf((Text(b"10.0.0.1"), Text(b":ffff:")))),
        (Equals(("2001:db8::1",)), Text(b"2001:")),
        (Equals(("fe80::abcd:1234:5678:9abc",)), All((Text(b"fe80:"), Text(b":abcd:"), Text(b":1234:")))),
        (Equals(("fe80::1%eth0",)), Text(b"fe80:")),
        (Equals(("::1",)), ANYTHING),
        (InNetwork(("169.254.0.0/16",)), AnyOf((Text(b"169.254."), Text(b":ffff:")))),
        (InNetwork(("10.9.8.7/31",)), AnyOf((Text(b"10.9.8.6"), Text(b"10.9.8.7"), Text(b":ffff:")))),
        (InNetwork(("100.64.0.0/10",)), AnyOf((Text(b"100."), Text(b":ffff:")))),
        (InNetwork(("2001:db8::/32", "10.0.0.0/8")), AnyOf((Text(b"2001:"), Text(b"10."), Text(b":ffff:")))),
        (InNetwork(("0.0.0.0/0",)), ANYTHING),
        (InNetwork(("10.0.0.0/8",), symmetric=True), ANYTHING),
        (Wildcard(("10.1.*",)), AnyOf((Text(b"10.1."), Text(b":ffff:")))),
    ],
)  # fmt: skip
def test_an_address_is_there(matcher: Matcher, expected: Anchor) -> None:
    assert texts_of(matcher, "ip") == expected


def test_other_addresses_are_not_there() -> None:
    rule = anchors_of(leaf(InNetwork(("169.254.0.0/16", "10.0.0.0/8")), "ip"))
    other = b'{"p":{"name":"%b"},"q":{"name":"10.0.0.1"}}'
    assert not holds(rule, b'{"p":{"name":"192.0.2.10"},"q":{"ip":"10.0.0.1"}}')
    assert holds(rule, other % b"192.0.2.1")
    for text in (b"::FFFF:10.0.0.1", b" 10.0.0.1 ", b"\\t10.0.0.1", b"0:0:0:0:0:ffff:a00:1"):
        assert holds(rule, b'{"p":{"name":["%b"]}}' % text)


@pytest.mark.parametrize("kind", ["keyword", "dynamic", "text"])
def test_of_a_block_in_a_field_of_texts_nothing_is_known(kind: FieldType) -> None:
    # As a block, 11.2.3.4/7 begins at 10.0.0.0.
    rule = leaf(InNetwork(("10.0.0.0/8",)), kind)
    line = b'{"p":{"name":"11.2.3.4/7"}}'
    assert reference.holds(rule, msgspec.json.decode(line))
    assert holds(anchors_of(rule), line)


# --- trees ------------------------------------------------------------------------------------

A, B = Leaf("aa", Exists()), Leaf("bb", Exists())
ZERO = Leaf("aa", Equals((0,)), "long", missing=0)


@pytest.mark.parametrize(
    "rule, expected",
    [
        (And((A, B)), All((Text(b'"aa"'), Text(b'"bb"')))),
        (And((A, And((B, A)))), All((Text(b'"aa"'), Text(b'"bb"')))),
        (Or((A, B)), AnyOf((Text(b'"aa"'), Text(b'"bb"')))),
        (Or((A, Not(B))), ANYTHING),
        (Not(A), ANYTHING),
        (Not(Not(A)), Text(b'"aa"')),
        (Not(Or((Not(A), B))), Text(b'"aa"')),
        (Not(And((Not(A), Not(B)))), AnyOf((Text(b'"aa"'), Text(b'"bb"')))),
        (Always(True), ANYTHING),
        (Always(False), NOTHING),
        (Or(()), NOTHING),
        (And(()), ANYTHING),
        (And((A, Always(False))), NOTHING),
        (ZERO, ANYTHING),
        (Not(ZERO), Text(b'"aa"')),
        (Leaf("aa", Equals(("x",)), every=True), ANYTHING),
        (Not(Leaf("aa", Equals(("x",)), every=True)), Text(b'"aa"')),
        (Nested("aa", Leaf("bb", Exists())), anchors_of(Leaf("aa.bb", Exists()))),
        (Not(Nested("aa", B)), ANYTHING),
    ],
)
def test_conditions_become_formulas(rule: Expr, expected: Anchor) -> None:
    assert anchors_of(rule) == expected


AA = Field("aa", "keyword")


@pytest.mark.parametrize(
    "call, expected",
    [
        (Call("eq", (AA, Field("bb"))), All((Text(b'"aa"'), Text(b'"bb"')))),
        (Call("eq", (Field("aa", missing=""), Field("bb", missing=""))), ANYTHING),
        (Call("gt", (Field("aa", missing=0), Const(5))), Text(b'"aa"')),
        (Call("is_null", (AA,)), ANYTHING),
        (Call("eq", (AA, Const(None))), NOTHING),
        (Call("endsWith", (AA, Const("long-enough.exe"))),
         All((Text(b'"aa"'), Text(b'long-enough.exe"')))),
        (Call("stringContains", (AA, Const("lsass"))), All((Text(b'"aa"'), Text(b"lsass")))),
        (Call("in", (AA, Const("what-is-long"), Const("a-long-name-too"))),
         All((Text(b'"aa"'), AnyOf((Text(b'"what-is-long"'), Text(b'"a-long-name-too"')))))),
        (Call("or", (Call("stringContains", (AA, Const("xx1"))), Call("startsWith", (AA, Const("yy2*"))))),
         All((AnyOf((All((Text(b'"aa"'), Text(b"xx1"))), All((Text(b'"aa"'), Text(b'"yy2*'))))),
              Text(b'"aa"')))),
        (Call("not", (Call("eq", (AA, Const("x"))),)), Text(b'"aa"')),
        (Call("gt", (Call("length", (AA,)), Const(5))), Text(b'"aa"')),
    ],
)  # fmt: skip
def test_scripts_need_their_fields(call: Call, expected: Anchor) -> None:
    found = without(anchors_of(Script(call)), lambda atom: isinstance(atom, Pattern))
    assert found == expected


def test_dropping_atoms_keeps_formulas_small() -> None:
    a, b, c = Text(b"aa"), Text(b"bb"), Pattern(b"c+")
    anchor = All((a, AnyOf((b, All((c, a))))))
    assert list(atoms(anchor)) == [a, b, c, a]
    assert without(anchor, lambda atom: atom == b) == a
    assert without(anchor, lambda atom: atom == c) == a
    assert without(anchor, lambda atom: atom in (a, b)) == ANYTHING
    assert without(NOTHING, lambda _: True) == NOTHING


def test_a_line_is_compared_without_case() -> None:
    assert holds(Text(b"ab\xc3\xa9"), "xABé".encode())
    assert not holds(Text("é".encode()), "É".encode())
    assert holds(Pattern(rb'k"[ ]*:'), b'{"K" :1}')
    assert holds(ANYTHING, b"")
    assert not holds(NOTHING, b"x")


# --- spelling ---------------------------------------------------------------------------------


def test_a_letter_that_folds_to_another_is_not_looked_for() -> None:
    images = {}
    for character in CODE_POINTS:
        folded = fold(character)
        if folded != character:
            images.update(dict.fromkeys(folded, character))
    for image, character in images.items():
        anchor = spelled(f"{image}{image}", fold_case=True)
        line = f"{character}{character}".encode()
        assert holds(anchor, line) or not is_told(line), (image, character)


def test_what_folds_to_ascii_is_untold() -> None:
    found = [c for c in CODE_POINTS if c > "\x7f" and any(map(str.isascii, fold(c)))]
    assert found == ["\u0130", "\u212a"]
    for character in found:
        assert not is_told(b'{"a":"%b"}' % character.encode())
        assert not is_told(b'{"a":"\\u%04x"}' % ord(character))
        assert not is_told(b'{"a":"\\u%04X"}' % ord(character))


def test_what_re2_takes_for_ascii_is_untold() -> None:
    import re2

    pattern = re2.compile("(?i)[a-z0-9_ ]")
    found = [c for c in CODE_POINTS if c > "\x7f" and pattern.fullmatch(c)]
    assert found == ["\u017f", "\u212a"]
    for character in found:
        assert not is_told(b'{"a":"%b"}' % character.encode())
        assert not is_told(b'{"a":"\\u%04x"}' % ord(character))


@pytest.mark.parametrize("code", range(0x100))
def test_an_escape_is_looked_for_or_untold(code: int) -> None:
    anchor = spelled(f"{QUOTE}ab{chr(code)}cd{QUOTE}", fold_case=False)
    assert holds(anchor, b'"ab%bcd"' % usual(chr(code)))
    line = b'{"ab\\u%04Xcd"' % code
    assert holds(anchor, line) or not is_told(line)


@pytest.mark.parametrize("text", [b"C:\\\\Users\\\\u", b"\\\\u0041", b"\\\\\\\\u0041", b"\\u0022\\u003c",
                                  b"\\n\\u0000\\u001f", b"\\u00e9", b"u0041", b"\\/"])  # fmt: skip
def test_what_usual_writers_write_is_told(text: bytes) -> None:
    assert is_told(b'{"a":"%b"}' % text)


@pytest.mark.parametrize("text", [b"\\u0041", b"\\\\\\u0041", b"x\\u002F", b"\\u005c", b"\\u007e"])
def test_what_nobody_writes_is_untold(text: bytes) -> None:
    assert not is_told(b'{"a":"%b"}' % text)


@pytest.mark.parametrize(
    "value, expected",
    [
        ("host-1", Text(b"host-1")),
        ("Ünit", Text(b"nit")),
        ("", ANYTHING),
        ("80", ANYTHING),
        ("1e5", ANYTHING),
        ("true", ANYTHING),
        ("a/b", AnyOf((Text(b"a/b"), Text(b"\\/")))),
    ],
)
def test_what_a_key_of_a_join_looks_like(value: str, expected: Anchor) -> None:
    assert text_anchor(value) == expected


# --- regular expressions ----------------------------------------------------------------------

Q = QUOTE


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("curl", ("curl",)),
        ("a?curl", (OneOf(("acurl", "curl")),)),
        ("(?:ab)+c", ("ab", "abc")),
        ("ab*c", ("a", "c")),
        ("ab{2}c", ("abbc",)),
        ("ab{2,}c", ("abb", "bbc")),
        ("ab{0,2}c", ("a", "c")),
        ("a{,2}", ("a{,2}",)),
        ("(a|b)c", (OneOf(("ac", "bc")),)),
        ("foo.*?bar", ("foo", "bar")),
        ("^foo$", (f"{Q}foo{Q}",)),
        ("(?m)^foo$", ("foo",)),
        (r"\Afoo\z", (f"{Q}foo{Q}",)),
        ("(^|/)foo", (OneOf(("/foo", f"{Q}foo")),)),
        (r"\bfoo\b", ("foo",)),
        (r"\Qa.b\Ec", ("a.bc",)),
        (r"\x41\x{42}\.", ("ab.",)),
        ("[kK]ill", ("kill",)),
        ("[^k]ill", ("ill",)),
        (r"[\w]ill[[:alpha:]]x", ("ill", "x")),
        ("[a-z]ill", ("ill",)),
        (r"\pLill\p{Greek}x", ("ill", "x")),
        ("(?i)Foo(?-i:Bar)", ("foobar",)),
        ("(?P<x>foo)", ("foo",)),
        ("fé", ("f",)),
        ("a||b", ()),
    ],
)
def test_what_a_regular_expression_cannot_do_without(
    pattern: str, expected: tuple[Need, ...]
) -> None:
    found = needs_of(pattern, whole=False)
    assert isinstance(found, Every)
    assert set(found.terms) - {""} == set(expected)


@pytest.mark.parametrize("pattern", ["(", ")", "a)|(b", "[a", "*a", r"\Qabc", "a\\", r"\1", "(?=a)b",
                                     "(?<!a)b", "(?z)a", "x" * 30_000, "(" * 3_000 + ")" * 3_000])  # fmt: skip
def test_of_what_is_not_read_nothing_is_said(pattern: str) -> None:
    assert needs_of(pattern, whole=False) == Every(())


@pytest.mark.parametrize(
    "pattern",
    [
        "(" * 30 + "abc" + "){8}" * 30,
        "|".join(f"word{n}" for n in range(2_000)),
        "(?:" * 30 + "a.b|c.d" + ")|x.y" * 30,
        "[ab]" * 2_000,
        "(a|b.c|d)" * 1_000,
        "a?" * 5_000,
    ],
)
def test_a_hostile_pattern_becomes_no_large_anchor(pattern: str) -> None:
    rule = anchors_of(leaf(Regex((pattern,), whole=False)))
    assert sum(1 for _ in atoms(rule)) <= 4_000


def test_a_condition_with_too_many_values_keeps_what_stands_beside_them() -> None:
    many = leaf(Equals(tuple(f"value-{n}" for n in range(10_000))))
    assert anchors_of(many) == NAME
    few = And(tuple(leaf(Equals(tuple(f"v-{m}-{n}" for n in range(1_900)))) for m in range(5)))
    found = anchors_of(few)
    assert 1_900 <= sum(1 for _ in atoms(found)) <= 4_000
    assert set(NAME.terms) <= set(found.terms)  # type: ignore[union-attr]


# --- engines ----------------------------------------------------------------------------------

EVERY_KIND = [
    leaf(Equals(("start", "it's", "é", "a\nb", "80", "1.5", "true", "/x", "."))),
    leaf(Equals(("É{}", "[a]")), "text"),
    leaf(Equals((80, 0, 1.5)), "long"),
    leaf(Range(79, None), "long"),
    leaf(Equals((False,)), "boolean"),
    leaf(InNetwork(("172.16.0.0/12",)), "ip"),
    leaf(Wildcard(("ab*", "c?")), "keyword"),
]
LINES = [b'{"p":{"name":%b}}' % value for value in (
    b'"start"', b'["x","start"]', b'["a]\\"",["start"]]', b"80", b"-0", b'"\\u00E9"', b'"A\\nB"',
    '"É{}"'.encode(), '["\u6f22",1.5]'.encode(), b"false", b'"172.20.0.1"', b'"abc"', b'"172.32.0.1"',
    b'"\\/x"', b'"x', b"1e1", b'"\\u0041"', b'"\\\\u0041"', '"\u017f"'.encode(),
)]  # fmt: skip


def test_every_engine_finds_the_same() -> None:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    patterns = {atom for rule in EVERY_KIND for atom in atoms(anchors_of(rule))} | set(UNTOLD)
    regexes = [atom.regex for atom in patterns if isinstance(atom, Pattern)]
    assert len(regexes) >= len(EVERY_KIND)
    for regex in regexes:
        assert regex == regex.lower()
        for line in LINES:
            found = holds(Pattern(regex), line)
            assert (re.search(regex, line, re.IGNORECASE) is not None) == found
            assert (re2.compile(regex, options).search(line) is not None) == found


def test_no_pattern_reaches_into_the_next_line() -> None:
    ways = b'80|8|"80|"|[|["x",|"name"|"name":|"name":[1,|-|1.|"\\|\\|"172.20.0.1|"a'.split(b"|")
    block = b"\n".join([*LINES, *(b'{"p":{"name":%b' % way for way in ways), *ways, b"80", b""])
    for rule in EVERY_KIND:
        for atom in {*atoms(anchors_of(rule)), *UNTOLD}:
            if isinstance(atom, Pattern):
                for found in re.finditer(atom.regex, block, re.IGNORECASE):
                    assert b"\n" not in found[0], atom


def test_hyperscan_finds_the_same() -> None:
    hyperscan = pytest.importorskip("hyperscan")
    patterns = {atom for rule in EVERY_KIND for atom in atoms(anchors_of(rule))} | set(UNTOLD)
    regexes = [atom.regex for atom in patterns if isinstance(atom, Pattern)]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
    numbers = list(range(len(regexes)))
    database.compile(expressions=regexes, ids=numbers, elements=len(regexes), flags=flags)
    found: set[int] = set()

    def note(number: int, *_: object) -> None:
        found.add(number)

    for line in LINES:
        found.clear()
        database.scan(line, match_event_handler=note)
        assert found == {n for n in numbers if holds(Pattern(regexes[n]), line)}, line
