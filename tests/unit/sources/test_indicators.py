"""Indicators of threats out of files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tocsin.errors import InputError
from tocsin.logic.field_types import date_of
from tocsin.sources._stix_pattern import PatternError, values_of_pattern
from tocsin.sources.indicators import Indicators, load_indicators

NOW = date_of("2026-11-20T12:00:00Z") or 0
MARKS = {
    "event.kind": "enrichment",
    "event.category": "threat",
    "event.type": "indicator",
    "event.module": "threatintel",
}


def load(path: Path, text: str | bytes) -> Indicators:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_indicators([path], now=NOW)


def one(path: Path, text: str) -> dict[str, Any]:
    found = load(path, text)
    assert found.problems == ()
    [document] = found.documents
    return document


def reasons(found: Indicators) -> list[str]:
    return [f"{problem.position}: {problem.reason}" for problem in found.problems]


class TestCsv:
    @pytest.mark.parametrize(
        ("kind", "value", "fields"),
        [
            ("ip", "198.51.100.7", {"type": "ipv4-addr", "ip": "198.51.100.7"}),
            ("ipv6-addr", "2001:db8::1", {"type": "ipv6-addr", "ip": "2001:db8::1"}),
            ("ip", "198.51.100.0/24", {"type": "ipv4-addr", "ip": "198.51.100.0/24"}),
            ("Domain", "A.Example.", {"type": "domain-name", "url.domain": "a.example"}),
            ("url", "http://a.example/X", {
                "type": "url", "url.full": "http://a.example/X",
                "url.original": "http://a.example/X",
            }),
            ("email", "eve@a.example", {"type": "email-addr", "email.address": "eve@a.example"}),
            ("md5", "AB" * 16, {"type": "file", "file.hash.md5": "ab" * 16}),
            ("sha-1", "ab" * 20, {"type": "file", "file.hash.sha1": "ab" * 20}),
            ("SHA256", "ab" * 32, {"type": "file", "file.hash.sha256": "ab" * 32}),
        ],
    )  # fmt: skip
    def test_a_type_and_a_value_become_fields(
        self, tmp_path: Path, kind: str, value: str, fields: dict[str, str]
    ) -> None:
        document = one(tmp_path / "list.csv", f"type,value,name\n{kind},{value},bad one\n")
        expected = {f"threat.indicator.{name}": text for name, text in fields.items()}
        shown = {k: v for k, v in document.items() if not k.startswith(("_", "@", "event."))}
        assert shown == {**expected, "threat.indicator.name": "bad one"}
        assert {name: document[name] for name in MARKS} == MARKS
        assert document["_index"] == "list.csv"
        assert document["@timestamp"] == "2026-11-20T12:00:00.000Z"

    def test_what_else_a_row_may_say(self, tmp_path: Path) -> None:
        header = "Value,Type,provider,first_seen,last_seen,confidence,more,event.module\n"
        row = '::1,ip,"Some, Inc.",2026-11-01,2026-11-02T03:04:05Z,85,ignored,ti_own\n'
        document = one(tmp_path / "a.csv", header + row)
        assert document["threat.indicator.provider"] == "Some, Inc."
        assert document["threat.indicator.last_seen"] == "2026-11-02T03:04:05Z"
        assert document["threat.indicator.confidence"] == "High"
        assert document["threat.indicator.name"] == "::1"
        assert document["event.module"] == "ti_own"
        assert document["@timestamp"] == "2026-11-01T00:00:00.000Z"

    def test_columns_may_be_fields_of_ecs(self, tmp_path: Path) -> None:
        text = "@timestamp;threat.indicator.ip;vulnerability.id\n2026-11-03;::1;\n;;CVE-1\n"
        first, second = load(tmp_path / "a.csv", text).documents
        assert first["threat.indicator.ip"] == "::1"
        assert first["@timestamp"] == "2026-11-03"
        assert first["event.kind"] == "enrichment"
        # What is no threat.indicator is left as it is.
        assert set(second) == {"vulnerability.id", "_id", "_index", "@timestamp"}

    def test_bad_rows_cost_themselves_and_are_told_with_their_line(self, tmp_path: Path) -> None:
        text = (
            b"# a comment\ntype,value,first_seen\nip,::1,\nip,300.1.2.3,\nmutex,m,\nmd5,abc,\n"
            b"ip,::2,,too,many\nip,::3,soon\nip,\xff,\n,,\n\ndomain,http://x/,\n"
            b'"ip,::4,\nip,"::\n5",\nip,::6,\n'
        )
        found = load(tmp_path / "a.csv", text)
        assert [d["threat.indicator.ip"] for d in found.documents] == ["::1", "::6"]
        assert reasons(found) == [
            "line 4: '300.1.2.3' is no ip",
            "line 5: unknown type 'mutex'; known are ip, domain, url, email, md5, sha1, sha256",
            "line 6: 'abc' is no md5",
            "line 7: 5 cells under a header of 3",
            "line 8: 'soon' is no date",
            "line 9: '\\udcff' is no ip",
            "line 10: the row is empty",
            "line 12: 'http://x/' is no domain",
            "line 13: no row of CSV: unexpected end of data",
            "line 14: '::\\n5' is no ip",
        ]
        assert str(found.problems[0]) == f"{tmp_path / 'a.csv'}: line 4: '300.1.2.3' is no ip"

    def test_a_row_may_go_over_several_lines(self, tmp_path: Path) -> None:
        document = one(tmp_path / "a.csv", 'type,value,name\r\nip,::1,"two\r\nlines"\r\n')
        assert document["threat.indicator.name"] == "two\nlines"

    def test_a_header_without_meaning_costs_the_file(self, tmp_path: Path) -> None:
        found = load(tmp_path / "a.csv", "198.51.100.7,198.51.100.8\nx,y\n".replace(".", ""))
        assert reasons(found) == ["line 1: the header names neither ECS fields nor type and value"]

    def test_text_that_is_not_utf_8_is_told(self, tmp_path: Path) -> None:
        found = load(tmp_path / "a.csv", b"type,value,name\nip,::1,\xff\n")
        assert reasons(found) == ["line 2: the text is not UTF-8"]


ECS = {"threat": {"indicator": {"ip": "::1", "first_seen": "2026-10-01T00:00:00Z"}}}


class TestJson:
    def test_documents_are_taken_as_they_are(self, tmp_path: Path) -> None:
        own = {**ECS, "event": {"kind": "alert", "module": "ti_x"}, "@timestamp": "2026-01-01"}
        found = load(tmp_path / "a.ndjson", f"{json.dumps(own)}\n{json.dumps(ECS)}\n")
        first, second = found.documents
        assert {k: v for k, v in first.items() if k[0] != "_"} == {
            **own, "event.category": "threat", "event.type": "indicator",
        }  # fmt: skip
        assert second["@timestamp"] == "2026-10-01T00:00:00.000Z"
        assert {name: second[name] for name in MARKS} == MARKS

    def test_search_hits_keep_their_id_and_index(self, tmp_path: Path) -> None:
        hit = {"_id": "own", "_index": "logs-ti_x", "_source": ECS}
        document = one(tmp_path / "a.json", json.dumps([hit]))
        assert (document["_id"], document["_index"]) == ("own", "logs-ti_x")

    def test_an_id_is_a_hash_of_what_the_document_says(self, tmp_path: Path) -> None:
        first = one(tmp_path / "a.json", json.dumps(ECS))
        other = json.dumps({"threat.indicator.ip": "::1"})
        found = load_indicators([tmp_path / "a.json"], now=NOW + 1)
        assert [d["_id"] for d in found.documents] == [first["_id"]]
        assert one(tmp_path / "b.json", other)["_id"] != first["_id"]

    def test_what_is_given_twice_counts_once_and_the_last_time(self, tmp_path: Path) -> None:
        lines = [{"_id": "a", "threat.indicator.ip": ip} for ip in ("::1", "::2")]
        found = load(tmp_path / "a.ndjson", "".join(json.dumps(one) + "\n" for one in lines))
        assert [d["threat.indicator.ip"] for d in found.documents] == ["::2"]
        assert found.skipped == {"given more than once: the last counts": 1}

    def test_bad_lines_cost_themselves(self, tmp_path: Path) -> None:
        found = load(tmp_path / "a.ndjson", json.dumps(ECS) + '\n{"cut\n{}\n[1]\n')
        assert len(found.documents) == 1
        assert [problem.position for problem in found.problems][:2] == ["line 2", "line 3"]


def stix(pattern: str, **more: object) -> dict[str, Any]:
    return {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--1", "pattern": pattern,
        "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z",
        "created": "2026-10-31T00:00:00Z", **more,
    }  # fmt: skip


ADDRESS = "[ipv4-addr:value = '198.51.100.7']"


class TestStix:
    def test_an_indicator_in_a_bundle(self, tmp_path: Path) -> None:
        maker = {"type": "identity", "id": "identity--1", "name": "Maker"}
        more = {
            "name": "C2", "description": "d", "confidence": 30, "labels": ["apt"],
            "created_by_ref": "identity--1", "modified": "2026-11-02T00:00:00Z",
            "external_references": [{"source_name": "x"}, {"url": "https://a.example"}],
        }  # fmt: skip
        bundle = {"type": "bundle", "id": "bundle--1", "objects": [stix(ADDRESS, **more), maker]}
        found = load(tmp_path / "a.json", json.dumps(bundle))
        [document] = found.documents
        assert found.skipped == {"STIX objects that are no indicators": 1}
        fields = {
            "type": "ipv4-addr", "ip": "198.51.100.7", "name": "C2", "description": "d",
            "confidence": "Medium", "provider": "Maker", "reference": "https://a.example",
            "first_seen": "2026-11-01T00:00:00Z", "modified_at": "2026-11-02T00:00:00Z",
        }  # fmt: skip
        assert document == {
            **{f"threat.indicator.{name}": value for name, value in fields.items()}, **MARKS,
            "tags": ["apt"], "event.created": "2026-10-31T00:00:00Z", "_id": "indicator--1",
            "_index": "a.json", "@timestamp": "2026-11-01T00:00:00.000Z",
        }  # fmt: skip

    @pytest.mark.parametrize("form", ["lines", "array", "envelope", "one"])
    def test_every_arrangement_of_objects(self, tmp_path: Path, form: str) -> None:
        objects = [stix(ADDRESS), stix("[url:value = 'http://a/']", id="indicator--2")]
        text = {
            "lines": "\n".join(map(json.dumps, objects)),
            "array": json.dumps(objects),
            "envelope": json.dumps({"more": False, "objects": objects}, indent=1),
            "one": json.dumps(objects[0], indent=1) + "\n" + json.dumps(objects[1], indent=1),
        }[form]
        assert [d["_id"] for d in load(tmp_path / "a.json", text).documents] == [
            "indicator--1", "indicator--2",
        ]  # fmt: skip

    def test_each_value_of_a_pattern_is_a_document(self, tmp_path: Path) -> None:
        pattern = "[ipv4-addr:value IN ('10.0.0.1', '10.0.0.2') OR ipv6-addr:value = '::1']"
        found = load(tmp_path / "a.json", json.dumps(stix(pattern)))
        assert [(d["_id"], d["threat.indicator.ip"]) for d in found.documents] == [
            ("indicator--1", "10.0.0.1"), ("indicator--1#2", "10.0.0.2"), ("indicator--1#3", "::1"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ({"revoked": True}, "revoked"),
            ({"valid_until": "2026-11-20T12:00:00Z"}, "expired"),
            ({"pattern_type": "sigma"}, "the pattern is of the type sigma"),
            ({"pattern": "[a:b = 'c' AND d:e = 'f']"}, "the pattern asks for a:b"),
            ({"pattern": "[url:value = 'c' AND url:value = 'f']"}, "the pattern needs AND"),
            ({"pattern": ""}, "the pattern is no STIX pattern"),
        ],
    )
    def test_what_does_not_count_is_counted_with_its_reason(
        self, tmp_path: Path, more: dict[str, Any], reason: str
    ) -> None:
        found = load(tmp_path / "a.json", json.dumps({**stix(ADDRESS), **more}))
        assert (found.documents, found.problems, found.skipped) == ((), (), {reason: 1})

    def test_one_that_is_still_valid_counts(self, tmp_path: Path) -> None:
        document = one(tmp_path / "a.json", json.dumps(stix(ADDRESS, valid_until="2026-11-21")))
        assert document["threat.indicator.ip"] == "198.51.100.7"

    def test_a_value_that_is_none_is_told_with_its_place(self, tmp_path: Path) -> None:
        objects = [stix(ADDRESS), stix("[ipv4-addr:value = 'x']"), 3]
        found = load(tmp_path / "a.json", json.dumps({"type": "bundle", "objects": objects}))
        assert len(found.documents) == 1
        assert reasons(found) == ["object 2: 'x' is no ip", "object 3: a bundle holds objects"]


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        (ADDRESS, [("ip", "198.51.100.7")]),
        ("[file:hashes.'SHA-256' = 'ab']", [("sha256", "ab")]),
        ("[file:hashes.MD5='ab' OR file:hashes.'SHA-1'='cd']", [("md5", "ab"), ("sha1", "cd")]),
        (r"[url:value = 'http://a/\'b\\c']", [("url", r"http://a/'b\c")]),
        (
            "([domain-name:value = 'a'] OR [email-addr:value = 'b'])",
            [("domain", "a"), ("email", "b")],
        ),
        ("[(url:value = 'a' OR (url:value = 'b'))]", [("url", "a"), ("url", "b")]),
        ("[url:value\n IN\t('a')]\n", [("url", "a")]),
    ],
)
def test_a_pattern_that_is_a_choice(pattern: str, values: list[tuple[str, str]]) -> None:
    assert values_of_pattern(pattern) == values


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[url:value = 'a'] AND [url:value = 'b']", "needs AND"),
        ("[url:value = 'a'] FOLLOWEDBY [url:value = 'b']", "needs FOLLOWEDBY"),
        ("[url:value = 'a'] REPEATS 5 TIMES", "needs REPEATS"),
        ("[url:value = 'a'] WITHIN 5 SECONDS", "needs WITHIN"),
        ("[NOT url:value = 'a']", "needs NOT"),
        ("[url:value NOT = 'a']", "needs NOT"),
        ("[url:value != 'a']", "needs !="),
        ("[url:value LIKE 'a%']", "needs LIKE"),
        ("[ipv4-addr:value ISSUBSET '10.0.0.0/8']", "needs ISSUBSET"),
        ("[network-traffic:dst_ref.value = 'a']", "asks for network-traffic:dst_ref.value"),
        ("[process:pid = 5]", "asks for process:pid"),
        ("[file:hashes.'SHA-512' = 'a']", "asks for file:hashes.'SHA-512'"),
        ("[url:value = 5]", "no STIX pattern"),
        ("[url:value = 'a'", "no STIX pattern"),
        ("[url:value = 'a']]", "no STIX pattern"),
        ("[url:value = 'a", "no STIX pattern"),
        ("url:value = 'a'", "no STIX pattern"),
        ("(" * 10_000, "nested too deeply"),
        ("[" + "(" * 10_000, "nested too deeply"),
    ],
)
def test_a_pattern_that_says_more_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason.replace("(", r"\(")):
        values_of_pattern(pattern)


class TestFiles:
    ROWS = b"type,value\nip,::1\n"

    @pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
    @pytest.mark.parametrize("name", ["a.csv", "a.txt", "a"])
    def test_may_be_compressed_and_have_any_name(
        self, tmp_path: Path, compress: Any, name: str
    ) -> None:
        assert len(load(tmp_path / name, compress(self.ROWS)).documents) == 1

    def test_below_a_directory_are_read_in_order_by_their_endings(self, tmp_path: Path) -> None:
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "two.csv.gz").write_bytes(gzip.compress(self.ROWS))
        (tmp_path / "a.json").write_text('{"threat.indicator.ip": "::2"}')
        (tmp_path / "README.md").write_text("hello")
        (tmp_path / ".hidden.csv").write_text("hello")
        found = load_indicators([tmp_path, tmp_path / "a.json"], now=NOW)
        assert [d["_index"] for d in found.documents] == ["a.json", "two.csv.gz"]
        assert found.skipped == {"files with another ending": 1}

    def test_one_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"none.csv: no such file or directory"):
            load_indicators([tmp_path / "none.csv"], now=NOW)

    @pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
    def test_a_damaged_one_is_told(self, tmp_path: Path, compress: Any) -> None:
        data = compress(self.ROWS * 1_000)
        found = load(tmp_path / "a.csv", data[: len(data) // 2])
        assert found.documents == ()
        assert reasons(found) == [": the compressed file is cut off"]

    def test_an_empty_one_has_nothing(self, tmp_path: Path) -> None:
        assert load(tmp_path / "a.csv", "") == Indicators()
        assert load(tmp_path / "a.json", "") == Indicators()
