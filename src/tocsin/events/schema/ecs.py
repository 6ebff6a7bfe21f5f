"""The fields of ECS 9 and of Elastic's integrations that public rules use, with their types.

Two tables, read by one small function. A block begins with a name at the margin; each of its lines
says what some fields are: a `FieldType`, or the name of an object, whose fields they then have.

* `_OBJECTS`: shapes that occur in several places: hashes, signatures, users, processes …
* `_FIELDS`: the events themselves, by prefix (``.`` for names without one). ``any_keyword``: what
  lies below the field is whatever a vendor sends, and read as keywords (Elasticsearch's
  ``flattened`` and its dynamic templates).

>>> TYPES["process.parent.pid"], TYPES["winlog.event_data.Anything"], "proces.pid" in TYPES
('long', 'keyword', False)

Facts from https://www.elastic.co/docs/reference/ecs and https://docs.elastic.co/integrations;
``wildcard``, ``constant_keyword``, ``flattened`` and ``geo_point`` read as keywords here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from tocsin.logic.field_types import FieldType

_OBJECTS: Final = """\
hash
  keyword    md5 sha1 sha256 sha384 sha512 ssdeep tlsh cdhash
code_signature
  keyword    digest_algorithm flags signing_id status subject_name team_id thumbprint_sha256
  boolean    exists trusted valid
  date       timestamp
pe
  keyword    architecture company description file_version go_import_hash go_imports imphash
  keyword    import_hash imports original_file_name pehash product sections.name sections.hash.md5
  long       go_imports_names_entropy sections.entropy sections.physical_size sections.virtual_size
  boolean    go_stripped
elf
  keyword    architecture byte_order cpu_type exports go_import_hash import_hash imports telfhash
  keyword    header.abi_version header.class header.data header.object_version header.os_abi
  keyword    header.type header.version sections.name sections.type segments.sections segments.type
  keyword    shared_libraries
  long       header.entrypoint sections.entropy sections.physical_size sections.virtual_size
  boolean    go_stripped
  date       creation_date
macho
  keyword    go_import_hash import_hash imports symhash sections.name
  boolean    go_stripped
geo
  keyword    city_name continent_code continent_name country_iso_code country_name location name
  keyword    postal_code region_iso_code region_name timezone
os
  keyword    family full kernel name platform type version
  keyword    Ext.variant
x509
  keyword    alternative_names issuer.common_name issuer.country issuer.distinguished_name
  keyword    issuer.locality issuer.organization issuer.organizational_unit
  keyword    issuer.state_or_province public_key_algorithm public_key_curve serial_number
  keyword    signature_algorithm subject.common_name subject.country subject.distinguished_name
  keyword    subject.locality subject.organization subject.organizational_unit
  keyword    subject.state_or_province version_number
  long       public_key_exponent public_key_size
  date       not_after not_before
group
  keyword    domain id name
  keyword    Ext.real.id Ext.real.name
user
  keyword    domain email full_name hash id name roles type ids
  keyword    Ext.real.id Ext.real.name entity.id risk.calculated_level risk.static_level
  double     risk.calculated_score risk.calculated_score_norm risk.static_score
  group      group
url
  keyword    domain extension fragment full original password path query registered_domain scheme
  keyword    subdomain top_level_domain username
  long       port
endpoint
  keyword    address domain mac registered_domain subdomain top_level_domain
  keyword    service.name workload.name
  ip         ip nat.ip
  long       as.number bytes nat.port packets port
  keyword    as.organization.name
  geo        geo
  user       user
vlan
  keyword    id name
network_port
  keyword    alias zone interface.alias interface.id interface.name
  vlan       vlan
hook
  keyword    name
file
  keyword    attributes code_page device directory drive_letter extension fork_name gid group inode
  keyword    mime_type mode name origin_referrer_url origin_url owner path target_path type uid
  keyword    Ext.code_signature.subject_name Ext.code_signature.status Ext.device.bus_type
  keyword    Ext.device.dos_name Ext.device.file_system_type Ext.device.nt_name
  keyword    Ext.device.product_id Ext.device.serial_number Ext.device.vendor_id
  keyword    Ext.device.volume_device_type Ext.header_bytes Ext.monotonic_id Ext.original.extension
  keyword    Ext.original.gid Ext.original.group Ext.original.mode Ext.original.name
  keyword    Ext.original.owner Ext.original.path Ext.original.uid Ext.quarantine_path
  keyword    Ext.windows.origin_info.host_name quarantine.path
  long       size Ext.windows.zone_identifier
  double     Ext.entropy Ext.header_data Ext.malware_classification.score
  boolean    Ext.code_signature.trusted Ext.code_signature.exists Ext.quarantine_result
  date       accessed created ctime mtime
  hash       hash
  code_signature  code_signature
  pe         pe
  elf        elf
  macho      macho
  x509       x509
library
  keyword    name path origin_url origin_referrer_url
  keyword    Ext.compile_time Ext.device.bus_type Ext.device.dos_name
  keyword    Ext.device.file_system_type Ext.device.nt_name Ext.device.product_id
  keyword    Ext.device.serial_number Ext.device.vendor_id Ext.device.volume_device_type
  keyword    Ext.load_index Ext.mapped_address Ext.defense_evasions
  long       Ext.size Ext.mapped_size
  double     Ext.relative_file_creation_time Ext.relative_file_name_modify_time
  hash       hash
  code_signature  code_signature
  pe         pe
thread
  keyword    name capabilities.effective capabilities.permitted
  keyword    Ext.call_stack.allocation_private_bytes Ext.call_stack.callsite_leading_bytes
  keyword    Ext.call_stack.callsite_trailing_bytes Ext.call_stack.module_path
  keyword    Ext.call_stack.protection Ext.call_stack.symbol_info Ext.call_stack_contains_unbacked
  keyword    Ext.call_stack_final_user_module.name Ext.call_stack_final_user_module.path
  keyword    Ext.call_stack_final_user_module.hash.sha256
  keyword    Ext.call_stack_final_user_module.code_signature.subject_name
  keyword    Ext.call_stack_final_user_module.code_signature.status
  keyword    Ext.call_stack_final_user_module.protection_provenance
  keyword    Ext.call_stack_summary Ext.start_address_bytes Ext.start_address_module
  long       id Ext.start_address
  boolean    Ext.call_stack_final_user_module.code_signature.exists
  boolean    Ext.call_stack_final_user_module.code_signature.trusted
process_ext
  keyword    ancestry authentication_id command_line defense_evasions desktop_name
  keyword    api.behaviors api.metadata.target_address_name api.metadata.target_address_path
  keyword    api.name api.parameters.address api.parameters.allocation_type
  keyword    api.parameters.app_name api.parameters.buffer api.parameters.consumer_type
  keyword    api.parameters.context_flags api.parameters.desired_access
  keyword    api.parameters.desired_access_numeric api.parameters.device api.parameters.driver
  keyword    api.parameters.function api.parameters.handle_type api.parameters.hook_module
  keyword    api.parameters.hook_type api.parameters.namespace api.parameters.operation
  keyword    api.parameters.protection api.parameters.protection_old api.parameters.query
  keyword    api.parameters.usage api.parameters.usage_page api.parameters.name
  keyword    api.summary code_signature.subject_name code_signature.status
  keyword    device.bus_type device.dos_name device.file_system_type device.nt_name
  keyword    device.product_id device.serial_number device.vendor_id device.volume_device_type
  keyword    effective_parent.entity_id effective_parent.executable effective_parent.name
  keyword    load_module.taint_flags protection services trusted trusted_descendant
  keyword    session_info.authentication_package session_info.client_address
  keyword    session_info.failure_reason session_info.logon_process_name session_info.logon_type
  keyword    session_info.service_name token.elevation_level token.elevation_type
  keyword    token.integrity_level_name token.privileges.name token.security_attributes
  keyword    token.type token.user
  long       api.parameters.flags api.parameters.size api.parameters.timeout
  long       effective_parent.pid mitigation_policies.count session_info.id token.integrity_level
  long       real.pid real.ppid dll.Ext.size
  double     relative_file_creation_time relative_file_modify_time relative_file_name_modify_time
  double     session_info.relative_logon_time session_info.relative_password_age
  boolean    code_signature.exists code_signature.trusted created_suspended token.elevation
  boolean    session_info.user_flags
process_alone
  keyword    args command_line entity_id env_vars executable name title working_directory
  keyword    attested_groups.name entry_meta.type io.text io.type origin_url origin_referrer_url
  keyword    supplemental_groups.id supplemental_groups.name tty.char_device.name tty.name
  ip         entry_meta.source.ip
  long       args_count exit_code pgid pid ppid uptime vpid tty.char_device.major
  long       tty.char_device.minor tty.columns tty.rows io.total_bytes_captured
  boolean    interactive same_as_process io.max_bytes_per_process_exceeded
  date       start end
  group      group real_group saved_group
  user       user real_user saved_user attested_user
  thread     thread
  hash       hash
  code_signature  code_signature
  pe         pe
  elf        elf
  macho      macho
  process_ext     Ext
leader
  keyword    args command_line entity_id executable name working_directory entry_meta.type tty.name
  keyword    user.id user.name real_user.id real_user.name saved_user.id saved_user.name
  keyword    group.id group.name real_group.id real_group.name saved_group.id saved_group.name
  keyword    supplemental_groups.id supplemental_groups.name parent.entity_id
  keyword    parent.session_leader.entity_id
  ip         entry_meta.source.ip
  long       args_count exit_code pid vpid tty.char_device.major tty.char_device.minor parent.pid
  long       parent.vpid parent.session_leader.pid parent.session_leader.vpid
  boolean    interactive same_as_process
  date       start parent.start parent.session_leader.start
process
  process_alone   . parent
  leader     session_leader entry_leader group_leader parent.group_leader previous responsible
certificates
  keyword    certificate certificate_chain issuer ja3 ja3s server_name subject
  keyword    supported_ciphers
  date       not_after not_before
  hash       hash
  x509       x509
technique
  keyword    id name reference
threat
  keyword    framework feed.name feed.reference group.alias group.id group.name group.reference
  keyword    software.alias software.id software.name software.platforms software.reference
  keyword    software.type
  technique  tactic technique technique.subtechnique
indicator
  keyword    confidence description id name provider reference type marking.tlp
  keyword    marking.tlp_version email.address
  ip         ip
  long       port scanner_stats sightings as.number
  keyword    as.organization.name
  date       first_seen last_seen modified_at
  file       file
  geo        geo
  registry   registry
  url        url
  x509       x509
registry
  keyword    data.bytes data.strings data.type hive key path value
asset
  keyword    id name type class display_name
"""

_FIELDS: Final = """\
.
  date       @timestamp
  long       blocklist_label
  keyword    tags labels Persistence.name Persistence.path Persistence.args
  keyword    Persistence.executable Persistence.type
  keyword    Tcc.right Tcc.service Tcc.update_type Tcc.reason Tcc.identity
  text       message
  boolean    Persistence.runatload Persistence.keepalive
  any_keyword     labels
  process    process Target.process Effective_process
  library    dll Target.dll driver
  file       file
  registry   registry
  url        url
  endpoint   client destination server source
  user       user user.changes user.effective user.target
  group      group
agent
  keyword    build.original ephemeral_id id name type version hostname
data_stream
  keyword    dataset namespace type
ecs
  keyword    version
elastic
  keyword    agent.id
error
  keyword    code id stack_trace type
  text       message
event
  keyword    action agent_id_status category code dataset hash id kind module original outcome
  keyword    provider reason reference timezone type url
  date       created end ingested start
  long       duration sequence severity
  double     risk_score risk_score_norm
host
  keyword    architecture boot.id domain hostname id mac name pid_ns_ino type
  keyword    risk.calculated_level risk.static_level entity.id
  ip         ip
  double     cpu.usage risk.calculated_score risk.calculated_score_norm risk.static_score
  long       disk.read.bytes disk.write.bytes network.egress.bytes network.egress.packets
  long       network.ingress.bytes network.ingress.packets uptime
  geo        geo
  os         os
device
  keyword    id manufacturer model.identifier model.name serial_number product.id product.name
  keyword    vendor.id vendor.name type
volume
  keyword    bus_type default_access device_name device_type dos_name file_system_type mount_name
  keyword    nt_name product_id product_name serial_number vendor_id vendor_name
  boolean    removable writable
  long       size
cloud
  keyword    account.id account.name availability_zone instance.id instance.name machine.type
  keyword    project.id project.name provider region service.name
  keyword    target.account.id target.provider target.service.name entity.id
container
  keyword    id image.hash.all image.name image.tag name runtime labels
  double     cpu.usage memory.usage
  long       disk.read.bytes disk.write.bytes network.egress.bytes network.ingress.bytes
  boolean    security_context.privileged
  any_keyword     labels
orchestrator
  keyword    api_version cluster.id cluster.name cluster.url cluster.version namespace organization
  keyword    resource.annotation resource.id resource.label resource.name
  keyword    resource.parent.type resource.type type
  ip         resource.ip
dns
  keyword    answers.class answers.data answers.name answers.type header_flags id op_code
  keyword    question.class question.name question.registered_domain question.subdomain
  keyword    question.top_level_domain question.type response_code type Ext.status Ext.options
  ip         resolved_ip
  long       answers.ttl answers_count
http
  keyword    request.body.content request.id request.method request.mime_type request.referrer
  keyword    response.body.content response.mime_type version
  long       request.body.bytes request.bytes response.body.bytes response.bytes
  long       response.status_code
  any_keyword     request.headers response.headers
network
  keyword    application community_id direction iana_number name protocol transport type
  ip         forwarded_ip
  long       bytes packets
  vlan       vlan inner.vlan
observer
  keyword    hostname mac name product serial_number type vendor version
  ip         ip
  geo        geo
  os         os
  network_port    egress ingress
organization
  keyword    id name
package
  keyword    architecture build_version checksum description install_scope license name path
  keyword    reference type version
  date       installed
  long       size
related
  keyword    entity hash hosts user
  ip         ip
entity
  keyword    id name source type sub_type display_name target.id target.name target.type
rule
  keyword    author category description id license name reference ruleset uuid version
service
  keyword    address environment ephemeral_id id name node.name node.role state type version
  keyword    target.name target.type
session
  keyword    id
tls
  keyword    cipher curve next_protocol version version_protocol
  boolean    established resumed
  certificates    client server
user_agent
  keyword    device.name name original version
  os         os
vulnerability
  keyword    category classification description enumeration id reference report_id
  keyword    scanner.vendor score.version severity title
  double     score.base score.environmental score.temporal
email
  keyword    attachments.file.extension attachments.file.mime_type attachments.file.name
  keyword    attachments.file.hash.md5 attachments.file.hash.sha1 attachments.file.hash.sha256
  keyword    bcc.address cc.address content_type direction from.address local_id message_id
  keyword    reply_to.address sender.address subject to.address x_mailer
  long       attachments.file.size
  date       delivery_timestamp origination_timestamp
faas
  keyword    execution id name trigger.request_id trigger.type version
  boolean    coldstart
log
  keyword    file.path level logger origin.file.name origin.function syslog.appname
  keyword    syslog.facility.name syslog.hostname syslog.msgid syslog.procid
  keyword    syslog.severity.name syslog.version
  long       offset origin.file.line syslog.facility.code syslog.priority syslog.severity.code
threat
  threat     .
  indicator  indicator enrichments.indicator
  keyword    enrichments.matched.atomic enrichments.matched.field enrichments.matched.id
  keyword    enrichments.matched.index enrichments.matched.type
trace
  keyword    id
transaction
  keyword    id
span
  keyword    id
gen_ai
  keyword    compliance.violation_code guardrail_id operation.name output.type policy.action
  keyword    policy.name policy.match_detail.matched_value provider.name request.id
  keyword    request.model.id request.model.name response.error_code response.id
  keyword    response.finish_reasons response.model system tool.name token.type user.id
  text       completion prompt
  double     policy.confidence request.temperature request.top_p performance.request_response_time
  long       request.max_tokens usage.completion_tokens usage.input_tokens usage.output_tokens
  long       usage.prompt_tokens performance.request_size performance.response_size
  boolean    compliance.violation_detected policy.violation
powershell
  keyword    command.name command.path command.type command.value connected_user.domain
  keyword    connected_user.name engine.new_state engine.previous_state engine.version
  keyword    file.script_block_hash file.script_block_id id pipeline_id process.executable_version
  keyword    provider.name provider.new_state runspace_id
  text       command.invocation_details file.script_block_text
  long       file.script_block_length file.script_block_unique_symbols sequence total
  double     file.script_block_entropy_bits file.script_block_surprisal_stdev
winlog
  keyword    activity_id api channel computer_name event_id keywords level opcode outcome
  keyword    provider_guid provider_name record_id related_activity_id task logon.failure.reason
  keyword    logon.failure.status logon.failure.sub_status logon.id logon.type
  keyword    user.domain user.identifier user.name user.type trustAttribute trustDirection
  keyword    trustType computerObject.domain computerObject.id computerObject.name
  long       process.pid process.thread.id version
  any_keyword     event_data user_data
sysmon
  keyword    dns.status file.archived file.is_executable
auditd
  keyword    log.record_type messages paths result session summary.actor.primary
  keyword    summary.actor.secondary summary.how summary.object.primary summary.object.secondary
  keyword    summary.object.type user.audit.id user.audit.name
  long       message_type_id
  any_keyword     data log
system
  keyword    auth.ssh.event auth.ssh.method auth.ssh.signature auth.sudo.command auth.sudo.error
  keyword    auth.sudo.pwd auth.sudo.tty auth.sudo.user auth.useradd.home auth.useradd.shell
  ip         auth.ssh.dropped_ip
  double     cpu.total.norm.pct process.cpu.total.norm.pct
endgame
  keyword    event_subtype_full metadata.type metadata.key
  any_keyword     data
kibana.alert
  keyword    ancestors.id ancestors.index ancestors.rule ancestors.type building_block_type
  keyword    group.id original_event.action original_event.category original_event.kind
  keyword    original_event.module reason rule.author rule.category rule.consumer
  keyword    rule.description rule.name rule.producer rule.references rule.rule_id
  keyword    rule.rule_type_id rule.severity rule.tags rule.type rule.uuid rule.version severity
  keyword    status uuid workflow_status workflow_tags
  date       last_detected original_time start end
  double     risk_score rule.risk_score
  long       depth
  threat     rule.threat
signal
  keyword    rule.name rule.rule_id rule.severity rule.tags rule.type rule.id status
  threat     rule.threat
kubernetes
  keyword    container.id container.name deployment.name namespace node.name pod.name pod.uid
  ip         pod.ip
  any_keyword     labels annotations
kubernetes.audit
  keyword    apiVersion auditID kind level requestURI stage userAgent verb
  keyword    objectRef.apiGroup objectRef.apiVersion objectRef.name objectRef.namespace
  keyword    objectRef.resource objectRef.resourceVersion objectRef.subresource objectRef.uid
  keyword    responseStatus.message responseStatus.reason responseStatus.status
  keyword    user.groups user.uid user.username impersonatedUser.groups impersonatedUser.uid
  keyword    impersonatedUser.username
  ip         sourceIPs
  long       responseStatus.code
  boolean    requestObject.spec.containers.securityContext.allowPrivilegeEscalation
  boolean    requestObject.spec.containers.securityContext.privileged
  boolean    requestObject.spec.containers.securityContext.runAsNonRoot
  boolean    requestObject.spec.hostIPC requestObject.spec.hostNetwork
  boolean    requestObject.spec.hostPID
  long       requestObject.spec.containers.securityContext.runAsUser
  date       requestReceivedTimestamp stageTimestamp
  any_keyword     annotations requestObject responseObject user.extra impersonatedUser.extra
aws
  keyword    ec2.ip_address elb.name s3access.bucket s3access.operation s3access.request_uri
  keyword    guardduty.type guardduty.title vpcflow.action vpcflow.type vpcflow.interface_id
  any_keyword     bedrock bedrock_agentcore guardduty waf securityhub_findings inspector
aws.cloudtrail
  keyword    additional_eventdata api_version console_login.additional_eventdata.login_to
  keyword    digest.s3_bucket error_code error_message event_category event_type event_version
  keyword    insight_details management_event recipient_account_id request_id
  keyword    request_parameters resources.account_id resources.arn resources.type
  keyword    response_elements service_event_details shared_event_id vpc_endpoint_id
  keyword    session_credential_from_console
  keyword    user_identity.access_key_id user_identity.arn user_identity.invoked_by
  keyword    user_identity.principal_id user_identity.type user_identity.user_name
  keyword    user_identity.session_context.mfa_authenticated
  keyword    user_identity.session_context.session_issuer.account_id
  keyword    user_identity.session_context.session_issuer.arn
  keyword    user_identity.session_context.session_issuer.principal_id
  keyword    user_identity.session_context.session_issuer.type
  keyword    user_identity.session_context.session_issuer.user_name
  boolean    console_login.additional_eventdata.mfa_used
  boolean    console_login.additional_eventdata.mobile_version read_only
  date       user_identity.session_context.creation_date digest.end_time digest.start_time
  any_keyword     flattened
azure
  keyword    correlation_id resource.authorization_rule resource.group resource.id resource.name
  keyword    resource.namespace resource.provider subscription_id tenant_id
  any_keyword     aadgraphactivitylogs eventhub firewall open_ai platformlogs
azure.activitylogs
  keyword    category event_category operation_name operation_version result_signature
  keyword    result_type tenant_id level identity_name
  boolean    properties.is_interactive
  long       level_code
  any_keyword     identity properties
azure.auditlogs
  keyword    category identity level operation_name operation_version result_signature tenant_id
  long       properties.target_resources.count
  date       properties.activity_datetime
  any_keyword     properties
azure.graphactivitylogs
  keyword    category operation_name operation_version result_signature
  long       properties.response_size_bytes properties.response_status_code
  long       properties.request_duration
  any_keyword     properties
azure.identityprotection
  keyword    category operation_name operation_version result_signature
  ip         properties.ip_address
  date       properties.activity_datetime properties.detected_datetime
  date       properties.last_updated_datetime properties.risk_last_updated_datetime
  any_keyword     properties
azure.signinlogs
  keyword    caller_ip_address category identity level operation_name operation_version
  keyword    result_description result_signature result_type tenant_id
  boolean    properties.device_detail.is_compliant properties.device_detail.is_managed
  boolean    properties.flagged_for_review properties.is_interactive
  boolean    properties.is_tenant_restricted properties.is_risky_user
  boolean    properties.authentication_details.succeeded
  long       properties.autonomous_system_number properties.status.error_code
  long       properties.processing_time_ms properties.token_protection_status_details.error_code
  date       properties.created_at
  any_keyword     properties
entityanalytics_entra_id
  keyword    device.id device.display_name device.operating_system device.profile_type
  keyword    device.operating_system_version device.trust_type
  keyword    device.registered_owners.user_principal_name
  boolean    device.account_enabled device.is_compliant device.is_managed
  date       device.registration_date_time
gcp.audit
  keyword    authentication_info.authority_selector authentication_info.principal_email
  keyword    authentication_info.principal_subject authorization_info.permission
  keyword    authorization_info.resource authorization_info.resource_attributes.name
  keyword    authorization_info.resource_attributes.service
  keyword    authorization_info.resource_attributes.type logentry_operation.id
  keyword    logentry_operation.producer method_name request_metadata.caller_supplied_user_agent
  keyword    resource_location.current_locations resource_name service_name status.message type
  keyword    service_data.policy_delta.binding_deltas
  ip         request_metadata.caller_ip
  long       num_response_items status.code
  boolean    authorization_info.granted logentry_operation.first logentry_operation.last
  any_keyword     labels metadata request response service_data flattened
google_workspace
  keyword    actor.key actor.type event.name event.type kind organization.domain
  keyword    device.account_state device.id device.model device.resource.id device.type
  keyword    device.os_version device.compliance
  boolean    admin.application.enabled drive.owner_is_shared_drive drive.owner_is_team_drive
  boolean    drive.billable drive.primary_event drive.actor_is_collaborator_account
  boolean    login.is_second_factor login.is_suspicious
  date       login.timestamp
  long       admin.bulk_upload.failed admin.bulk_upload.total
  any_keyword     actor admin alert drive groups login rules saml token user_accounts device gmail
okta
  keyword    display_message event_type severity uuid version transaction.id transaction.type
  keyword    actor.alternate_id actor.display_name actor.id actor.type
  keyword    authentication_context.authentication_provider
  keyword    authentication_context.credential_provider
  keyword    authentication_context.credential_type
  keyword    authentication_context.external_session_id authentication_context.interface
  keyword    authentication_context.issuer.id authentication_context.issuer.type
  keyword    authentication_context.root_session_id
  keyword    client.device client.id client.user_agent.browser client.user_agent.os
  keyword    client.user_agent.raw_user_agent client.zone
  keyword    outcome.reason outcome.result security_context.as.organization.name
  keyword    security_context.domain security_context.isp
  keyword    target.alternate_id target.display_name target.id target.type
  ip         client.ip request.ip_chain.ip
  long       authentication_context.authentication_step security_context.as.number
  boolean    security_context.is_proxy
  any_keyword     debug_context request target
o365.audit
  keyword    ApplicationId Id ObjectId Operation OrganizationId RecordType ResultStatus
  keyword    UserId UserKey UserType Workload
  long       OperationCount FileSizeBytes
  date       CreationTime
  any_keyword     .
github
  keyword    action actor_id category hashed_token integration operation_type org org_id
  keyword    permission programmatic_access_type repo team user user_agent user_id visibility
  keyword    branch overridden_codes pull_request_url reasons.code reasons.message
  keyword    repository_selection secret_type token_id token_scopes severity state
  ip         actor_ip
  boolean    public_repo repository_public
m365_defender
  any_keyword     alert event incident
microsoft.defender_endpoint
  any_keyword     .
sentinel_one
  any_keyword     .
crowdstrike
  any_keyword     .
fortinet.firewall
  any_keyword     .
panw.panos
  any_keyword     .
network_traffic
  keyword    status
  long       icmp.request.code icmp.request.type icmp.response.code icmp.response.type
  long       nfs.rpc.cred.gid nfs.rpc.cred.uid nfs.rpc.call_size nfs.rpc.reply_size
  any_keyword     amqp cassandra dhcpv4 dns flow http icmp memcached mongodb mysql nfs pgsql redis
  any_keyword     sip thrift tls
icmp
  keyword    version
  long       request.code request.type response.code response.type
dhcpv4
  keyword    assigned_ip client_mac op_code option.message_type option.server_identifier
  keyword    option.hostname option.class_identifier option.parameter_request_list
  keyword    transaction_id
zeek
  any_keyword     connection dce_rpc dns http kerberos notice ntlm rdp smb_cmd smb_files smb_mapping
  any_keyword     ssh ssl x509 weird
suricata.eve
  keyword    alert.category alert.signature alert.signature_id event_type flow_id in_iface
  long       alert.rev alert.severity
zoom
  any_keyword     account chat_channel chat_message meeting phone recording user webinar
osquery
  any_keyword     result
wiz
  keyword    vulnerability.cvss_severity vulnerability.id vulnerability.vulnerable_asset.id
  keyword    vulnerability.vulnerable_asset.name
  boolean    vulnerability.has_exploit
beacon_stats
  double     beaconing_score
  boolean    is_beaconing
ml_is_dga
  long       malicious_prediction
  double     malicious_probability
problemchild
  long       prediction
  double     prediction_probability
rapid7.tc
  any_keyword     alert ioc vulnerability
slo
  keyword    id instanceId
"""


def _blocks(table: str) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """(name, lines) of a table's blocks; a line is what it says and of which fields."""
    name, lines = "", list[tuple[str, list[str]]]()
    for line in table.splitlines():
        if not line.startswith(" "):
            if name:
                yield name, lines
            name, lines = line, []
        else:
            kind, *fields = line.split()
            lines.append((kind, fields))
    yield name, lines


def _join(prefix: str, name: str) -> str:
    return prefix if name == "." else f"{prefix}.{name}" if prefix else name


class _Types(Mapping[str, FieldType]):
    """The fields that the tables name; below an ``any_keyword`` all others, too."""

    def __init__(self, objects: str, fields: str) -> None:
        self._objects = dict(_blocks(objects))
        self._named: dict[str, FieldType] = {}
        self._open: set[str] = set()
        for prefix, lines in _blocks(fields):
            self._add("" if prefix == "." else prefix, lines)

    def _add(self, prefix: str, lines: list[tuple[str, list[str]]]) -> None:
        for kind, fields in lines:
            for field in fields:
                path = _join(prefix, field)
                if kind == "any_keyword":
                    self._open.add(path)
                elif kind in self._objects:
                    self._add(path, self._objects[kind])
                else:
                    self._named[path] = cast("FieldType", kind)

    def __getitem__(self, field: str) -> FieldType:
        kind = self._named.get(field)
        if kind is not None:
            return kind
        if field in self._open:
            return "keyword"
        end = field.rfind(".")
        while end > 0:
            if field[:end] in self._open:
                return "keyword"
            end = field.rfind(".", 0, end)
        raise KeyError(field)

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)


TYPES: Final[Mapping[str, FieldType]] = _Types(_OBJECTS, _FIELDS)
"""The type of a field by its dotted name."""
