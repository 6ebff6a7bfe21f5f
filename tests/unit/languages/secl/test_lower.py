"""SECL as logic: what leaves look like, and what they say of events."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.reference import holds
from tocsin.errors import QueryError, QuerySemanticError, UnsupportedFeature
from tocsin.languages.secl import FieldKind, Fields, Macro, compile_query
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import Equals, InNetwork, PathGlob, Range, Regex, Wildcard
from tocsin.logic.value import Call, Const, Field
from tocsin.source_text import SourceText

TABLE = Fields(
    {
        "bell.name": FieldKind(),
        "bell.maker": FieldKind(fold_case=True),
        "bell.path": FieldKind(glob=True),
        "bell.weight": FieldKind("int"),
        "bell.cast_at": FieldKind("int"),
        "bell.rung": FieldKind("bool"),
        "bell.address": FieldKind("ip"),
        "bell.addresses": FieldKind("ip", array=True),
        "bell.tones": FieldKind("string", array=True, indexed=True),
        "bell.years": FieldKind("int", array=True),
        "bell.cracks": FieldKind("bool", array=True),
        "ropes.length": FieldKind("int"),
        "ropes.colour": FieldKind(array=True, iterator="ropes"),
        "ropes.metres": FieldKind("int", array=True, iterator="ropes"),
        "ropes.knots": FieldKind(array=True, iterator="ropes", element_array=True),
    },
    {"HEAVY": 100, "LIGHT": 1, "OLD": "old"},
    prefix="",
    aliases={"bell.title": "bell.name"},
    variables={"bell.weight": "bell.weight"},
)


def lowered(text: str, macros: dict[str, Any] | None = None) -> Expr:
    return compile_query(text, macros, TABLE).where


def says(text: str, macros: dict[str, Any] | None = None, **event: Any) -> bool:
    document = {"now": 0, **{key.replace("__", "."): value for key, value in event.items()}}
    return holds(lowered(text, macros), document)


# --- leaves ------------------------------------------------------------------------------------


def leaf(field: str, matcher: Any, kind: Any = "keyword", **more: Any) -> Leaf:
    missing = more.pop("missing", {"keyword": "", "long": 0, "boolean": False}[kind])
    return Leaf(field, matcher, kind, missing, spelled=field, **more)


@pytest.mark.parametrize(
    "text, expected",
    [
        ('bell.name == "Anna"', leaf("bell.name", Equals(("Anna",)))),
        ('"Anna" == bell.name', leaf("bell.name", Equals(("Anna",)))),
        ('bell.name != ""', Not(leaf("bell.name", Equals(("",)), operator="!="))),
        ('bell.name =~ "A*"', leaf("bell.name", Wildcard(("A*",)), operator="=~")),
        ('bell.name == ~"A?*"', leaf("bell.name", Wildcard(("A\\?*",)))),
        ('bell.name =~ "Anna"', leaf("bell.name", Equals(("Anna",)), operator="=~")),
        ('bell.path =~ "/b/*"', leaf("bell.path", PathGlob(("/b/*",)), operator="=~")),
        ('bell.maker == "X"', leaf("bell.maker", Equals(("X",), fold_case=True))),
        (
            'bell.name =~ r"^A.b"',
            leaf(
                "bell.name",
                Regex(("(?-s:^A.b)",), whole=False, texts=("^A.b",)),
                operator="=~",
            ),
        ),
        ("bell.weight > HEAVY", leaf("bell.weight", Range(100, low_included=False), "long",
                                     operator=">")),
        ("5 <= bell.weight", leaf("bell.weight", Range(5), "long", operator=">=")),
        ("bell.weight in [ 1, 2 ]", leaf("bell.weight", Equals((1, 2)), "long", operator="in")),
        ("bell.rung", leaf("bell.rung", Equals((True,)), "boolean")),
        ("!bell.rung", Not(leaf("bell.rung", Equals((True,)), "boolean"))),
        ("bell.rung == false", leaf("bell.rung", Equals((False,)), "boolean")),
        (
            "bell.address in 10.0.0.0/8",
            leaf("bell.address", InNetwork(("10.0.0.0/8",), symmetric=True), operator="in"),
        ),
        (
            '"c" in bell.tones',
            leaf("bell.tones", Equals(("c",)), missing=None, operator="in"),
        ),
        ('bell.tones[1] == "c"', leaf("bell.tones[1]", Equals(("c",)))),
    ],
)  # fmt: skip
def test_a_comparison_with_a_constant_is_a_leaf(text: str, expected: Expr) -> None:
    assert lowered(text) == expected


def test_a_list_is_one_leaf_for_texts_and_one_for_patterns() -> None:
    texts = leaf("bell.name", Equals(("Anna", "Emma")), operator="in")
    patterns = leaf("bell.name", Wildcard(("M*", "*x")), operator="in")
    assert lowered('bell.name in ["Anna", ~"M*", "Emma", ~"*x"]') == Or((texts, patterns))


def test_every_leaf_of_a_negation_stands_under_its_own_not() -> None:
    texts = leaf("bell.name", Equals(("Anna",)), operator="not in")
    patterns = leaf("bell.name", Wildcard(("M*",)), operator="not in")
    assert lowered('bell.name not in ["Anna", ~"M*"]') == And((Not(texts), Not(patterns)))


def test_what_two_fields_or_arithmetic_say_is_a_script() -> None:
    weight = Field("bell.weight", "long", 0, "bell.weight")
    assert lowered("bell.weight & (LIGHT | HEAVY) > 0") == Script(
        Call("gt", (Call("bit_and", (weight, Const(101))), Const(0))),
        "bell.weight & (LIGHT | HEAVY) > 0",
    )
    assert isinstance(lowered("bell.name == bell.maker"), Script)


def test_an_old_name_of_a_field_reads_the_new_one() -> None:
    expected = Leaf("bell.name", Equals(("A",)), "keyword", "", spelled="bell.title")
    assert lowered('bell.title == "A"') == expected


# --- truth -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("true && false || true", True),
        ("false && false || true", False),  # false && (false || true)
        ("1 + 2 - 3 + 4 == 4", True),
        ("(6 & 3) == 2 && 6 ^ 3 == 5 && ^0 == -1", True),
        ('"a" in ["a", "b"] && "c" not in ["a", "b"]', True),
        ('"abc" =~ "a*" && "abc" != ~"b*" && "abc" == r"b"', True),
        ('"a*" in ["abc"]', False),
        ("10.0.0.1 == 10.0.0.0/8 && 10.0.0.0/8 == 10.0.0.1", True),
        ("::ffff:10.0.0.1 == 10.0.0.1", True),
        ("0.0.0.0/0 == ::1", False),
        ("10s + 40s == 50s", True),
        ("true == false == false", True),  # true == (false == false)
        ("true == false", False),
    ],
)
def test_constants_are_decided_at_once(text: str, expected: bool) -> None:
    assert says(text) is expected


def test_a_missing_value_is_zero() -> None:
    assert says('bell.name == ""')
    assert says("bell.weight == 0 && bell.weight < 5")
    assert says("!bell.rung && bell.rung == false")
    assert says('bell.name not in ["a"]')
    assert not says("bell.address in 0.0.0.0/0")


def test_an_empty_array_matches_nothing() -> None:
    assert not says('bell.tones in [~"*"]')
    assert says('bell.tones not in [~"*"]')
    assert says('bell.tones != "c"')
    assert not says("bell.years < 9999")
    assert says("bell.addresses allin [10.0.0.0/8, ::1]")


def test_an_array_matches_where_one_element_does_and_its_negation_where_none_does() -> None:
    assert says("bell.years > 1900", bell__years=[1800, 1950])
    assert not says("bell.years != 1800", bell__years=[1800, 1950])
    assert says("true in bell.cracks && false in bell.cracks", bell__cracks=[True, False])
    assert says("bell.tones in bell.tones", bell__tones=["c"])
    assert not says("bell.name in bell.tones", bell__name="d", bell__tones=["c"])


def test_allin_asks_every_address_of_every_block() -> None:
    addresses = ["10.0.0.1", "10.1.0.1"]
    assert says("bell.addresses allin 10.0.0.0/8", bell__addresses=addresses)
    assert not says("bell.addresses allin [10.0.0.0/8, 10.0.0.0/16]", bell__addresses=addresses)
    # A single address is asked as with `in`.
    assert says("bell.address allin [10.0.0.0/8, 11.0.0.0/8]", bell__address="10.0.0.1")


def test_two_address_fields_match_where_either_holds_the_other() -> None:
    event = {"bell__address": "10.0.0.1", "bell__addresses": ["11.0.0.0/8", "10.0.0.0/8"]}
    assert says("bell.addresses == bell.address", **event)
    assert says("bell.address in bell.addresses", **event)
    assert not says("bell.address in bell.addresses", bell__address="12.0.0.1")


def test_a_duration_on_the_right_is_an_age() -> None:
    second = 1_000_000_000
    assert says("bell.cast_at < 5s", now=10 * second, bell__cast_at=8 * second)
    assert not says("bell.cast_at > 5s", now=10 * second, bell__cast_at=8 * second)
    assert says("bell.cast_at > 5s", now=10 * second)  # a missing time is very old
    assert says("bell.cast_at < 5s", now=10 * second, bell__cast_at=12 * second)
    # With arithmetic on the left, or the duration there, it is a plain number.
    assert says("bell.cast_at + 1s <= 9s", now=0, bell__cast_at=8 * second)
    assert says("9s > bell.cast_at", now=0, bell__cast_at=8 * second)


def test_fields_and_plain_variables_stand_in_texts() -> None:
    event = {"bell__name": "Anna-7", "bell__maker": "Anna", "bell__weight": 7}
    assert says('bell.name == "%{bell.maker}-${bell.weight}"', **event)
    assert not says('bell.name == "${bell.weight"', **event)


def test_the_texts_of_a_list_and_patterns_are_as_they_stand() -> None:
    event = {"bell__name": "%{bell.maker}", "bell__maker": "Anna"}
    assert says('bell.name in ["x", "%{bell.maker}"]', **event)
    assert says('bell.name == ~"%{bell.ma*}"', **event)
    assert not says('bell.name in ["%{bell.maker}"]', bell__name="Anna", bell__maker="Anna")


def test_lengths_are_in_bytes() -> None:
    assert says("bell.name.length == 4", bell__name="Zoë")
    assert says("%{bell.name.length} < 1")


def test_the_length_of_an_array_stands_beside_it() -> None:
    event = {"bell__tones": ["c", "d"], "bell__tones__length": 2}
    assert says("bell.tones.length == 2", **event)
    assert says("bell.tones.length == 0 && bell.years.length < 1")


def test_a_list_on_the_left_is_any_of_its_members() -> None:
    macros = {"SOFT": '["p", ~"m*"]', "YEARS": "[ 1500, 1600 ]", "NETS": "[10.0.0.0/8, ::1]"}
    assert says("SOFT in bell.tones", macros, bell__tones=["mf"])
    assert says("SOFT not in bell.tones", macros, bell__tones=["f"])
    assert says("YEARS in bell.years && YEARS == 1600 && YEARS > 1599", macros, bell__years=[1500])
    assert not says("YEARS < 1500", macros)
    assert says(
        "NETS in bell.address && NETS in bell.addresses",
        macros,
        bell__address="10.0.0.1",
        bell__addresses=["::1"],
    )


def test_a_number_compared_with_a_list_is_compared_with_each() -> None:
    macros = {"YEARS": "[ 1500, 1600 ]"}
    assert says("bell.weight < YEARS && bell.weight == 1550", macros, bell__weight=1550)
    assert not says("bell.weight < YEARS", macros, bell__weight=1600)
    assert says("bell.weight == YEARS", macros, bell__weight=1500)


def test_an_address_stands_behind_in_as_well() -> None:
    assert says("bell.address in bell.address", bell__address="10.0.0.1")
    assert says("10.0.0.7 not in bell.address", bell__address="10.0.0.1")


# --- iterators ---------------------------------------------------------------------------------

ROPES = [
    {"colour": "red", "metres": 9, "knots": ["a", "b"]},
    {"colour": "blue", "metres": 5},
    {"metres": 1},
]


@pytest.mark.parametrize(
    "text, expected",
    [
        # Without a variable the tests are independent, and `!=` means none.
        ('ropes.colour == "red" && ropes.metres == 5', True),
        ('ropes.colour != "red"', False),
        # With one they are about the same rope.
        ('ropes[A].colour == "red" && ropes[A].metres == 5', False),
        ('ropes[A].colour == "blue" && ropes[A].metres == 5', True),
        ('ropes[A].colour != "red"', True),
        ('ropes[A].colour == "" && ropes[A].metres == 1', True),
        ('ropes[A].knots in ["b"] && ropes[A].colour == "red"', True),
        ('ropes[A].knots not in ["b"] && ropes[A].colour == "red"', False),
        ('5 in ropes[A].metres && "blue" in ropes[A].colour', True),
        ("ropes[A].colour == bell.name && bell.weight == 7", True),
        ("ropes[A].metres == 9 && ropes.metres == 5", True),
        ("ropes.length == 3", True),
    ],
)
def test_an_iterator_variable_is_one_object(text: str, expected: bool) -> None:
    event = {"ropes": ROPES, "ropes__length": 3, "bell__name": "blue", "bell__weight": 7}
    assert says(text, **event) is expected


@pytest.mark.parametrize(
    "text, expected",
    [
        # An object without a value has the zero value.
        ('ropes.colour == ""', True),
        ('ropes.colour != ""', False),
        ('ropes.colour in ["green", ""]', True),
        ('ropes.colour =~ "*"', True),
        ("ropes.metres == 0", False),
        ("ropes.metres < 1", False),
        ("ropes.metres in [ 0, 5 ]", True),
        ("ropes.colour.length == 0", True),
        ("ropes.colour.length > 4", False),
        ("ropes.knots.length == 2", True),
        ("ropes.knots.length == 0", True),
        ("ropes.knots.length == 1", False),
        ("ropes.metres == bell.weight", False),
        ("ropes.metres < 2s", True),
        # Two tests of all objects are independent of each other, in one comparison too.
        ("ropes.colour in ropes.knots", False),
        ('ropes[A].metres == 1 && ropes.colour == ""', True),
        ('ropes[A].metres == 9 && ropes.colour == "" && ropes.metres == 1', True),
        ("ropes[A].metres == 9 && ropes.metres < bell.weight", True),
    ],
)
def test_without_a_variable_every_object_is_asked(text: str, expected: bool) -> None:
    ropes = [{**ROPES[0], "knots.length": 2}, *ROPES[1:]]
    event = {"ropes": ropes, "ropes__length": 3, "bell__weight": 7}
    assert says(text, **event) is expected


def test_a_number_before_the_last_part_is_a_variable_too() -> None:
    assert says('ropes[0].colour == "blue" && ropes[0].metres == 5', ropes=ROPES)
    assert not says('ropes[1].colour == "red" && ropes[1].metres == 5', ropes=ROPES)


def test_what_no_object_can_be_is_asked_of_all_at_once() -> None:
    assert isinstance(lowered('ropes.colour == "red"'), Leaf)
    assert isinstance(lowered('ropes.colour == ""'), Nested)


def test_without_objects_an_iterator_variable_is_never_true() -> None:
    assert not says('ropes[A].colour != "red" || true')


def test_fields_of_the_event_have_a_mark_inside_an_iterator() -> None:
    expr = lowered('ropes[A].colour == "red" && bell.rung')
    assert isinstance(expr, Nested)
    assert expr.path == "ropes"
    assert [t.field for t in expr.term.terms] == ["colour", "^.bell.rung"]  # type: ignore[union-attr]


# --- macros ------------------------------------------------------------------------------------


def test_macros_are_expressions_lists_and_values_and_may_use_each_other() -> None:
    macros = {
        "NAMES": '["Anna", ~"E*"]',
        "NAMED": "bell.name in NAMES",
        "FLAGS": "LIGHT | HEAVY",
        "PLAIN": Macro(values=("E*",)),
    }
    assert says("NAMED && !bell.rung", macros, bell__name="Emma")
    assert says("bell.weight & FLAGS > 0", macros, bell__weight=4)
    assert not says("bell.name in PLAIN", macros, bell__name="Emma")
    assert says("bell.name in PLAIN", macros, bell__name="E*")


def test_what_a_macro_gets_wrong_is_shown_in_the_macro() -> None:
    macro = Macro(SourceText("bell.nick == 1", "tower.policy", 7))
    with pytest.raises(QuerySemanticError) as caught:
        lowered("M && bell.rung", {"M": macro})
    assert caught.value.span is not None
    assert caught.value.span.where() == "tower.policy:7:1"


def test_macros_that_grow_without_end_are_refused() -> None:
    macros = {f"M{n}": f"M{n + 1} && M{n + 1}" for n in range(60)} | {"M60": "bell.rung"}
    with pytest.raises(QuerySemanticError, match="more than 100,000 parts"):
        lowered("M0", macros)
    with pytest.raises(QuerySemanticError, match="the macro A uses itself"):
        lowered("A", {"A": "B && true", "B": "!A"})
    deep = {f"M{n}": f"!M{n + 1}" for n in range(500)} | {"M500": "bell.rung"}
    with pytest.raises(QuerySemanticError, match="nest deeper"):
        lowered("M0", deep)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'bell.weight == "heavy"', "bell.name == 1", "bell.name > 1", 'bell.name < "b"',
        'bell.rung =~ "x"', "bell.weight in [ HEAVY, OLD ]", "bell.weight in [ HEAVY, true ]",
        "bell.name =~ bell.maker", 'bell.name =~ "%{bell.maker}"', "bell.name in bell.maker",
        "bell.addresses > bell.address", "bell.years == bell.years", 'bell.name == r"("',
        'bell.name =~ "a**"', 'bell.path == ~"/a/**/b/**"', "bell.years + 1 == 2",
        "bell.nothing == 1", "%{bell.nothing} == 1", "bell.cast_at != 5s", "bell.weight",
        'ropes[_].colour == "x"', 'ropes[].colour == "x"', 'bell[A].name == "x"',
        'ropes[A].colour == "x" && ropes[B].metres == 1', 'bell.name[0] == "a"',
        'bell[0].name == "x"', '"${bell.name" == 1', '"%{bell.rung}" == bell.name', "bell.name == OLD && OLD",
        "bell.addresses allin bell.addresses", "bell.addresses in bell.addresses",
        '"c" == bell.tones', "bell.rung == bell.cracks", "10.0.0.1 == bell.addresses",
        "bell.years == 5s", "bell.name == ${tower.name}", '"${tower.name}" == bell.name',
        '"%{ropes[A].colour}" == bell.name && ropes[A].metres == 1', "%{ropes[A].metres} == 1",
        "bell.name.root_domain == \"a.org\"", "%{bell.weight.root_domain} == 1", "bell.rung.length == 1",
        "%{bell.weight.length} == 1", "fim.write.file.path == \"/a\"", "ropes[A].knots[0] == \"a\"",
    ],
)  # fmt: skip
def test_what_makes_no_sense(text: str) -> None:
    with pytest.raises(QuerySemanticError):
        lowered(text)


def test_the_elements_of_an_array_are_counted_from_zero() -> None:
    event = {"bell__tones": ["c", "d"], "bell__years": [1500, 1600]}
    assert says('bell.tones[40] == "" && %{bell.tones[40]} != "c"', **event)
    assert says("bell.years[1] == 1600 && bell.years[0] < bell.years[1]", **event)
    assert says("bell.years[2] == 0 && bell.years[99999999999999999999] == 0", **event)
    knots = {"ropes": [{"knots": ["a"]}, {"knots": ["b"]}]}
    assert says('ropes.knots[1] == "b"', **knots)


def test_an_array_stands_in_a_text_with_commas() -> None:
    assert says('"%{bell.tones}!" == "c,d!"', bell__tones=["c", "d"])
    assert says('"%{bell.years}" == "1500,1600" && "%{bell.tones}" == ""', bell__years=[1500, 1600])


def test_root_domains() -> None:
    assert says('%{bell.name.root_domain} == "bells.example"', bell__name="www.bells.example")
    assert says('%{bell.name.root_domain} == ""')
    assert says('"bells.co.uk" in %{bell.tones.root_domain}', bell__tones=["a.bells.co.uk", "x.y"])
    assert says('"on %{bell.name.root_domain}" == "on bells.example"', bell__name="a.bells.example")


def test_an_iterator_variable_stands_for_the_first_hundred_objects() -> None:
    ropes = [{"metres": n} for n in range(102)]
    assert says("ropes[A].metres == 99", ropes=ropes)
    assert not says("ropes[A].metres == 100", ropes=ropes)
    assert says("ropes.metres == 100", ropes=ropes)


@pytest.mark.parametrize("text", ['ropes.colour[0] == "red"', '"%{ropes.colour}" == bell.name'])
def test_what_is_not_run_yet(text: str) -> None:
    with pytest.raises(UnsupportedFeature):
        lowered(text)


# --- Datadog's own fields ------------------------------------------------------------------------


def test_a_rule_is_about_the_one_event_type_that_its_fields_name() -> None:
    expr = compile_query('exec.comm == "curl" && process.tty_name != ""').where
    assert isinstance(expr, And)
    event, comm, tty = expr.terms
    assert event == Leaf("secl.evt.name", Equals(("exec",)), "keyword", spelled="evt.name")
    assert comm == Leaf("secl.exec.comm", Equals(("curl",)), "keyword", "", spelled="exec.comm")
    assert isinstance(tty, Not)
    with pytest.raises(QuerySemanticError, match="names exec and open"):
        compile_query('exec.comm == "curl" && open.file.path == "/a"')
    with pytest.raises(QuerySemanticError, match="no field says which event type"):
        compile_query('process.comm == "curl"')


def test_an_event_type_may_come_from_a_macro() -> None:
    expr = compile_query('M && process.comm == "curl"', {"M": "open.flags & O_CREAT > 0"}).where
    assert expr.terms[0].matcher == Equals(("open",))  # type: ignore[union-attr]


def test_fim_stands_for_every_event_that_changes_a_file() -> None:
    expr = compile_query('fim.write.file.path =~ "/bells/**"').where
    assert isinstance(expr, Or)
    created = {"secl": {"evt": {"name": "open"}, "open": {"file": {"path": "/bells/a"}}}}
    assert not holds(expr, created)
    created["secl"]["open"]["flags"] = 64
    assert holds(expr, created)
    moved = {"path": "/tmp/a", "destination": {"path": "/bells/a"}}
    assert holds(expr, {"secl": {"evt": {"name": "rename"}, "rename": {"file": moved}}})
    with pytest.raises(QuerySemanticError, match="cannot stand in a macro"):
        compile_query("M", {"M": 'fim.write.file.path == "/a"'})


def test_paths_are_checked() -> None:
    for text in ('"etc/bell"', '"/bells/"', '~"/a/../*"', 'r"bell"', '"*"'):
        with pytest.raises(QueryError):
            compile_query(f"open.file.path == {text}")
    compile_query('exec.file.path == ""')


def test_fields_of_the_network_are_of_some_events_only() -> None:
    compile_query('dns.question.name == "bells.example" && network.destination.port == 53')
    with pytest.raises(QuerySemanticError, match=r"exec events have no network\.size"):
        compile_query('exec.comm == "bell" && network.size > 9')
    with pytest.raises(QuerySemanticError, match="no field says which event type"):
        compile_query("network.size > 9")


@pytest.mark.parametrize(
    "text, script",
    [
        ("open.flags & O_CREAT != 0", "open.flags & O_CREAT == 0"),
        ("exec.comm != exec.file.name", "exec.comm == exec.file.name"),
        ("exec.comm not in exec.argv", "exec.comm in exec.argv"),
        ('"${process.pid}" !~ "1*" && exec.comm == "a"', '"${process.pid}" =~ "1*"'),
    ],
)
def test_a_script_under_a_negation_does_not_say_it_as_well(text: str, script: str) -> None:
    where = compile_query(text).where
    assert isinstance(where, And)
    found = [term.term.text for term in where.terms
             if isinstance(term, Not) and isinstance(term.term, Script)]  # fmt: skip
    assert found == [script]


def test_conditions_that_are_compared_over_and_over_do_not_grow_without_end() -> None:
    one = "(exec.comm == exec.file.name)"
    compile_query(" == ".join([one] * 8))
    with pytest.raises(QuerySemanticError, match="more than 100,000 parts"):
        compile_query(" == ".join([one] * 45))


def test_marks_that_are_never_closed_are_text_and_cost_no_time() -> None:
    where = compile_query('exec.comm == "' + "${" * 50_000 + '"').where
    assert isinstance(where, And)
    assert isinstance(where.terms[1], Leaf)
    assert where.terms[1].matcher == Equals(("${" * 50_000,))
