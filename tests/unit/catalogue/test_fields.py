from __future__ import annotations

import pytest

from tocsin.catalogue.fields import canonical_field


@pytest.mark.parametrize(
    "spelled, ecs",
    [
        ("exec.comm", "process.name"),
        ("exec.file.name", "process.name"),
        ("process.file.path", "process.executable"),
        ("exec.args", "process.args"),
        ("exec.cmdline", "process.command_line"),
        ("process.parent.file.name", "process.parent.name"),
        ("process.container.id", "container.id"),
        ("open.file.path", "file.path"),
        ("unlink.file.name", "file.name"),
        ("rename.file.destination.path", "file.path"),
        ("rename.file.path", "file.Ext.original.path"),
        ("fim.write.file.path", "file.path"),
        ("connect.addr.port", "destination.port"),
        ("imds.url", "url.original"),
        ("set.registry.key_path", "registry.path"),
        ("dns.question.name", "dns.question.name"),
    ],
)
def test_secl_in_ecs(spelled: str, ecs: str) -> None:
    assert canonical_field(spelled, "secl") == ecs


@pytest.mark.parametrize("spelled", ["open.flags", "exec.tty_name", "mmap.file.path", "nonsense"])
def test_what_ecs_has_no_name_for_stays_its_vendors(spelled: str) -> None:
    assert canonical_field(spelled, "secl") == f"secl:{spelled}"


def test_an_ancestor_is_not_the_parent_and_its_index_does_not_matter() -> None:
    names = {
        canonical_field(name, "secl")
        for name in ("process.ancestors.file.name", "process.ancestors[A].file.name")
    }
    assert names == {"secl:process.ancestors.file.name"}


@pytest.mark.parametrize("language", ["eql", "kuery", "lucene"])
def test_elastics_languages_use_ecs_as_it_is(language: str) -> None:
    assert canonical_field("exec.comm", language) == "exec.comm"
