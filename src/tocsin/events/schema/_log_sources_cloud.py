"""Sigma's log sources of clouds and services: AWS, Azure, Google, Microsoft 365, Okta, GitHub.

Shapes of ours keep a record's own names under one of theirs (``cloudtrail.eventName``); what
Elastic's integrations keep as it was stands beside it, so that their documents are seen as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.events.schema._log_sources_rows import Row, dataset, names

Table = Mapping[tuple[str, str, str], Row]

_CLOUDTRAIL: Final = names("""
    additionalEventData cloudtrail_text.additionalEventData aws.cloudtrail.additional_eventdata
    awsRegion cloud.region
    errorCode aws.cloudtrail.error_code
    errorMessage aws.cloudtrail.error_message
    eventName event.action
    eventSource event.provider
    eventType aws.cloudtrail.event_type
    requestParameters cloudtrail_text.requestParameters aws.cloudtrail.request_parameters
    responseElements cloudtrail_text.responseElements aws.cloudtrail.response_elements
    sourceIPAddress source.address
    src_country source.geo.country_name
    src_ip source.ip
    userAgent user_agent.original
    userIdentity.accessKeyId aws.cloudtrail.user_identity.access_key_id
    userIdentity.accountId aws.cloudtrail.user_identity.account_id cloud.account.id
    userIdentity.arn aws.cloudtrail.user_identity.arn
    userIdentity.invokedBy aws.cloudtrail.user_identity.invoked_by
    userIdentity.sessionContext.sessionIssuer.arn
    + aws.cloudtrail.user_identity.session_context.session_issuer.arn
    userIdentity.sessionContext.sessionIssuer.type
    + aws.cloudtrail.user_identity.session_context.session_issuer.type
    userIdentity.type aws.cloudtrail.user_identity.type
    userIdentity.userName cloudtrail.userIdentity.userName user.name
""")

_AZURE: Final = names("""
    CategoryValue azure_logs.category
    DeviceDetail.deviceId azure_logs.properties.deviceDetail.deviceId
    DeviceDetail.isCompliant azure_logs.properties.deviceDetail.isCompliant
    DeviceDetail.trusttype azure_logs.properties.deviceDetail.trustType
    Initiatedby azure_logs.properties.initiatedBy
    + azure_logs.properties.initiatedBy.*
    NetworkLocationDetails azure_logs.properties.networkLocationDetails
    + azure_logs.properties.networkLocationDetails.*
    OperationNameValue azure_logs.operationName azure.activitylogs.operation_name
    ResourceId azure_logs.resourceId azure.resource.id
    ResourceProviderValue azure_logs.resourceProviderValue azure.resource.provider
    Resultdescription azure_logs.resultDescription azure.signinlogs.result_description
    Target azure_logs.properties.targetResources
    + azure_logs.properties.targetResources.*
    TargetResources.modifiedProperties azure_logs.properties.targetResources.modifiedProperties
    + azure_logs.properties.targetResources.modifiedProperties.*
    additionalDetails.additionalInfo azure_logs.properties.additionalDetails
    + azure_logs.properties.additionalDetails.*
    properties.initiatedBy azure_logs.properties.initiatedBy
    + azure_logs.properties.initiatedBy.*
    properties.targetResources azure_logs.properties.targetResources
    + azure_logs.properties.targetResources.*
""")
_ACTIVITY_TYPE: Final = names("""
    ActivityType azure_logs.operationName azure_logs.properties.activityDisplayName
    Category azure_logs.category azure_logs.properties.category
    OperationName azure_logs.operationName azure.auditlogs.operation_name
    activityType azure_logs.operationName azure_logs.properties.activityDisplayName
    category azure_logs.category azure_logs.properties.category
    operationName azure_logs.operationName azure.auditlogs.operation_name
    properties.message azure_logs.properties.message azure_logs.operationName
    + azure.auditlogs.operation_name
    Status azure_logs.properties.result azure_logs.resultType azure_logs.resultDescription
    failure_status_reason azure_logs.properties.resultReason azure_logs.resultDescription
""")
_SIGN_IN: Final = names("""
    ResultDescription azure_logs.resultDescription azure.signinlogs.result_description
    ResultType azure_logs.resultType azure.signinlogs.result_type
    Status azure_logs.resultType azure_logs.properties.status.failureReason
    + azure_logs.resultDescription
    callerIpAddress azure_logs.callerIpAddress source.ip
    location azure_logs.location azure_logs.properties.location.countryOrRegion
    + source.geo.country_iso_code
    properties.message azure_logs.properties.message azure_logs.operationName
    resultType azure_logs.resultType azure.signinlogs.result_type
    userAgent azure_logs.properties.userAgent user_agent.original
""")
_ACTIVITY: Final = names("""
    operationName azure_logs.operationName azure.activitylogs.operation_name event.action
""")


def _azure(service: str, own: Mapping[str, tuple[str, ...]], *datasets: str) -> Row:
    """Its logs stand below one name, most of what tells them apart in their properties."""
    return Row(
        (dataset(*(f"azure.{name}" for name in datasets or (service,))),),
        {**_AZURE, **own},
        prefixes=("azure_logs.", "azure_logs.properties."),
        lower=True,
        keywords=("azure_logs.*", "azure.*", "event.action", "message"),
        fed_by=("azure_logs",),
    )


_RISKS: Final = names("""
    riskEventType azure_logs.properties.riskEventType
    + azure.identityprotection.properties.risk_event_type
""")

_M365: Final = names("""
    ApplicationId o365.audit.ApplicationId
    ObjectId o365.audit.ObjectId
    Operation event.action o365.audit.Operation
    Parameters o365.audit.Parameters o365.audit.Parameters.*
    Payload o365.audit.Data o365.audit.Payload
    RequestType o365.audit.ExtendedProperties.RequestType
    ResultStatus o365.audit.ResultStatus
    eventName o365.audit.Name o365.audit.Operation event.action
    eventSource o365.audit.Workload event.provider
    status o365.audit.ResultStatus o365.audit.Status event.outcome
""")
_OKTA: Final = names("""
    actor.alternateId okta.actor.alternate_id
    actor.displayName okta.actor.display_name
    client.user.id okta.client.id
    client.userAgent.rawUserAgent okta.client.user_agent.raw_user_agent user_agent.original
    debugContext.debugData.behaviors okta.debug_context.debug_data.behaviors
    debugContext.debugData.logOnlySecurityData okta.debug_context.debug_data.risk_behaviors
    debugContext.debugData.requestUri okta.debug_context.debug_data.request_uri
    displayMessage okta.display_message
    eventType okta.event_type event.action
    legacyEventType okta.legacy_event_type
    outcome.reason okta.outcome.reason
    outcome.result okta.outcome.result
    securityContext.isProxy okta.security_context.is_proxy
    severity okta.severity
    target.alternateId okta.target.alternate_id
    target.displayName okta.target.display_name
    target.type okta.target.type
""")
_WORKSPACE: Final = names("""
    eventName event.action gcp_audit.protoPayload.metadata.event.eventName
    eventService event.provider gcp_audit.protoPayload.serviceName
    new_value google_workspace.admin.new_value
    protoPayload.Servicename event.provider gcp_audit.protoPayload.serviceName
    protoPayload.metadata.event.eventName event.action
    + gcp_audit.protoPayload.metadata.event.eventName
    protoPayload.serviceName event.provider gcp_audit.protoPayload.serviceName
    setting_name google_workspace.admin.setting.name
""")
_KUBERNETES: Final = names("""
    apiGroup kubernetes.audit.objectRef.apiGroup
    capabilities kubernetes.audit.requestObject.spec.containers.securityContext.capabilities.add
    hostPath kubernetes.audit.requestObject.spec.volumes.hostPath.path
""")
_K8S_ROW: Final = Row(
    (dataset("kubernetes.audit_logs", "kubernetes.audit"), (("kubernetes.audit.verb", ("*",)),)),
    _KUBERNETES,
    prefixes=("kubernetes.audit.",),
    keywords=("kubernetes.audit.*", "message"),
    note="events of Elastic's integration kubernetes are seen",
)


def _integration(
    module: str, *datasets: str, own: Mapping[str, tuple[str, ...]] | None = None, prefix: str = ""
) -> Row:
    """What an integration of Elastic's reads, and nothing here does."""
    return Row(
        (dataset(*datasets),),
        own or {},
        prefixes=(prefix,),
        keywords=("message", "event.original", f"{module}.*"),
        note=f"events of Elastic's integration {module} are seen",
    )


def _by_name(name: str, *keys: str, prefix: str = "") -> Row:
    """A log in its own names that no integration of Elastic's has."""
    return Row(
        (
            (("event.module", (name,)),),
            dataset(f"{name}.*", name),
            *(((key, ("*",)),) for key in keys),
        ),
        prefixes=tuple(dict.fromkeys((prefix, ""))),
        keywords=("message", "event.original", f"{name}.*"),
        note=f"events are seen whose event.module is {name}"
        + (f", or which have {keys[0]}" if keys else ""),
    )


CLOUD: Final[Table] = {
    ("", "aws", "cloudtrail"): Row(
        (dataset("aws.cloudtrail"),),
        _CLOUDTRAIL,
        {
            "additionalEventData.": "aws.cloudtrail.flattened.additional_eventdata.",
            "requestParameters.": "aws.cloudtrail.flattened.request_parameters.",
            "responseElements.": "aws.cloudtrail.flattened.response_elements.",
        },
        prefixes=("cloudtrail.",),
        keywords=("cloudtrail.*", "aws.cloudtrail.*", "message"),
        fed_by=("cloudtrail",),
    ),
    ("", "azure", "auditlogs"): _azure("auditlogs", _ACTIVITY_TYPE),
    ("", "azure", "signinlogs"): _azure("signinlogs", _SIGN_IN),
    ("", "azure", "activitylogs"): _azure("activitylogs", _ACTIVITY),
    ("", "azure", "riskdetection"): _azure(
        "riskdetection", _RISKS, "identity_protection", "identityprotection"
    ),
    ("", "azure", "pim"): _azure("pim", _RISKS, "identity_protection", "auditlogs"),
    ("", "gcp", "gcp.audit"): Row(
        (dataset("gcp.audit"),),
        names("""
            data.protoPayload.logName gcp_audit.log gcp_audit.logName
            data.protoPayload.resource.type gcp_audit.resource.type gcp.audit.resource.type
            gcp.audit.method_name event.action gcp.audit.method_name
            + gcp_audit.protoPayload.methodName
        """)
        | {
            f"data.protoPayload.{name}": (f"gcp_audit.protoPayload.{name}",)
            for name in ("methodName", "serviceName", "authorizationInfo.permission",
                         "authorizationInfo.granted", "resourceName")
        },
        prefixes=("gcp_audit.", ""),
        keywords=("gcp_audit.*", "gcp.*", "message"),
        fed_by=("gcp_audit",),
    ),
    **{
        ("", "gcp", f"google_workspace.{service}"): Row(
            (
                dataset(f"google_workspace.{service}"),
                (("gcp_audit.protoPayload.serviceName", (f"{service}.googleapis.com",)),),
            ),
            _WORKSPACE,
            prefixes=("gcp_audit.", f"google_workspace.{service}."),
            fed_by=("gcp_audit",),
        )
        for service in ("admin", "login")
    },
    **{
        ("", "m365", service): Row(
            (dataset("o365.audit"),),
            _M365,
            prefixes=("o365.audit.",),
            keywords=("o365.audit.*", "message"),
            fed_by=("o365_audit",),
        )
        for service in ("audit", "exchange", "threat_management", "threat_detection")
    },
    ("", "okta", "okta"): _integration("okta", "okta.system", own=_OKTA, prefix="okta."),
    ("", "github", "audit"): _integration(
        "github", "github.audit", own=names("action event.action github.audit.action"),
        prefix="github.",
    ),
    ("", "cisco", "duo"): _integration(
        "cisco_duo", "cisco_duo.auth", "cisco_duo.admin",
        own=names("reason event.reason cisco_duo.auth.reason"),
        prefix="cisco_duo.auth.",
    ),
    ("", "kubernetes", "audit"): _K8S_ROW,
    ("application", "kubernetes", "audit"): _K8S_ROW,
    ("", "bitbucket", "audit"): _by_name("bitbucket", "auditType.action"),
    ("", "onelogin", "onelogin.events"): _by_name("onelogin", prefix="onelogin.events."),
    ("", "qualys", ""): _by_name("qualys", "host.scan.vuln"),
    ("application", "opencanary", ""): _by_name("opencanary", "logtype", prefix="opencanary."),
    ("application", "rpc_firewall", ""): Row(
        ((("winlog.channel", ("RPCFW",)),), (("winlog.provider_name", ("RPCFW",)),)),
        names("EventID event.code\n EventLog winlog.channel"),
        prefixes=("winlog.event_data.",),
        keywords=("winlog.*", "message"),
        fed_by=("windows_event",),
    ),
}  # fmt: skip
