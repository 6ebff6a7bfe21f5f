"""What Windows' events are, by channel and event code: the rows behind `schema.windows`.

* `EVENTS`: a block begins with a channel at the margin. Each of its lines is an event code: Sigma's
  category (``.`` for none), ``event.category`` (``.`` for none), ``event.type``, the family of its
  EventData (`_windows_fields`), and behind ``:`` its ``event.action``: what Elastic calls it, and
  behind ``|`` what Windows does where rules ask for that too.
* `SECURITY`: audit events, by ``event.category`` and ``event.type``; codes with their actions.
* `SERVICES`: the channels of Sigma's services.

Facts from Elastic's ``windows`` and ``system`` integrations (https://docs.elastic.co/integrations)
and from Sigma's taxonomy (https://sigmahq.io/sigma-specification/).
"""

from __future__ import annotations

from typing import Final

EVENTS: Final = """\
Microsoft-Windows-Sysmon/Operational
  1 process_creation process start process : Process creation | Process Create (rule: ProcessCreate)
  2 file_change file change file : A process changed a file creation time
  3 network_connection network start,connection,protocol network : Network connection
  4 sysmon_status process change actor : Sysmon service state changed
  5 process_termination process end actor : Process terminated
  6 driver_load driver start image : Driver loaded
  7 image_load process change image : Image loaded
  8 create_remote_thread process change source : CreateRemoteThread
  9 raw_access_thread process access file : RawAccessRead
  10 process_access process access source : ProcessAccess
  11 file_event file creation file : FileCreate
  12 registry_event configuration,registry change key : RegistryEvent (Object create and delete)
  13 registry_set configuration,registry change key : RegistryEvent (Value Set)
  14 registry_rename configuration,registry change key : RegistryEvent (Key and Value Rename)
  15 create_stream_hash file access file : FileCreateStreamHash
  16 sysmon_status configuration change actor : ServiceConfigurationChange
  17 pipe_created file creation pipe : PipeEvent (Pipe Created)
  18 pipe_created file access pipe : PipeEvent (Pipe Connected)
  19 wmi_event process creation wmi : WmiEvent (WmiEventFilter activity detected)
  20 wmi_event process creation wmi : WmiEvent (WmiEventConsumer activity detected)
  21 wmi_event process access wmi : WmiEvent (WmiEventConsumerToFilter activity detected)
  22 dns_query network connection,protocol,info dns : DNSEvent (DNS query)
  23 file_delete file deletion file : FileDelete (File Delete archived)
  24 clipboard_capture . change actor : ClipboardChange (New content in the clipboard)
  25 process_tampering process change actor : ProcessTampering (Process image change)
  26 file_delete_detected file deletion file : FileDeleteDetected (File Delete logged)
  27 file_block_executable file creation,denied file : FileBlockExecutable
  28 file_block_shredding file deletion,denied file : FileBlockShredding
  29 file_executable_detected file creation file : FileExecutableDetected
  255 sysmon_error process error actor : Error
Microsoft-Windows-PowerShell/Operational
  4103 ps_module process info powershell : Executing Pipeline
  4104 ps_script process info powershell : Execute a Remote Command
  4105 . process start powershell : Starting Command
  4106 . process end powershell : Stopping Command
Windows PowerShell
  400 ps_classic_start process start classic : Engine Lifecycle
  403 . process end classic : Engine Lifecycle
  600 ps_classic_provider_start process info classic : Provider Lifecycle
  800 ps_classic_script process info classic : Pipeline Execution Details
Security
  4688 process_creation process start created : created-process
  4703 . . . security : Token Right Adjusted Events
"""

SECURITY: Final = """\
authentication end
  4634 logged-out  4647 logged-out
authentication start
  4624 logged-in  4625 logon-failed  4648 logged-in-explicit
  4768 kerberos-authentication-ticket-requested  4769 kerberos-service-ticket-requested
  4770 kerberos-service-ticket-renewed  4771 kerberos-preauth-failed  4776 credential-validated
authentication,session end
  4779 session-disconnected
authentication,session start
  4778 session-reconnected
configuration access
  4610 authentication-package-loaded  4614 notification-package-loaded
  4622 security-package-loaded
configuration change
  4611 trusted-logon-process-registered  4616 system-time-changed  4713 kerberos-policy-changed
  4714 encrypted-data-recovery-policy-changed  4715 object-audit-policy-changed
  4716 trusted-domain-information-changed  4739 domain-policy-changed
  4950 windows-firewall-setting-changed  4954 windows-firewall-group-policy-changed
configuration creation
  4706 domain-trust-added
configuration deletion
  4707 domain-trust-removed
driver end
  5034 windows-firewall-driver-stopped  5037 windows-firewall-driver-error
driver start
  5033 windows-firewall-driver-started
iam admin
  1104 logging-full  1108 logging-processing-error
  4672 logged-in-special  4673 privileged-service-called  4674 privileged-operation
iam admin,change
  1102 audit-log-cleared
iam admin,group
  4964 logged-in-special
iam change,admin
  4742 changed-computer-account
iam creation,admin
  4741 added-computer-account
iam deletion,admin
  4743 deleted-computer-account
iam group,change
  4728 added-member-to-group  4729 removed-member-from-group  4732 added-member-to-group
  4733 removed-member-from-group  4735 modified-group-account  4737 modified-group-account
  4745 changed-distribution-group-account  4746 added-member-to-distribution-group
  4747 removed-member-from-distribution-group  4750 changed-distribution-group-account
  4751 added-member-to-distribution-group  4752 removed-member-from-distribution-group
  4755 modified-group-account  4756 added-member-to-group  4757 removed-member-from-group
  4760 changed-distribution-group-account  4761 added-member-to-distribution-group
  4762 removed-member-from-distribution-group  4764 type-changed-group-account
iam group,creation
  4727 added-group-account  4731 added-group-account  4744 added-distribution-group-account
  4749 added-distribution-group-account  4754 added-group-account
  4759 added-distribution-group-account
iam group,deletion
  4730 deleted-group-account  4734 deleted-group-account
  4748 deleted-distribution-group-account  4753 deleted-distribution-group-account
  4758 deleted-group-account  4763 deleted-distribution-group-account
iam group,info
  4799 user-member-enumerated
iam user,change
  4722 enabled-user-account  4723 changed-password  4724 reset-password
  4738 modified-user-account  4740 locked-out-user-account  4767 unlocked-user-account
  4781 renamed-user-account
iam user,creation
  4720 added-user-account
iam user,deletion
  4725 disabled-user-account  4726 deleted-user-account
iam user,info
  4797 query-existence-of-blank-password  4798 group-membership-enumerated
  5379 credential-manager-credentials-were-read  5380 vault-credential-find
  5381 vault-credentials-were-read  5382 vault-credentials-were-read
iam,configuration admin,change
  4662 object-operation-performed  4670 permissions-changed  4697 service-installed
  4717 system-security-access-granted  4719 changed-audit-config  4817 object-audit-changed
  4904 security-event-source-added  4906 crash-on-audit-changed  4907 audit-setting-changed
  4908 special-group-table-changed  4912 per-user-audit-policy-changed
  5136 directory-service-object-modified
iam,configuration admin,creation
  4902 user-audit-policy-created  5137 directory-service-object-created
iam,configuration admin,deletion
  4718 system-security-access-removed  4905 security-event-source-removed
  5141 directory-service-object-deleted
iam,configuration change,admin
  4700 scheduled-task-enabled  4701 scheduled-task-disabled  4702 scheduled-task-updated
iam,configuration creation,admin
  4698 scheduled-task-created
iam,configuration deletion,admin
  4699 scheduled-task-deleted
network connection,info,allowed
  5156 windows-firewall-connection
network connection,info,denied
  5152 windows-firewall-packet-drop  5157 windows-firewall-packet-block
network info
  5158 windows-firewall-bind-local-port
network,file info,access
  5140 network-share-object-accessed  5145 network-share-object-access-checked
process end
  1100 logging-service-shutdown  4689 exited-process  5025 windows-firewall-service-stopped
process start
  5024 windows-firewall-service-started
registry,configuration change
  4657 registry-value-modified
"""

SERVICES: Final = """\
application
  Application
application-experience
  Microsoft-Windows-Application-Experience/Program-Telemetry
  Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant
applocker
  Microsoft-Windows-AppLocker/MSI and Script
  Microsoft-Windows-AppLocker/EXE and DLL
  Microsoft-Windows-AppLocker/Packaged app-Deployment
  Microsoft-Windows-AppLocker/Packaged app-Execution
appmodel-runtime
  Microsoft-Windows-AppModel-Runtime/Admin
appxdeployment-server
  Microsoft-Windows-AppXDeploymentServer/Operational
appxpackaging-om
  Microsoft-Windows-AppxPackaging/Operational
bitlocker
  Microsoft-Windows-BitLocker/BitLocker Management
bits-client
  Microsoft-Windows-Bits-Client/Operational
capi2
  Microsoft-Windows-CAPI2/Operational
certificateservicesclient-lifecycle-system
  Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational
codeintegrity-operational
  Microsoft-Windows-CodeIntegrity/Operational
dhcp
  Microsoft-Windows-DHCP-Server/Operational
diagnosis-scripted
  Microsoft-Windows-Diagnosis-Scripted/Operational
dns-client
  Microsoft-Windows-DNS-Client/Operational
  Microsoft-Windows-DNS Client Events/Operational
dns-server
  DNS Server
dns-server-analytic
  Microsoft-Windows-DNSServer/Analytical
  Microsoft-Windows-DNS-Server/Analytical
dns-server-audit
  Microsoft-Windows-DNSServer/Audit
  Microsoft-Windows-DNS-Server/Audit
driver-framework
  Microsoft-Windows-DriverFrameworks-UserMode/Operational
firewall-as
  Microsoft-Windows-Windows Firewall With Advanced Security/Firewall
hyper-v-worker
  Microsoft-Windows-Hyper-V-Worker-Admin
  Microsoft-Windows-Hyper-V-Worker
iis-configuration
  Microsoft-IIS-Configuration/Operational
kernel-event-tracing
  Microsoft-Windows-Kernel-EventTracing/Admin
  Microsoft-Windows-Kernel-EventTracing
kernel-shimengine
  Microsoft-Windows-Kernel-ShimEngine/Operational
  Microsoft-Windows-Kernel-ShimEngine/Diagnostic
ldap
  Microsoft-Windows-LDAP-Client/Debug
lsa-server
  Microsoft-Windows-LSA/Operational
microsoft-servicebus-client
  Microsoft-ServiceBus-Client/Operational
  Microsoft-ServiceBus-Client/Admin
msexchange-management
  MSExchange Management
ntfs
  Microsoft-Windows-Ntfs/Operational
ntlm
  Microsoft-Windows-NTLM/Operational
openssh
  OpenSSH/Operational
powershell
  Microsoft-Windows-PowerShell/Operational
  PowerShellCore/Operational
powershell-classic
  Windows PowerShell
printservice-admin
  Microsoft-Windows-PrintService/Admin
printservice-operational
  Microsoft-Windows-PrintService/Operational
security
  Security
security-mitigations
  Microsoft-Windows-Security-Mitigations/KernelMode
  Microsoft-Windows-Security-Mitigations/UserMode
  Microsoft-Windows-Security-Mitigations/Kernel Mode
  Microsoft-Windows-Security-Mitigations/User Mode
sense
  Microsoft-Windows-SENSE/Operational
servicebus-client
  Microsoft-ServiceBus-Client/Operational
  Microsoft-ServiceBus-Client/Admin
shell-core
  Microsoft-Windows-Shell-Core/Operational
smbclient-connectivity
  Microsoft-Windows-SmbClient/Connectivity
smbclient-security
  Microsoft-Windows-SmbClient/Security
smbserver-connectivity
  Microsoft-Windows-SMBServer/Connectivity
sysmon
  Microsoft-Windows-Sysmon/Operational
system
  System
taskscheduler
  Microsoft-Windows-TaskScheduler/Operational
terminalservices-localsessionmanager
  Microsoft-Windows-TerminalServices-LocalSessionManager/Operational
vhdmp
  Microsoft-Windows-VHDMP/Operational
windefend
  Microsoft-Windows-Windows Defender/Operational
wmi
  Microsoft-Windows-WMI-Activity/Operational
"""
