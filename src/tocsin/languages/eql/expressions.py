"""EQL's grammar, the lower half: expressions.

They are read by precedence with two stacks instead of recursion, so that only brackets cost depth:
``or`` < ``and`` < ``not`` < comparison < ``+ -`` < ``* / %`` < sign. ``in``, ``:``, ``like`` and
``regex`` belong to the operand before them.
"""

from __future__ import annotations

from tocsin.errors import QuerySyntaxError
from tocsin.languages._parsing import DEEPEST, Cursor, Token
from tocsin.languages.eql import syntax
from tocsin.languages.eql.lexer import LEXER, segment_of, string_of
from tocsin.source_text import SourceText

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN = range(1, 8)
_INFIX = {"or": _OR, "and": _AND} | dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), _COMPARISON)
_INFIX |= {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}
_MATCH = (":", "like", "like~", "regex", "regex~")
_LINEAGE = ("child", "descendant", "event")
_LONGEST_INTEGER = 20

_Operand = tuple[syntax.Expr, int, int, int]
"""An expression, its height, and where it begins and ends with its brackets."""


class ExpressionParser:
    """Reads expressions from a cursor."""

    def __init__(self, source: SourceText) -> None:
        self.cursor = Cursor(source, LEXER)

    def expression(self) -> _Operand:
        """An expression up to the first word that cannot belong to it."""
        cursor = self.cursor
        operands: list[_Operand] = []
        operators: list[tuple[int, Token]] = []
        with cursor.deeper():
            while True:
                self.prefixes(operators)
                operands.append(self.operand())
                token = cursor.peek()
                rank = _INFIX.get(token.text) if token.kind in ("op", "keyword") else None
                # `and` and `or` wait for their like, to become one node together.
                waits = rank is not None and rank <= _AND
                while operators and rank is not None and (
                    operators[-1][0] > rank or (operators[-1][0] == rank and not waits)
                ):  # fmt: skip
                    if operators[-1][0] == rank == _COMPARISON:
                        raise self.refusal("comparisons do not chain", "join them with 'and'")
                    self.reduce(operators, operands)
                if rank is None:
                    break
                operators.append((rank, cursor.next()))
            while operators:
                self.reduce(operators, operands)
        return operands[0]

    def prefixes(self, operators: list[tuple[int, Token]]) -> None:
        """Signs, and ``not`` where a condition may begin."""
        cursor = self.cursor
        while True:
            if cursor.at("keyword", "not") and (not operators or operators[-1][0] <= _NOT):
                operators.append((_NOT, cursor.next()))
            elif cursor.at("op", "-", "+"):
                operators.append((_SIGN, cursor.next()))
            else:
                return

    def reduce(self, operators: list[tuple[int, Token]], operands: list[_Operand]) -> None:
        """The topmost operator with its operands becomes one operand."""
        rank, token = operators.pop()
        taken = 1
        if rank <= _AND:
            taken = 2
            while operators and operators[-1][0] == rank:
                operators.pop()
                taken += 1
        elif rank not in (_NOT, _SIGN):
            taken = 2
        parts = operands[-taken:]
        del operands[-taken:]
        height = 1 + max(part[1] for part in parts)
        start = token.start if taken == 1 else parts[0][2]
        end = parts[-1][3]
        self.limit(height, token)
        terms = tuple(part[0] for part in parts)
        found: syntax.Expr
        if rank == _OR:
            found = syntax.Or(terms, start=start, end=end)
        elif rank == _AND:
            found = syntax.And(terms, start=start, end=end)
        elif rank == _NOT:
            found = syntax.Not(*terms, start=start, end=end)
        elif rank == _SIGN:
            found = syntax.Signed(token.text, *terms, start=start, end=end)
        elif rank == _COMPARISON:
            found = syntax.Comparison(token.text, *terms, start=start, end=end)
        else:
            found = syntax.Arithmetic(token.text, *terms, start=start, end=end)
        operands.append((found, height, start, end))

    def operand(self) -> _Operand:
        """A constant, a field, a call or brackets, and the predicate behind it."""
        cursor = self.cursor
        token = cursor.peek()
        height = 1
        found: syntax.Expr
        if cursor.accept("op", "("):
            found, height, *_ = self.expression()
            self.close(token)
        elif token.kind in ("string", "raw"):
            cursor.next()
            found = syntax.Literal(string_of(token), start=token.start, end=token.end)
        elif token.kind in ("integer", "decimal"):
            found = self.number()
        elif token.kind == "keyword" and token.text in ("true", "false", "null"):
            cursor.next()
            value = None if token.text == "null" else token.text == "true"
            found = syntax.Literal(value, start=token.start, end=token.end)
        elif token.kind in ("name", "folded") and cursor.peek(1).text == "(":
            found, height = self.call()
        elif token.kind in ("name", "quoted") or cursor.at("op", "?"):
            found = self.field()
        else:
            raise self.unexpected("a value")
        self.limit(height, token)
        operand = (found, height, token.start, self.end())
        token = cursor.peek()
        if token.kind in ("keyword", "op"):
            if token.text in ("in", "in~", "not"):
                return self.membership(operand)
            if token.text in _MATCH:
                return self.match(operand)
        return operand

    def number(self) -> syntax.Literal:
        """A number: whole where 64 bits hold it."""
        token = self.cursor.next()
        value: int | float
        # More digits than any double has whole numbers are a fraction's business.
        if token.kind == "integer" and len(token.text.lstrip("0")) <= _LONGEST_INTEGER:
            value = int(token.text)
            if value >= 1 << 63:
                value = float(value)
        else:
            value = float(token.text)
        if value == float("inf"):
            raise QuerySyntaxError("the number is too large", self.cursor.span(token))
        return syntax.Literal(value, start=token.start, end=token.end)

    def field(self) -> syntax.Field:
        """A field: segments joined by dots, with ``?`` in front where it is optional."""
        cursor = self.cursor
        first = cursor.peek()
        optional = cursor.accept("op", "?") is not None
        segments = [self.segment()]
        while cursor.accept("op", "."):
            segments.append(self.segment())
        if cursor.at("decimal") and cursor.peek().text.startswith("."):
            number = cursor.peek().text[1:]
            raise self.refusal("a segment begins with a digit", f"quote it: .`{number}`")
        if cursor.at("op", "[") and cursor.peek(1).kind == "integer":
            message = "array indexes are not supported"
            raise QuerySyntaxError(message, cursor.span(cursor.peek(), cursor.peek(2)))
        return syntax.Field(".".join(segments), optional, start=first.start, end=self.end())

    def segment(self) -> str:
        """One segment of a field's name."""
        token = self.cursor.peek()
        if token.kind in ("name", "quoted"):
            return segment_of(self.cursor.next())
        hint = f"quote it: `{token.text}`" if token.kind in ("keyword", "integer") else ""
        raise self.cursor.error("expected a field's name", hint)

    def call(self) -> tuple[syntax.Call, int]:
        """A function with its arguments, and its height."""
        cursor = self.cursor
        name = cursor.next()
        bracket = cursor.next()
        args: list[syntax.Expr] = []
        height = 0
        while not (cursor.at("op", ")") and not args):
            argument, deep, *_ = self.expression()
            args.append(argument)
            height = max(height, deep)
            if not cursor.accept("op", ","):
                break
        self.close(bracket)
        written = name.text.removesuffix("~")
        folded = name.kind == "folded"
        found = syntax.Call(written, tuple(args), folded, start=name.start, end=self.end())
        return found, height + 1

    def membership(self, operand: _Operand) -> _Operand:
        """``operand [not] in (…)``."""
        cursor = self.cursor
        subject, height, start, _ = operand
        negated = cursor.accept("keyword", "not")
        operator = cursor.next()
        if operator.text not in ("in", "in~"):
            written = f"not {operator.text}"
            if operator.text not in _MATCH:
                raise cursor.error("expected 'in' after 'not'", token=operator)
            hint = f"put it in front: not f {operator.text} …"
            span = cursor.span(negated or operator, operator)
            raise QuerySyntaxError(f"no such operator: {written}", span, hint)
        bracket = cursor.expect("op", "(", hint="a list stands in brackets, even of one value")
        if cursor.at("op", ")"):
            raise self.refusal("the list is empty")
        items: list[syntax.Expr] = []
        while not items or cursor.accept("op", ","):
            item, deep, *_ = self.expression()
            items.append(item)
            height = max(height, deep)
        self.close(bracket)
        found = syntax.Membership(
            subject,
            tuple(items),
            negated is not None,
            operator.text == "in~",
            start=start,
            end=self.end(),
        )
        return found, height + 1, start, self.end()

    def match(self, operand: _Operand) -> _Operand:
        """``operand : …`` and its like."""
        cursor = self.cursor
        subject, height, start, _ = operand
        operator = cursor.next().text
        patterns = []
        bracket = cursor.peek()
        if cursor.accept("op", "("):
            patterns.append(self.pattern(operator))
            while cursor.accept("op", ","):
                patterns.append(self.pattern(operator))
            self.close(bracket)
        else:
            patterns.append(self.pattern(operator))
        found = syntax.Match(subject, operator, tuple(patterns), start=start, end=self.end())
        return found, height + 1, start, self.end()

    def pattern(self, operator: str) -> syntax.Literal:
        """A string behind ``:`` and its like."""
        token = self.cursor.peek()
        if token.kind not in ("string", "raw"):
            hint = "compare other values with ==" if operator == ":" else ""
            raise self.cursor.error(f"the right side of '{operator}' has to be a string", hint)
        self.cursor.next()
        return syntax.Literal(string_of(token), start=token.start, end=token.end)

    # --- errors -------------------------------------------------------------------------------

    def limit(self, height: int, token: Token) -> None:
        """A tree that is too high would exhaust the stack of whoever walks it."""
        if height > DEEPEST:
            span = self.cursor.span(token)
            raise QuerySyntaxError(f"nested deeper than {DEEPEST} levels", span)

    def end(self) -> int:
        """Where the last word that was read ends."""
        return self.cursor.tokens[max(self.cursor.index - 1, 0)].end

    def refusal(self, message: str, hint: str = "") -> QuerySyntaxError:
        """An error at the next word, which the message need not repeat."""
        return QuerySyntaxError(message, self.cursor.span(self.cursor.peek()), hint)

    def close(self, opened: Token) -> None:
        """The bracket that closes ``opened``."""
        if self.cursor.accept("op", ")"):
            return
        if self.cursor.at("end"):
            message = "'(' is not closed"
            raise QuerySyntaxError(message, self.cursor.span(opened), "add ')'")
        raise self.unexpected("')', ',' or an operator")

    def expect_end(self) -> None:
        """There is nothing more."""
        if not self.cursor.at("end"):
            raise self.unexpected("an operator or the end of the query")

    def unexpected(self, wanted: str) -> QuerySyntaxError:
        """An error at the next word, with what its writer may have meant."""
        cursor = self.cursor
        token = cursor.peek()
        before = cursor.tokens[cursor.index - 1] if cursor.index else token
        if token.text == "=":
            message = "'=' does not compare two values"
            return QuerySyntaxError(message, cursor.span(token), "write ==, or ':' to ignore case")
        hint = ""
        if token.kind == "name" and token.text.lower() in ("and", "or", "not", "in", "like"):
            hint = f"keywords are in lower case: {token.text.lower()}"
        elif before.kind == "name" and before.text.lower() in ("and", "or", "not"):
            hint = f"keywords are in lower case: {before.text.lower()}"
        elif token.kind == "keyword" and token.text == "of" and before.text in _LINEAGE:
            return QuerySyntaxError(
                f"'{before.text} of' is not supported", cursor.span(before, token)
            )
        elif token.kind == "keyword" and wanted == "a value" and token.text != "not":
            if before.text in ("and", "or", "not") and token.text in ("and", "or"):
                hint = f"remove '{before.text}' or '{token.text}'"
            else:
                hint = f"a field of this name is written `{token.text}`"
        elif wanted == "a value" and before.text in ("and", "or"):
            hint = f"remove the trailing '{before.text}'"
        elif token.text == "[" and cursor.tokens[0].text not in ("sequence", "sample"):
            hint = "a sequence begins with the word 'sequence'"
        elif token.kind == "op" and token.text in _MATCH:
            hint = "a value has one ':'; join several with 'and' and 'or'"
        return cursor.error(f"expected {wanted}", hint)
