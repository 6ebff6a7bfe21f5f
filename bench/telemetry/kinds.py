"""What is fresh in every event: from ``event``'s last members to the kind's own objects.

Each function gives ``"action":…},"data_stream":{…},…``: the end of the event's ``event`` object and
what else the kind has; the program follows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from bench.telemetry import objects
from bench.telemetry.mixes import Mix
from bench.telemetry.programs import Piece
from bench.telemetry.tables import templates
from bench.telemetry.words import members

INSIDE = {53, 445, 389, 88, 135, 1433, 5432, 3306, 6379, 9092, 9200, 9100, 873, 22, 3389}
"""Ports of services that a fleet has itself."""

METADATA = 169
"""Stands for the metadata service: port 80 of 169.254.169.254."""

FILE_ACTIONS = (
    ("creation", "creation"), ("creation", "creation"), ("deletion", "deletion"),
    ("modification", "change"), ("overwrite", "change"), ("rename", "change"), ("open", "access"),
)  # fmt: skip
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
    "Boto3/1.35.71 md/Botocore#1.35.71 ua/2.0 os/linux#6.8.0 lang/python#3.12.3",
    "Go-http-client/1.1", "Microsoft-CryptoAPI/10.0", "Debian APT-HTTP/1.3 (2.7.14)",
    "python-requests/2.32.3", "curl/8.5.0", "Microsoft-Delivery-Optimization/10.1",
)  # fmt: skip


class Kinds:
    """Makes what the kinds of event have of their own, out of pools of values.

    Args:
        system: ``windows``, ``linux`` or ``macos``.
        draw: what everything is drawn from.
    """

    def __init__(self, system: str, draw: random.Random, mix: Mix) -> None:
        self.draw = draw
        self.files = {habit: objects.files(system, habit, draw, mix, 1000)
                      for habit in templates(system, "files")}  # fmt: skip
        self.libraries = {habit: objects.libraries(system, habit, draw, 450)
                          for habit in ("app", "system")}  # fmt: skip
        self.keys = {habit: objects.keys(system, habit, draw, mix, 1200)
                     for habit in templates(system, "keys")}  # fmt: skip
        self.domains = {habit: objects.domains(system, habit, draw, 1200)
                        for habit in ("app", "browser")}  # fmt: skip
        self.urls = [members(objects.url(draw)) for _ in range(1800)]
        self.outside = [f"30.{draw.randrange(250)}.{draw.randrange(250)}.{draw.randrange(250)}"
                        for _ in range(1200)]  # fmt: skip
        self.inside = [f"10.{draw.choice((4, 8))}.{draw.randrange(250)}.{draw.randrange(250)}"
                       for _ in range(300)]  # fmt: skip

    def process(self, piece: Piece) -> str:
        """A program ends."""
        return END

    def network(self, piece: Piece) -> str:
        """A program connects to one of the ports that it uses."""
        port = self.draw.choice(piece.ports or (443,))
        if port == METADATA:
            return self.connection("169.254.169.254", 80)
        inside = port in INSIDE or self.draw.random() < 0.2
        return self.connection(self._one(self.inside if inside else self.outside), port)

    def connection(self, address: str, port: int) -> str:
        """A connection."""
        draw = self.draw.random
        start = draw() < 0.6
        action = "connection_attempted" if start else "disconnect_received"
        sent, received = (300, 900) if port == 53 else (90_000, 900_000)
        return _head("network", action, "start" if start else "end") + (
            f',"source":{{"address":"10.{int(draw() * 9)}.3.{int(draw() * 250)}",'
            f'"ip":"10.{int(draw() * 9)}.3.{int(draw() * 250)}",'
            f'"port":{49152 + int(draw() * 16000)},"bytes":{int(draw() ** 2 * sent)}}},'
            f'"destination":{{"address":"{address}","ip":"{address}","port":{port},'
            f'"bytes":{int(draw() ** 3 * received)}}},'
            f'"network":{{"direction":"egress","transport":"{"udp" if port == 53 else "tcp"}",'
            '"type":"ipv4"}'
        )

    def file(self, piece: Piece) -> str:
        """A program does something to a file of the sort that it deals with."""
        pool = self._of(self.files, piece)
        return self.of_file(*self.draw.choice(FILE_ACTIONS), pool)

    def of_file(self, action: str, kind: str, rendered: str) -> str:
        """Something happens to a file."""
        size = int(self.draw.random() ** 4 * 9_000_000)
        return _head("file", action, kind) + f',"file":{{{rendered},"size":{size}}}'

    def registry(self, piece: Piece) -> str:
        """A program sets a value of the registry."""
        return self.of_key(self._of(self.keys, piece))

    def of_key(self, rendered: str) -> str:
        """A value of the registry is set."""
        return _head("registry", "modification", "change") + f',"registry":{{{rendered}}}'

    def dns(self, piece: Piece) -> str:
        """A program looks up a name."""
        return self.lookup(self._of(self.domains, piece))

    def lookup(self, name: str) -> str:
        """A name is looked up."""
        registered = ".".join(name.split(".")[-2:])
        return (
            '"action":"lookup_result","category":["network"],"type":["protocol","info"],'
            '"dataset":"endpoint.events.network","outcome":"success"},'
            '"data_stream":{"dataset":"endpoint.events.network","namespace":"default",'
            '"type":"logs"},"message":"DNS query is completed",'
            f'"dns":{{"question":{{"name":"{name}","type":"A",'
            f'"registered_domain":"{registered}"}},'
            f'"resolved_ip":["{self._one(self.outside)}"],"response_code":"NOERROR"}},'
            '"network":{"protocol":"dns","transport":"udp"}'
        )

    def library(self, piece: Piece) -> str:
        """A program loads a library."""
        return self.of_library(self._of(self.libraries, piece))

    def of_library(self, rendered: str) -> str:
        """A library is loaded."""
        return _head("library", "load", "start") + f',"dll":{{{rendered}}}'

    def http(self, piece: Piece) -> str:
        """A request in the clear, as a capture shows it."""
        draw = self.draw.random
        return (
            '"action":"http_request","category":["network"],"type":["connection","protocol"],'
            '"dataset":"network_traffic.http","outcome":"success"},'
            '"data_stream":{"dataset":"network_traffic.http","namespace":"default",'
            '"type":"logs"},'
            f'"http":{{"request":{{"method":"{"GET" if draw() < 0.8 else "POST"}"}},'
            f'"response":{{"status_code":{200 if draw() < 0.9 else 404},'
            f'"body":{{"bytes":{int(draw() ** 3 * 500_000)}}}}}}},'
            f'"url":{{{self._one(self.urls)}}},'
            f'"user_agent":{{"original":"{self._one(USER_AGENTS)}"}},'
            f'"destination":{{"ip":"{self._one(self.inside)}","port":80}},'
            '"network":{"protocol":"http","transport":"tcp","type":"ipv4"}'
        )

    def _of(self, pools: dict[str, list[str]], piece: Piece) -> str:
        return self._one(pools.get(piece.habit) or pools["app"])

    def _one(self, pool: Sequence[str]) -> str:
        return pool[int(self.draw.random() ** 2 * len(pool))]


def does(piece: Piece, kind: str) -> bool:
    """Whether a program does such things at all."""
    if kind in {"network", "dns", "http"}:
        return bool(piece.ports)
    return piece.habit != "-" or kind not in {"file", "registry"}


def _head(category: str, action: str, kind: str) -> str:
    return (
        f'"action":"{action}","category":["{category}"],"type":["{kind}"],'
        f'"dataset":"endpoint.events.{category}","outcome":"unknown"}},'
        f'"data_stream":{{"dataset":"endpoint.events.{category}","namespace":"default",'
        f'"type":"logs"}},"message":"Endpoint {category} event"'
    )


START, END = _head("process", "start", "start"), _head("process", "end", "end")
