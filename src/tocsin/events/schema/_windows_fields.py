"""Names in Windows' EventData → ECS, by the families of events that share them.

Only values that ECS keeps as they came stand here (numbers and addresses keep their meaning, not
their spelling). What has to be taken apart (``User``, ``Hashes``, ``QueryResults`` …) does not.

Facts from Elastic's ``windows`` and ``system`` integrations (https://docs.elastic.co/integrations).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ACTOR: Final = {
    "Image": "process.executable",
    "ProcessGuid": "process.entity_id",
    "ProcessId": "process.pid",
    "RuleName": "rule.name",
}
_PROCESS: Final = {
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "ParentCommandLine": "process.parent.command_line",
    "ParentImage": "process.parent.executable",
    "ParentProcessGuid": "process.parent.entity_id",
    "ParentProcessId": "process.parent.pid",
}
_SOURCE: Final = {
    "SourceImage": "process.executable",
    "SourceProcessGUID": "process.entity_id",
    "SourceProcessGuid": "process.entity_id",
    "SourceProcessId": "process.pid",
    "SourceThreadId": "process.thread.id",
}
_NETWORK: Final = {
    "DestinationHostname": "destination.domain",
    "DestinationIp": "destination.ip",
    "DestinationPort": "destination.port",
    "Protocol": "network.transport",
    "SourceHostname": "source.domain",
    "SourceIp": "source.ip",
    "SourcePort": "source.port",
}
_POWERSHELL: Final = {
    "CommandName": "powershell.command.name",
    "CommandPath": "powershell.command.path",
    "CommandType": "powershell.command.type",
    "EngineVersion": "powershell.engine.version",
    "HostApplication": "process.command_line",
    "HostName": "process.title",
    "HostVersion": "powershell.process.executable_version",
    "ScriptName": "file.path",
    "SequenceNumber": "event.sequence",
}


def _portable_executable(holder: str) -> dict[str, str]:
    return {
        "Company": f"{holder}.pe.company",
        "Description": f"{holder}.pe.description",
        "FileVersion": f"{holder}.pe.file_version",
        "OriginalFileName": f"{holder}.pe.original_file_name",
        "Product": f"{holder}.pe.product",
    }


FAMILIES: Final[Mapping[str, Mapping[str, str]]] = {
    "actor": _ACTOR,
    "process": {**_ACTOR, **_PROCESS, **_portable_executable("process")},
    "source": {**_SOURCE, "RuleName": "rule.name"},
    "file": {**_ACTOR, "TargetFilename": "file.path", "Device": "file.path"},
    "image": {
        **_ACTOR,
        **_portable_executable("file"),
        "ImageLoaded": "file.path",
        "Signature": "file.code_signature.subject_name",
        "SignatureStatus": "file.code_signature.status",
    },
    "pipe": {**_ACTOR, "PipeName": "file.name"},
    "key": {**_ACTOR, "TargetObject": "registry.path"},
    "wmi": {**_ACTOR, "Destination": "process.executable"},
    "network": {**_ACTOR, **_NETWORK},
    "dns": {**_ACTOR, "QueryName": "dns.question.name"},
    "powershell": {
        **_POWERSHELL,
        "HostID": "process.entity_id",
        "MessageNumber": "powershell.sequence",
        "MessageTotal": "powershell.total",
        "Path": "file.path",
        "PipelineID": "powershell.pipeline_id",
        "RunspaceID": "powershell.runspace_id",
        "RunspaceId": "powershell.runspace_id",
        "ScriptBlockId": "powershell.file.script_block_id",
        "ScriptBlockText": "powershell.file.script_block_text",
        "ShellID": "powershell.id",
    },
    "classic": {
        **_POWERSHELL,
        "CommandLine": "powershell.command.value",
        "DetailSequence": "powershell.sequence",
        "DetailTotal": "powershell.total",
        "HostId": "process.entity_id",
        "NewEngineState": "powershell.engine.new_state",
        "NewProviderState": "powershell.provider.new_state",
        "PipelineId": "powershell.pipeline_id",
        "PreviousEngineState": "powershell.engine.previous_state",
        "ProviderName": "powershell.provider.name",
        "RunspaceId": "powershell.runspace_id",
    },
    "created": {
        "CommandLine": "process.command_line",
        "NewProcessId": "process.pid",
        "NewProcessName": "process.executable",
        "ParentProcessName": "process.parent.executable",
        "ProcessId": "process.parent.pid",
    },
    "security": {
        "IpAddress": "source.ip",
        "IpPort": "source.port",
        "NewTargetUserName": "user.changes.name",
        "OldTargetUserName": "user.target.name",
        "ProcessId": "process.pid",
        "ProcessName": "process.executable",
        "ServiceName": "service.name",
        "WorkstationName": "source.domain",
    },
}
"""The families of `schema._windows_events`: name in EventData → ECS field."""

EVERYWHERE: Final = {**_ACTOR, **_PROCESS}
"""What Sigma's rules of every category of Sysmon's may ask of the process behind an event."""
