"""The benchmark itself: that it compares what it says, and says what it found."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from bench import measure, memory, page, profile, scans, table
from bench.__main__ import parsed
from bench.figures import Figure, number, ratio_figure
from bench.mix import of_mix
from bench.peers import sigma_rules
from bench.peers.environment import environment
from bench.sampler import place, sampling, stage_of
from bench.setting import Setting
from bench.telemetry.mixes import MIXES
from bench.threats import indicators

from tocsin.rules.load import load_rules


@pytest.fixture
def setting(tmp_path, monkeypatch):
    monkeypatch.setenv("TOCSIN_CACHE", str(tmp_path))  # so that it is put back
    options = parsed(["--quick", "--count", "400"])
    options.corpora = tmp_path / "no-corpora"
    return Setting(options, tmp_path)


# --- measuring --------------------------------------------------------------------------------


def test_two_things_run_in_turn_and_the_median_of_the_pairs_counts():
    order, seconds = [], iter([1.0, 2.0, 1.0, 8.0, 1.0, 4.0])

    def run(name):
        order.append(name)
        return measure.Run(next(seconds), 8)

    told = []
    ratio = measure.alternating(lambda: run("a"), lambda: run("b"), 3, told.append)
    assert order == ["b", "a"] * 3
    assert (ratio.median, ratio.least, ratio.most) == (0.25, 0.125, 0.5)
    assert ratio.rates == (2.0, 8.0)
    assert told == ["pair 1 of 3: 0.5", "pair 2 of 3: 0.125", "pair 3 of 3: 0.25"]


def test_what_is_done_apart_leaves_nothing_behind():
    here = {"changed": False}

    def change():
        here["changed"] = True
        return os.getpid()

    assert measure.apart(change) != os.getpid()
    assert not here["changed"]


def test_what_goes_wrong_apart_is_told():
    def missing():
        raise measure.Missing("no such thing")

    with pytest.raises(measure.Missing, match="no such thing"):
        measure.apart(missing)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        measure.apart(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="ended with status 3"):
        measure.apart(lambda: os._exit(3))


def test_a_scan_is_compared_over_the_same_events_without_its_beginning(setting):
    file = setting.events()
    rules = setting.rules("pack")
    run = scans.scan(setting, rules, file)
    assert run.units in {400, 300}  # all, if the rest was too short to be told from the beginning
    assert scans.baseline(file).units == 400
    few = setting.beginning(file)
    assert few.many == 100
    assert file.path.read_bytes().startswith(few.path.read_bytes())


def test_a_scan_that_cannot_be_done_so_is_missing(setting):
    with pytest.raises(measure.Missing, match="knows no wings"):
        scans.scan(setting, setting.rules("pack"), setting.events(), wings=2)


def test_alerts_of_a_scan_have_their_ids(setting):
    file = setting.events("suspicious")
    run = scans.scan(setting, setting.rules("pack"), file, "suspicious")
    assert run.result == sorted(set(run.result))
    again = scans.scan(setting, setting.rules("pack"), file, "suspicious")
    assert run.result
    assert run.result == again.result


def test_rules_that_are_not_here_are_missing(setting):
    with pytest.raises(measure.Missing, match=r"shared/corpora/sigma"):
        setting.rules("sigma")
    assert setting.rules("pack")


def test_nothing_is_taken_from_the_cache_of_the_user(setting, tmp_path):
    assert Path(os.environ["TOCSIN_CACHE"]).is_relative_to(tmp_path)
    assert os.environ["TOCSIN_CACHE"] != str(tmp_path)


def test_each_mix_has_a_cache_of_its_own(setting):
    places = set()
    for mix in MIXES:
        setting.cache(mix)
        places.add(os.environ["TOCSIN_CACHE"])
    assert len(places) == len(MIXES)


# --- the table --------------------------------------------------------------------------------


def test_rows_have_keys_of_their_own_and_goals():
    keys = [row.key for row in table.ROWS]
    assert len(keys) == len(set(keys))
    goals = {row.key: row.goal for row in table.ROWS}
    assert goals["events"] == "≥ 0.5"
    assert goals["batch"] == "≤ 5 ms"
    assert goals["events-quiet"] == ""


def test_goals_are_met_or_not():
    most = next(row for row in table.ROWS if row.key == "help")
    least = next(row for row in table.ROWS if row.key == "jobs")
    beside = next(row for row in table.ROWS if row.key == "events-quiet")
    assert table.verdict(most, Figure(0.35)) == "yes"
    assert table.verdict(most, Figure(0.36)) == "no"
    assert table.verdict(least, Figure(1.69)) == "no"
    assert table.verdict(least, Figure(1.7)) == "yes"
    assert table.verdict(least, Figure(1.9, counts=False)) == "no"
    assert table.verdict(least, Figure(None)) == table.verdict(beside, Figure(9.0)) == ""


def test_a_row_says_what_is_missing_and_what_failed(setting):
    def missing(_setting):
        raise measure.Missing("no wheel for this platform")

    def failing(_setting):
        raise ValueError("first line\nthe reason")

    row = table.ROWS[0]
    figure = table.measured(row._replace(measure=missing), setting)
    assert figure == Figure(None, "not measured", "no wheel for this platform")
    assert not setting.failures
    assert table.measured(row._replace(measure=failing), setting).detail == "the reason"
    assert "ValueError" in setting.failures[0]
    lines = table.markdown([(row, figure)])
    assert lines[-1].count(" | ") == 5
    assert lines[-1].endswith("| no wheel for this platform |")


def test_numbers_have_as_many_digits_as_they_deserve():
    assert [number(n) for n in (0.5234, 12.34, 1520.4)] == ["0.52", "12.3", "1,520"]
    run = measure.Run(1.0, 2_000)
    figure = ratio_figure(measure.Ratio(1.0, 0.5, 2.0, [run], [run]), "and so on")
    assert figure.detail == "0.50 to 2.00; 2.0 against 2.0 thousand events a second; and so on"


def test_the_page_keeps_what_stands_around(tmp_path):
    text = "a\n<!-- table -->\nold\n<!-- end of table -->\nb\n<!-- mix -->\n<!-- end of mix -->\n"
    file = tmp_path / "page.md"
    file.write_text(text, encoding="utf-8")
    page.write({"table": ["new", "lines"]}, file)
    assert file.read_text("utf-8") == text.replace("old\n", "new\nlines\n")
    with pytest.raises(ValueError, match="no place for profile"):
        page.write({"profile": []}, file)


def test_the_real_page_has_a_place_for_everything():
    text = page.PAGE.read_text("utf-8")
    for name in ("table", "profile", "mix"):
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1


def test_the_machine_is_named():
    told = page.machine()
    assert f"{os.cpu_count()} cores" in told
    assert "orjson" in told


# --- the sampler ------------------------------------------------------------------------------


def test_modules_belong_to_stages():
    assert stage_of("engine.state.sequence") == "state"
    assert stage_of("engine.sieve") == "scan of bytes"
    assert stage_of("engine.sieves") == stage_of("events.record") == ""


def test_a_shared_module_counts_for_its_caller():
    def frame_in(module, function="f", argument="lambda: None"):
        names = {"__name__": module, "sys": sys}
        exec(f"def {function}(inner): return inner()", names)
        return names[function]

    found = []
    inner = frame_in("tocsin.events.record", "shared")
    outer = frame_in("tocsin.engine.rows", "outer")
    outer(lambda: inner(lambda: found.append(place(sys._getframe()))))
    assert found == [("boolean programs", "tocsin.events.record.shared")]


def test_a_long_call_counts_for_as_long_as_it_took():
    names = {"__name__": "tocsin.engine.sieve", "hashlib": hashlib}
    exec("def sift():\n    return hashlib.pbkdf2_hmac('sha256', b'a', b'b', 400_000)", names)
    with sampling() as samples:
        begun = time.process_time()
        names["sift"]()  # one call of C, in which Python takes no signal
        spent = time.process_time() - begun
    assert samples.stages["scan of bytes"] > 0.8 * spent
    assert "tocsin.engine.sieve.sift" in samples.functions


def test_a_scan_is_profiled(setting, monkeypatch):
    monkeypatch.setattr(Setting, "event_rules", setting.rules("pack"))
    lines = profile.profile(setting)
    assert lines[0].startswith("| stage | share |")
    assert sum("%" in line for line in lines) >= 9


# --- peers ------------------------------------------------------------------------------------

RULE = """\
title: A tool
id: 00000000-0000-4000-8000-000000000001
status: test
level: high
logsource: {product: windows, category: process_creation}
detection:
  tool:
    Image|endswith: '\\tool.exe'
    CommandLine|contains|all: ['-a', '-b']
  filter:
    - User: anna
  condition: tool and not filter
"""


def translated(tmp_path, text, fields):
    file = tmp_path / "rule.yml"
    file.write_text(text, encoding="utf-8")
    (rule,) = load_rules([file]).rules
    return sigma_rules.translated(rule, frozenset(fields))


FIELDS = ("process.executable", "process.command_line", "user.name", "host.os.type",
          "event.category", "event.type")  # fmt: skip


def test_a_sigma_rule_gets_the_names_of_the_events_and_its_log_source(tmp_path):
    found = yaml.safe_load(translated(tmp_path, RULE, FIELDS))["detection"]
    assert found["tool"] == {
        "process.executable|endswith": "\\tool.exe",
        "process.command_line|contains|all": ["-a", "-b"],
    }
    assert found["condition"] == "events_of_its_log_source and (tool and not filter)"
    (source,) = found["events_of_its_log_source"]
    assert source["event.category"] == ["process"]
    assert source["winlog.channel"] is None


@pytest.mark.parametrize(
    "text, fields",
    [
        (RULE, FIELDS[1:]),  # no event has the field
        (RULE.replace("tool and not filter", "1 of them"), FIELDS),
        (RULE.replace("process_creation", "image_load").replace("CommandLine", "ImageLoaded"),
         (*FIELDS, "file.path", "dll.path")),  # it may stand in either of them
        (RULE.replace("category: process_creation", "service: dns-server"), FIELDS),
        (RULE.replace("Image|endswith: '\\tool.exe'\n    CommandLine|contains|all: ['-a', '-b']",
                      "- a word"), FIELDS),
    ],
)  # fmt: skip
def test_a_sigma_rule_that_such_events_cannot_match_is_left_out(tmp_path, text, fields):
    assert translated(tmp_path, text, fields) is None


def test_fields_are_those_with_values():
    lines = [b'{"a":{"b":1,"c":{}}}', b'{"a":{"d":[1]}}']
    assert sigma_rules.fields_of(lines) == {"a.b", "a.d"}


def test_a_peer_is_not_installed_unless_that_is_asked_for(setting, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: setting.folder)
    with pytest.raises(measure.Missing, match="no-such-peer==1 is not installed"):
        environment(setting, "no-such-peer==1")


def test_indicators_are_of_every_sort():
    kinds = {document["threat"]["indicator"]["type"] for document in indicators()[:8]}
    assert len(kinds) == 4


# --- memory, and what the mixes are -----------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs /proc")
def test_the_peak_of_a_process_and_of_its_children_is_seen():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    try:
        for _ in range(200):
            family = memory._family(process.pid)
            if len(family) == 2:
                break
            time.sleep(0.05)
        peaks: dict[int, float] = {}
        memory._note(family, peaks)
        assert set(peaks) == set(family)
        assert all(peak > 1 for peak in peaks.values())
        assert memory._read_by(process.pid) > 0
    finally:
        process.communicate(b"\n")
    assert memory._family(process.pid) == [process.pid]


def test_what_a_mix_is_made_of_is_counted(setting):
    setting.options.mix_count = 300
    found = of_mix(setting, "suspicious")
    assert found["events"] == "300"
    assert int(found["different `host.name`"]) > 100
    assert "events that ring for the pack" in found


def test_options_depend_on_quick():
    assert parsed(["--quick"]).count < parsed([]).count == 100_000
    assert parsed(["--quick", "--count", "9"]).count == 9
    assert parsed([]).install
    assert not parsed(["--quick"]).install
    assert parsed([]).runs >= 5
    assert isinstance(parsed([]), argparse.Namespace)


def test_peers_are_no_dependencies():
    root = page.PAGE.parent.parent
    names = re.compile(r"^(?:eql|tenzir)\b|^\s*(?:import|from) (?:eql|tenzir)\b", re.MULTILINE)
    files = [*root.glob("requirements*.lock"), root / "pyproject.toml"]
    files += (root / "src").rglob("*.py")
    assert len(files) > 50
    for file in files:
        assert names.search(file.read_text("utf-8")) is None, file
