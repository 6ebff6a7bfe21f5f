"""SECL's words and grammar."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import QueryError, QuerySyntaxError
from tocsin.languages.secl import Compiler, compile_query
from tocsin.languages.secl.parser import parse
from tocsin.languages.secl.syntax import (
    Address,
    Array,
    Bits,
    Comparison,
    Logic,
    Name,
    Node,
    Number,
    Sum,
    Text,
    Unary,
    Variable,
)
from tocsin.logic.agent_rule import Variable as StateVariable


def shown(node: Node) -> str:
    """The tree as text, with every bracket."""
    match node:
        case Logic(terms, operators):
            text = shown(terms[-1])
            for term, operator in zip(terms[-2::-1], operators[::-1], strict=True):
                text = f"({shown(term)} {operator} {text})"
            return text
        case Comparison(operator, left, right) | Bits(operator, left, right):
            return f"({shown(left)} {operator} {shown(right)})"
        case Sum(first, rest):
            text = shown(first)
            for sign, term in rest:
                text = f"({text} {sign} {shown(term)})"
            return text
        case Unary(operator, term):
            return f"({operator}{shown(term)})"
        case Array(members):
            return "[" + ", ".join(map(shown, members)) + "]"
        case Name(name) | Variable(name):
            return name
        case Number(value):
            return str(value)
        case Text(value, form):
            return {"text": "", "pattern": "~", "regex": "r"}[form] + f"'{value}'"
        case Address(text):
            return text
        case _:
            return f"%{node.name}"


@pytest.mark.parametrize(
    "text, tree",
    [
        # One rank for && and ||, to the right.
        ("a && b || c", "(a && (b || c))"),
        ("a || b && c", "(a || (b && c))"),
        ("(a && b) || c", "((a && b) || c)"),
        ("a and b or c", "(a && (b || c))"),
        ("not a && b", "((!a) && b)"),
        ("not (a && b)", "(!(a && b))"),
        # Bits bind tighter than sums and comparisons, and are of one rank.
        ("a & b > 0", "((a & b) > 0)"),
        ("a & b | c", "(a & (b | c))"),
        ("1 == 1 & 1", "(1 == (1 & 1))"),
        ("a + b & c - d", "((a + (b & c)) - d)"),
        ("a == b == c", "(a == (b == c))"),
        # Signs belong to digits.
        ("--3 == 3", "((--3) == 3)"),
        ("a - 1 == -2", "((a - 1) == -2)"),
        ("^0 == -1", "((^0) == -1)"),
        # Texts keep their backslashes.
        (r'a == "x\"y\n"', r"(a == 'x\"y\n')"),
        ('a == ~"x*"', "(a == ~'x*')"),
        (r'a =~ r"\d+"', r"(a =~ r'\d+')"),
        ("t < 90s", "(t < 90000000000)"),
        ("t < 10ms && u > 2h", "((t < 10000000) && (u > 7200000000000))"),
        ("a not  in [ 1, 2 ]", "(a not in [1, 2])"),
        ("a in 10.0.0.0/8", "(a in [10.0.0.0/8])"),
        ("a in [ ::1, fd00:ec2::254/128 ]", "(a in [::1, fd00:ec2::254/128])"),
        ("a allin NAMES", "(a allin NAMES)"),
        ("${x.y} == %{z}", "(x.y == %z)"),
        ("a[A].b == 1", "(a[A].b == 1)"),
        ("a && # why\n\tb // and\n", "(a && b)"),
        # An operator is two signs, which may stand apart.
        (
            'a = = b & & c ! = d | | e > = 1 && f = ~ "x"',
            "((a == b) && ((c != d) || ((e >= 1) && (f =~ 'x'))))",
        ),
        ('a ==~"x*"', "(a == ~'x*')"),
    ],
)
def test_the_tree_of_an_expression(text: str, tree: str) -> None:
    assert shown(parse(text)) == tree


def test_a_macro_may_be_a_list_alone() -> None:
    assert shown(parse('["a", ~"b*"]', macro=True)) == "['a', ~'b*']"
    with pytest.raises(QuerySyntaxError):
        parse('["a"]')


@pytest.mark.parametrize(
    "text",
    [
        "", "a &&", "&& a", "a in[1]", "a in []", "a in [1, \"b\"]", "5-2 == 3", "a -1", "(a", "a)",
        "a == 'b'", 'a == "b', "a = 1", "a in b in [1] c", "a\r&& b", "a == [1]", "in == 1",
        "a == 99999999999999999999", "a == 1.2.3.999", "${a", "a =-= 1", "a in [b]",
        'a =~"x*"', 'a !~"x*"', "a in 10.0.0.1", "a in [ 1s, 2s ]", "${a b} == 1", "%{} == 1",
        "a = b", "a ~ b", "${1} == 1",
    ],
)  # fmt: skip
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(QuerySyntaxError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 9_000, "!" * 9_000 + "true", "1 | " * 9_000 + "1 == 1", "true == " * 9_000 + "true"],
)
def test_nesting_has_a_limit(text: str) -> None:
    with pytest.raises(QueryError, match="nested deeper"):
        compile_query(text)


def test_a_hundred_parentheses_are_fine() -> None:
    depth = 99
    compile_query("(" * depth + 'exec.comm == "a"' + ")" * depth)


WORDS = """
exec.comm process.ancestors[A].pid open.flags true O_CREAT && || == != in not [ ] ( ) "a" ~"b*" r"c"
, 1 -2 + - & | ^ ! < >= 10s 1.2.3.4 ::1/64 allin =~ ${process.pid} %{exec.pid} "%{exec.comm}x"
process.ancestors.comm exec.argv exec.file.path connect.addr.ip fim.write.file.path exec.comm.length
exec.argv[1] M L ${process.shell} ${cgroup.seen} "${cgroup.n}x" ${cgroup.n} ${builtins.uuid4}
${cgroup.seen.length} event.rule.tags %{dns.question.name.root_domain} = ~ process.ancestors.uid
"""
MACROS = {"M": 'exec.comm == "m"', "L": '["a", ~"*"]'}
KNOWN = {
    v.name: v
    for v in (
        StateVariable("process.shell", scope="process"),
        StateVariable("cgroup.seen", scope="cgroup", array=True),
        StateVariable("cgroup.n", "int", "cgroup"),
    )
}


@given(st.text())
def test_random_text_raises_query_errors_only(text: str) -> None:
    with contextlib.suppress(QueryError):
        compile_query(text)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join))
def test_random_words_raise_query_errors_only(text: str) -> None:
    with contextlib.suppress(QueryError):
        compile_query(text, MACROS, variables=KNOWN)
    compiler = Compiler(MACROS, variables=KNOWN)
    with contextlib.suppress(QueryError):
        compiler.condition(text, ["exec"], ["a:b"])
    with contextlib.suppress(QueryError):
        compiler.value(text, ["exec"], ["a:b"])
