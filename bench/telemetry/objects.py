"""What events are about besides programs: files, libraries, registry keys, names, addresses.

Files and registry keys are made from the templates of ``files.txt``, by the habits of programs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from bench.telemetry.mixes import Mix
from bench.telemetry.programs import signed
from bench.telemetry.tables import templates
from bench.telemetry.words import WORDS, Document, base, digest, filled, members

LIBRARIES = [
    "ntdll", "kernel32", "kernelbase", "user32", "gdi32", "advapi32", "sechost", "rpcrt4",
    "combase", "ole32", "oleaut32", "shell32", "shlwapi", "ws2_32", "winhttp", "wininet", "crypt32",
    "bcrypt", "ncrypt", "secur32", "sspicli", "netapi32", "dnsapi", "iphlpapi", "mswsock", "amsi",
    "wldp", "version", "psapi", "wtsapi32", "userenv", "profapi", "uxtheme", "dwmapi", "d3d11",
    "dxgi", "msvcp140", "vcruntime140", "mscoree", "clr", "clrjit", "cryptbase", "propsys",
]  # fmt: skip
SYSTEM_LIBRARIES = [
    "taskschd", "wbemcomn", "fastprox", "wmiutils", "samlib", "dbghelp", "dbgcore", "vaultcli",
    "urlmon", "bitsproxy", "authz", "dsrole",
]  # fmt: skip
"""Those that the system's own programs load besides, and seldom anybody else."""
DOMAINS = (
    "{word}-{word}.{word}.example.com", "{word}.{word}.example.com", "{word}-{n}.corp.example.com",
    "{hex}.cdn.{word}.example.com", "{word}.example.net", "api.{word}.example.org",
)  # fmt: skip
BROWSED = (
    "www.google.com", "update.googleapis.com", "safebrowsing.googleapis.com", "github.com",
    "api.github.com", "raw.githubusercontent.com", "slack.com", "wss-primary.slack.com",
    "edge.microsoft.com", "drive.google.com", "www.dropbox.com", "www.wikipedia.org",
    "discord.com", "s3.eu-west-1.amazonaws.com", "docs.google.com", "pastebin.com",
)  # fmt: skip
"""What people look at; rules know that browsers may."""

KNOWN_DOMAINS = {
    "windows": ("login.microsoftonline.com", "settings-win.data.microsoft.com",
                "outlook.office365.com", "ctldl.windowsupdate.com", "ocsp.digicert.com",
                "time.windows.com", "ssm.eu-west-1.amazonaws.com"),
    "linux": ("archive.ubuntu.com", "security.ubuntu.com", "ssm.eu-west-1.amazonaws.com",
              "s3.eu-west-1.amazonaws.com", "ocsp.digicert.com"),
    "macos": ("gateway.icloud.com", "mesu.apple.com", "ocsp.apple.com", "time.apple.com"),
}  # fmt: skip


def files(system: str, habit: str, draw: random.Random, mix: Mix, count: int) -> list[str]:
    """Files that a sort of program deals with, rendered."""
    paths = drawn(templates(system, "files")[habit], draw, mix, count)
    return [members(file(path, draw)) for path in paths]


def keys(system: str, habit: str, draw: random.Random, mix: Mix, count: int) -> list[str]:
    """Registry values that a sort of program sets, rendered."""
    return [
        members(key(text)) for text in drawn(templates(system, "keys")[habit], draw, mix, count)
    ]


def drawn(known: Sequence[str], draw: random.Random, mix: Mix, count: int) -> list[str]:
    """Templates filled in, the remarkable ones as often as the mix has it."""
    weights = [mix.remarkable * 0.5 if text[0] == "!" else 1.0 for text in known]
    chosen = draw.choices([text.lstrip("!") for text in known], weights, k=count)
    return [filled(template, draw) for template in chosen]


def file(path: str, draw: random.Random) -> Document:
    """A file that something happens to."""
    name = base(path)
    end = name.rpartition(".")[2] if "." in name else ""
    return {"name": name, "path": path, **({"extension": end} if end else {}),
            "directory": path[: -len(name) - 1], "Ext": {"entropy": round(draw.random() * 8, 3)},
            "hash": {"sha256": digest("f", name)}}  # fmt: skip


def library(path: str, signer: str | None) -> Document:
    """A library that was loaded."""
    name = base(path)
    return {"name": name, "path": path,
            "hash": {"md5": digest("m", path)[:32], "sha1": digest("1", path)[:40],
                     "sha256": digest("2", path)},
            "pe": {"imphash": digest("i", path)[:32], "original_file_name": name},
            "Ext": {"relative_file_creation_time": 86400 * (1 + len(path) * 7),
                    "relative_file_name_modify_time": 86400 * (1 + len(path) * 7)},
            "code_signature": signed(signer)}  # fmt: skip


def libraries(system: str, habit: str, draw: random.Random, count: int) -> list[str]:
    """Libraries: the system's programs load the system's, others some of their own too.

    Of those one in twenty is unsigned.
    """
    found = []
    known = LIBRARIES + SYSTEM_LIBRARIES if habit == "system" else LIBRARIES
    for _ in range(count):
        word, ours = draw.choice(WORDS), habit == "system" or draw.random() < 0.65
        if system == "windows":
            path = (
                f"C:\\Windows\\System32\\{draw.choice(known)}.dll"
                if ours
                else filled(r"C:\Program Files\{Word}\{Word}\{word}{word}.dll", draw)
            )
            signer: str | None = "Microsoft Windows" if ours else f"{word.title()} Software, Inc."
        else:
            path = filled(
                "/usr/lib/lib{word}.dylib"
                if ours
                else "/Applications/{Word}.app/Contents/Frameworks/{word}.dylib",
                draw,
            )
            signer = "Software Signing" if ours else "Example Software Publisher"
        unsigned = not ours and draw.random() < 0.05
        found.append(members(library(path, None if unsigned else signer)))
    return found


def key(text: str) -> Document:
    r"""A registry value: ``hive\key\value=data``."""
    path, _, data = text.partition("=")
    hive, _, rest = path.partition("\\")
    return {"hive": hive, "key": rest.rpartition("\\")[0], "value": rest.rpartition("\\")[2],
            "path": path, "data": {"type": "REG_SZ", "strings": [data]}}  # fmt: skip


def domains(system: str, habit: str, draw: random.Random, count: int) -> list[str]:
    """Names that a sort of program looks up."""
    known = KNOWN_DOMAINS[system] + (BROWSED if habit == "browser" else ())
    share = 0.3 if habit == "browser" else 0.12
    return [draw.choice(known) if draw.random() < share
            else filled(draw.choice(DOMAINS), draw) for _ in range(count)]  # fmt: skip


def url(draw: random.Random) -> Document:
    """An address of the web, without TLS."""
    domain = f"{draw.choice(WORDS)}.example.com"
    path = "/" + "/".join(draw.choice(WORDS) for _ in range(draw.randrange(1, 5)))
    query = f"id={draw.randrange(10**6)}&q={draw.choice(WORDS)}"
    return {"scheme": "http", "domain": domain, "path": path, "query": query,
            "full": f"http://{domain}{path}?{query}"}  # fmt: skip
