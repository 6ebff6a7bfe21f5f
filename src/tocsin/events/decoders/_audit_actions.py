"""What an audit event was, in ECS's words: by its syscall, or by the type of its record.

Rows of the tables are ``action category:type[,type] names…``; ``-`` for what there is none of.
They follow Auditbeat's, so that Elastic's rules for ``auditbeat-*`` and
``logs-auditd_manager.auditd-*`` find what they look for.

>>> syscall_meaning("execve").action, syscall_meaning("connect").types
('executed', ('connection', 'start'))
>>> record_meaning("USER_AUTH", set()).action, syscall_meaning("mprotect").categories
('authenticated', ('process',))

Facts: https://github.com/elastic/go-libaudit/blob/main/aucoalesce/normalizations.yaml
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """What an event was.

    Attributes:
        action: ``event.action``; empty for none.
        categories: ``event.category``.
        types: ``event.type``.
        name: the syscall or the type of the record.
    """

    action: str
    categories: tuple[str, ...]
    types: tuple[str, ...]
    name: str

    @property
    def has_file(self) -> bool:
        """Whether the event is about a file, which its PATH records name."""
        file = {"file", "driver"} & set(self.categories)
        return bool(file) or self.action == "executed"


_SYSCALLS: Final = """
opened-file file:creation creat
opened-file file:change fallocate truncate ftruncate
opened-file file:info open openat readlink readlinkat
read-file file:info read
wrote-to-file file:change write
changed-file-attributes-of file:change setxattr fsetxattr lsetxattr removexattr fremovexattr
changed-file-attributes-of file:change lremovexattr
changed-file-permissions-of file:change chmod fchmod fchmodat
changed-file-ownership-of file:change chown fchown fchownat lchown
loaded-kernel-module driver:start finit_module init_module
unloaded-kernel-module driver:end delete_module
created-directory file:creation mkdir mkdirat
mounted file:creation mount
renamed file:change rename renameat renameat2
checked-metadata-of file:info access faccessat fstatat newfstatat stat stat64 fstat lstat
checked-metadata-of file:info getxattr lgetxattr fgetxattr
checked-filesystem-metadata-of file:info statfs fstatfs
symlinked file:creation symlink symlinkat
unmounted file:deletion umount umount2
deleted file:deletion rmdir unlink unlinkat
changed-timestamp-of file:info utime utimes futimesat futimens utimensat
executed process:start execve execveat
listen-for-connections network:start listen
accepted-connection-from network:connection,start accept accept4
bound-socket network:start bind
connected-to network:connection,start connect
received-from network:connection,info recv recvfrom recvmsg recvmmsg
sent-to network:connection,info send sendto sendmsg sendmmsg
killed-pid process:end kill tkill tgkill
changed-identity-of process:change setuid seteuid setfsuid setreuid setgid setegid setfsgid
changed-identity-of process:change setregid setresuid setresgid
changed-system-time host:change settimeofday clock_settime stime adjtimex
make-device file:creation mknod mknodat
changed-system-name host:change sethostname setdomainname
allocated-memory process:info mmap mmap2 brk
adjusted-scheduling-policy-of process:change sched_setparam sched_setscheduler sched_setattr
"""
_RECORDS: Final = """
loaded-kernel-module driver:start KERN_MODULE
locked-account iam:user,info ACCT_LOCK
unlocked-account iam:user,info ACCT_UNLOCK
added-group-account-to iam:group,creation ADD_GROUP
added-user-account iam:user,creation ADD_USER
deleted-group-account-from iam:group,deletion DEL_GROUP
deleted-user-account iam:user,deletion DEL_USER
modified-group-account iam:group,change GRP_MGMT
assigned-user-role-to iam:user,change ROLE_ASSIGN
modified-role iam:change ROLE_MODIFY
removed-user-role-from iam:user,change ROLE_REMOVE
modified-user-account iam:user,change USER_MGMT
changed-password iam:user,change USER_CHAUTHTOK
changed-group-password iam:group,change GRP_CHAUTHTOK
acquired-credentials authentication:info CRED_ACQ
disposed-credentials authentication:info CRED_DISP
refreshed-credentials authentication:info CRED_REFR
authenticated-to-group authentication:info GRP_AUTH
changed-login-id-to authentication:start LOGIN
was-authorized authentication:info USER_ACCT
authenticated authentication:info USER_AUTH
ended-session authentication:info USER_END
error authentication:info USER_ERR
logged-in authentication:start USER_LOGIN
logged-out authentication:end USER_LOGOUT
changed-role-to - USER_ROLE_CHANGE
started-session authentication:info USER_START
issued-vm-control host:info VIRT_CONTROL
created-vm-image host:info VIRT_CREATE
deleted-vm-image host:info VIRT_DESTROY
checked-integrity-of host:info VIRT_INTEGRITY_CHECK
assigned-vm-id host:info VIRT_MACHINE_ID
migrated-vm-from host:info VIRT_MIGRATE_IN
migrated-vm-to host:info VIRT_MIGRATE_OUT
assigned-vm-resource host:info VIRT_RESOURCE
changed-group process:change CHGRP_ID
changed-user-id process:change CHUSER_ID
sent-test process:info TEST
unknown process:info TRUSTED_APP
ran-command process:start USER_CMD
booted-system host:start SYSTEM_BOOT
changed-to-runlevel host:change SYSTEM_RUNLEVEL
shutdown-system host:end SYSTEM_SHUTDOWN
started-service process:start SERVICE_START
stopped-service process:stop SERVICE_STOP
changed-audit-configuration process,configuration:change CONFIG_CHANGE
aborted-auditd-startup process:stop DAEMON_ABORT
remote-audit-connected network:connection,start DAEMON_ACCEPT
remote-audit-disconnected network:connection,start DAEMON_CLOSE
changed-auditd-configuration process,configuration:change DAEMON_CONFIG
shutdown-audit process:stop DAEMON_END
audit-error process:info DAEMON_ERR
reconfigured-auditd process,configuration:info DAEMON_RECONFIG
resumed-audit-logging process:change DAEMON_RESUME
rotated-audit-logs process:change DAEMON_ROTATE
started-audit process:start DAEMON_START
initialized-audit-subsystem process:info KERNEL
changed-configuration configuration:change USYS_CONFIG
loaded-firewall-rule-to configuration:change NETFILTER_CFG
changed-audit-feature configuration:change FEATURE_CHANGE
typed - TTY USER_TTY
relabeled-filesystem - FS_RELABEL
modified-level-of - LABEL_LEVEL_CHANGE
overrode-label-of - LABEL_OVERRIDE
mac-permission - MAC_CHECK
changed-selinux-boolean configuration:change MAC_CONFIG_CHANGE
loaded-selinux-policy configuration:access MAC_POLICY_LOAD
changed-selinux-enforcement configuration:change MAC_STATUS
access-permission - USER_AVC
changed-mac-configuration configuration:change USER_MAC_CONFIG_CHANGE
loaded-mac-policy configuration:access USER_MAC_POLICY_LOAD
access-error - USER_SELINUX_ERR
violated-seccomp-policy - SECCOMP
caused-mac-policy-error - SELINUX_ERR
negotiated-crypto-key process:info CRYPTO_KEY_USER
crypto-officer-logged-in - CRYPTO_LOGIN
crypto-officer-logged-out process:info CRYPTO_LOGOUT
started-crypto-session process:info CRYPTO_SESSION
access-result - DAC_CHECK
crashed-program process:end ANOM_ABEND
attempted-execution-of-forbidden-program process:start ANOM_EXEC
used-suspicious-link - ANOM_LINK
failed-log-in-too-many-times-to - ANOM_LOGIN_FAILURES
attempted-log-in-from-unusual-place-to - ANOM_LOGIN_LOCATION
opened-too-many-sessions-to - ANOM_LOGIN_SESSIONS
attempted-log-in-during-unusual-hour-to - ANOM_LOGIN_TIME
changed-promiscuous-mode-on-device - ANOM_PROMISCUOUS
tested-file-system-integrity-of - ANOM_RBAC_INTEGRITY_FAIL
sent-message - USER
"""


def _rows(text: str) -> Iterator[tuple[str, Meaning]]:
    for row in text.strip().splitlines():
        action, kind, *names = row.split()
        categories, _, types = kind.removeprefix("-").partition(":")
        for name in names:
            yield name, Meaning(action, _split(categories), _split(types), name)


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


_BY_SYSCALL: Final = dict(_rows(_SYSCALLS))
_BY_RECORD: Final = dict(_rows(_RECORDS))
_AVC: Final = {
    # Which of them an AVC record is shows in its fields.
    "apparmor": "violated-apparmor-policy",
    "seresult": "violated-selinux-policy",
}
_BY_NUMBER: Final = (
    # What the ranges of record types are about, for those that have no row.
    (1100, 1135, "authentication"),
    (1135, 1200, "iam"),
    (1300, 1400, "configuration"),
    (1400, 1600, "intrusion_detection"),
    (1700, 1800, "intrusion_detection"),
    (1800, 1900, "file"),
    (2100, 2300, "intrusion_detection"),
    (2300, 2400, "intrusion_detection"),
)


def syscall_meaning(name: str) -> Meaning:
    """What a syscall does; one that has no row is something about a process."""
    return _BY_SYSCALL.get(name) or Meaning("", ("process",), ("info",), name)


def record_meaning(name: str, fields: Collection[str]) -> Meaning:
    """What a record says that is more than a syscall's.

    Args:
        name: its type.
        fields: the names of its fields.
    """
    if name == "AVC":
        action = next((_AVC[key] for key in _AVC if key in fields), "")
        return Meaning(action, (), (), name)
    return _BY_RECORD.get(name) or Meaning("", (), (), name)


def category_of(number: int | None) -> str | None:
    """The category of a type of records that has none of its own."""
    if number is None:
        return None
    return next((name for first, end, name in _BY_NUMBER if first <= number < end), None)
