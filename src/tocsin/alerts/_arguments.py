"""The arguments of a process without secrets, in every form in which sensors write them.

A list (ECS), one text (SECL), one key for each (``argv[0]``, ``a0``): that an argument is a secret
may show in its neighbours or in the program alone.

>>> paired(["mysql", "--password", "hunter2"])
['mysql', '--password', '[redacted]']
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tocsin.alerts._secret_texts import LONGEST_KEPT, NAME, REDACTED, keeps, scrub_text

_FLAG = re.compile(
    rf"(?:--?(?:{NAME})|aws_(?:secret_access_key|session_token))\Z", re.IGNORECASE | re.ASCII
)
_ARGUMENTS = frozenset({"args", "argv", "arguments"})
_OPTIONS = frozenset({"args_options", "args_flags"})
_NUMBERED = re.compile(r"argv\[\d{1,7}\]\Z")
_NUMBERED_RECORD = re.compile(r"a\d{1,7}\Z")
_PROGRAM = ("argv0", "comm", "name", "executable")
_MOST_PROGRAMS = 8
_MYSQL = re.compile(r"mysql\w*|mariadb\w*|sshpass", re.ASCII)


def is_argument(key: str) -> bool:
    """Whether arguments may stand under a key."""
    if key.rpartition(".")[2] in _ARGUMENTS:
        return True
    return key[:1] == "a" and bool(_NUMBERED.match(key) or _NUMBERED_RECORD.match(key))


def may_hold(process: Mapping[Any, Any], keys: list[str], suspects: frozenset[str]) -> bool:
    """Whether there may be secrets in arguments that do not show in one of them alone.

    Args:
        process: the object as it came.
        keys: those for which `is_argument` is true.
        suspects: the texts of the document that `_secret_texts.suspects` named.
    """
    for key in keys:
        found = process[key]
        texts = found if isinstance(found, list) else [found]
        if not all(isinstance(text, str) for text in texts):
            if any(isinstance(text, (list, Mapping)) for text in texts):
                return True
            if not suspects.isdisjoint(text for text in texts if isinstance(text, str)):
                return True
            continue  # a number, or a list that is none of arguments
        is_headless = bool(texts) and texts[0].startswith("-")
        if not suspects.isdisjoint(texts):
            return True
        if is_headless or suspects:
            programs = _programs(process, key)
            if (is_headless and not programs) or not suspects.isdisjoint(programs):
                return True
    return False


def scrub_arguments(value: Mapping[Any, Any], scrubbed: dict[str, Any]) -> None:
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
            if isinstance(text, str) and 0 < len(text) <= LONGEST_KEPT and text not in found:
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
        scrubbed = paired([scrub_text(a) for a in (*begin, *scrubbed)])[len(begin) :]
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


def paired(scrubbed: list[Any]) -> list[Any]:
    """A list in which the one after a secret's flag is a secret; it is changed in its place."""
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
