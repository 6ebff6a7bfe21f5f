from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.alerts import scrub as module
from tocsin.alerts.scrub import scrub, scrub_field, scrub_text, scrubbed

SCRUBBED = {
    # headers
    'curl -H "X-aws-ec2-metadata-token: AQAEAL0x==" http://169.254.169.254/latest/': 'curl -H "X-aws-ec2-metadata-token: [redacted]" http://169.254.169.254/latest/',
    "Authorization: Bearer abcdef": "Authorization: Bearer [redacted]",
    "authorization: abcdef": "authorization: [redacted]",
    "-H 'Authorization: Basic Ym9iOnB3' -v": "-H 'Authorization: Basic [redacted]' -v",
    "got bearer AbCd0123 from": "got bearer [redacted] from",
    "Cookie: session=1; b=2": "Cookie: [redacted]",
    "X-Vault-Token: s.abc": "X-Vault-Token: [redacted]",
    # names
    "AWS_SECRET_ACCESS_KEY=wJalr/x+y AWS_ACCESS_KEY_ID=AKIAEXAMPLE": "AWS_SECRET_ACCESS_KEY=[redacted] AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
    "export aws_session_token='abc'": "export aws_session_token='[redacted]'",
    "aws configure set aws_secret_access_key wJalr": "aws configure set aws_secret_access_key [redacted]",
    "client_id=a&client_secret=b~c&grant_type=client_credentials": "client_id=a&client_secret=[redacted]&grant_type=client_credentials",
    "PGPASSWORD=x psql": "PGPASSWORD=[redacted] psql",
    "mysql --password hunter2 --host db": "mysql --password [redacted] --host db",
    "mysql --password='a b' --host db": "mysql --password='[redacted]' --host db",
    "app --db.password=x --verbose": "app --db.password=[redacted] --verbose",
    "net use /user:bob /password:x": "net use /user:bob /password:[redacted]",
    "Server=a;User Id=b;Pwd=c;": "Server=a;User Id=b;Pwd=[redacted];",
    "AccountName=x;AccountKey=abc==;Suffix=core": "AccountName=x;AccountKey=[redacted];Suffix=core",
    "-AccessKey AKIAEXAMPLE -SecretKey s3 -SessionToken t": "-AccessKey AKIAEXAMPLE -SecretKey [redacted] -SessionToken [redacted]",
    "openssl -passin pass:xyz12345": "openssl -passin pass:[redacted]",
    # JSON in texts, also JSON in JSON
    '{"SecretAccessKey" : "a/b+c","Token" : "d","Expiration":"2026"}': '{"SecretAccessKey" : "[redacted]","Token" : "[redacted]","Expiration":"2026"}',
    r"{\"SecretAccessKey\":\"a/b\",\"AccessKeyId\":\"ASIAEXAMPLE\"}": r"{\"SecretAccessKey\":\"[redacted]\",\"AccessKeyId\":\"ASIAEXAMPLE\"}",
    '{"access_token":"abc","token_type":"Bearer"}': '{"access_token":"[redacted]","token_type":"Bearer"}',
    # shapes
    "x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def y": "x [redacted] y",
    "git push with ghp_0123456789abcdefghij": "git push with [redacted]",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----": "[redacted]",
    # URLs
    "psql postgresql://bob:s3cret@db/x": "psql postgresql://bob:[redacted]@db/x",
    "https://a.blob.example/c?sv=2020&sig=abc%2Bdef%3D&se=1": "https://a.blob.example/c?sv=2020&sig=[redacted]&se=1",
    "https://s3.example/k?X-Amz-Credential=AKIAEXAMPLE%2F2026&X-Amz-Signature=0a1b": "https://s3.example/k?X-Amz-Credential=AKIAEXAMPLE%2F2026&X-Amz-Signature=[redacted]",
    # programs with ways of their own
    "curl -s -u admin:hunter2 http://x": "curl -s -u admin:[redacted] http://x",
    "sudo mysqldump -uroot -phunter2 db": "sudo mysqldump -uroot -p[redacted] db",
    "sshpass -p pw ssh a@b": "sshpass -p [redacted] ssh a@b",
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/s3/aws4_request, SignedHeaders=host, Signature=0123456789abcdef0123456789abcdef": "Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/s3/aws4_request, SignedHeaders=host, Signature=[redacted]",
}


@pytest.mark.parametrize(("text", "expected"), SCRUBBED.items())
def test_secrets_in_texts_are_redacted(text, expected):
    assert scrub_text(text) == expected
    assert scrub_text(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/web-role",
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/",
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
        'curl -X PUT http://169.254.169.254/latest/api/token -H "X-aws-ec2-metadata-token-ttl-seconds: 21600"',
        'TOKEN=$(curl -X PUT http://169.254.169.254/latest/api/token); curl -H "X-aws-ec2-metadata-token: $TOKEN" x',
        'curl -H "Authorization: Bearer Oracle" http://169.254.169.254/opc/v2/instance/',
        "curl -H Metadata:true -H 'Metadata-Flavor: Google' x",
        "docker run -u 1000:1000 -v /etc/passwd:/etc/passwd:ro image",
        "cat /etc/passwd /etc/shadow",
        "grep -ri password /etc",
        "find /etc/mysql -print",
        "mysql -P3306 -h db",
        "docker login --username a --password-stdin",
        "kubelet --token-file /var/lib/token",
        "app --password /run/secrets/db",
        "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks/token",
        "System.Web, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a",
        "PWD=/srv/app OLDPWD=/srv",
        "Failed password for root from 203.0.113.7",
        "usePassword=false",
        "aws_access_key_id = AKIAEXAMPLE",
        "ssh bob@db.example.com",
        "http://[::ffff:a9fe:a9fe]/latest/user-data",
        r"C:\Users\bob\tokens\secret\file.txt",
        "grant_type=password",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod-db-xehWok",
        "invalid token: expected value",
    ],
)
def test_ordinary_evidence_stays(text):
    assert scrub_text(text) == text


def test_values_go_by_the_name_they_stand_under():
    document = {
        "imds": {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "a", "Token": "b"},
        "http.request.headers": {"authorization": ["Bearer c"], "accept": ["*/*"]},
        "secl.password": 12345,
        "process": {"Ext": {"token": {"integrity_level_name": "high"}}},
        "password": True,
        "socket": {"cookie": "18446612686453401024"},
        "headers": [{"name": "Cookie", "value": "d=1"}, {"name": "Host", "value": "e"}],
    }
    assert scrub(document) == {
        "imds": {
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "[redacted]",
            "Token": "[redacted]",
        },
        "http.request.headers": {"authorization": ["Bearer [redacted]"], "accept": ["*/*"]},
        "secl.password": "[redacted]",
        "process": {"Ext": {"token": {"integrity_level_name": "high"}}},
        "password": True,
        "socket": {"cookie": "18446612686453401024"},
        "headers": [{"name": "Cookie", "value": "[redacted]"}, {"name": "Host", "value": "e"}],
    }
    assert scrub_field("imds.Token", "x") == "[redacted]"
    assert scrub_field("process.name", "curl") == "curl"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["mysql", "--password", "x", "db"], ["mysql", "--password", "[redacted]", "db"]),
        (["mysql", "--password", "-h", "db"], ["mysql", "--password", "-h", "db"]),
        (["/usr/bin/mysql", "-phunter2"], ["/usr/bin/mysql", "-p[redacted]"]),
        (["curl", "-u", "bob:pw", "x"], ["curl", "-u", "bob:[redacted]", "x"]),
        (["docker", "run", "-u", "1000:1000"], ["docker", "run", "-u", "1000:1000"]),
        (["sshpass", "-p", "pw", "ssh"], ["sshpass", "-p", "[redacted]", "ssh"]),
        (["x", "--token", "/run/secrets/t"], ["x", "--token", "/run/secrets/t"]),
        (["x", "--token", "$TOKEN"], ["x", "--token", "$TOKEN"]),
        (
            ["aws", "configure", "set", "aws_secret_access_key", "wJalr"],
            ["aws", "configure", "set", "aws_secret_access_key", "[redacted]"],
        ),
    ],
)
def test_an_argument_goes_by_the_flag_before_it(arguments, expected):
    assert scrub({"process.args": arguments}) == {"process.args": expected}
    assert scrub(expected) == expected


_WORDS = st.sampled_from(
    [
        "password", "token", "secret", "Authorization", "Bearer", "eyJhbGciOi.eyJzdWIi.x", "curl",
        "mysql", "-p", "-u", "--password", "sig", "?", "&", "=", ":", " ", '"', "'", "\\", "[redacted]",
        "[redacted", "]", ",", ")", "}", "://", "a:b@c", "AKIAEXAMPLE", "$TOKEN", "hunter2", "/etc/x",
        "aws_secret_access_key", "%3D", "cookie: ", "\n", "-----BEGIN PRIVATE KEY-----", "\ud800", "é",
    ]
)  # fmt: skip
_TEXTS = st.text() | st.lists(_WORDS, max_size=14).map("".join)
_KEYS = st.sampled_from(["password", "Token", "name", "value", "a.authorization"]) | _TEXTS
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda below: st.lists(below, max_size=5) | st.dictionaries(_KEYS, below, max_size=5),
    max_leaves=25,
)


@given(_TEXTS)
@example("password=[redacted]]]")
@example("aws_secret_access_key ]]]]]]x")
@example("bearer bearer abc01234")
def test_scrubbing_a_text_twice_changes_nothing(text):
    once = scrub_text(text)
    assert scrub_text(once) == once
    once.encode()


@given(_JSON)
def test_scrubbing_any_json_never_raises_and_is_idempotent(value):
    once = scrub(value)
    assert scrub(once) == once
    json.dumps(once).encode()


@given(st.text(alphabet="abcXYZ019+/=", min_size=8, max_size=60))
def test_a_named_secret_never_gets_through(secret):
    secret = f"q{secret.rstrip('=')}"
    for text in (f"AWS_SECRET_ACCESS_KEY={secret}", f'{{"SecretAccessKey":"{secret}"}}'):
        assert secret not in scrub_text(text)
    assert secret not in str(scrub({"Credentials": {"SecretAccessKey": secret}}))


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 100_000,
        "password" * 40_000,
        "curl -u" * 40_000,
        "a://b:" * 40_000,
        "-" * 300_000 + "password",
        "secret=[" * 20_000,
        "-----BEGIN PRIVATE KEY-----" * 10_000,
    ],
)
def test_hostile_texts_take_linear_time(text):
    begun = time.perf_counter()
    scrub_text(text)
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    "process",
    [
        {
            "name": "curl",
            "args": ["-H", "Authorization:", "Bearer", "hush", "https://ring.example"],
        },
        {"name": "curl", "args": ["curl", "-H", '"Authorization:', "Bearer", 'hush"', "-v"]},
        {"argv0": "mysql", "argv": ["-uroot", "-phush"], "args": "-uroot -phush"},
        {"argv0": "curl", "args": "-u bell:hush https://ring.example/"},
        {"comm": "curl", "argv[0]": "-u", "argv[1]": "bell:hush", "argv[2]": "-v"},
        {"comm": "curl", "argv[0]": "X-Vault-Token:", "argv[1]": "hush"},
        {"type": "EXECVE", "argc": "3", "a0": "curl", "a1": "-u", "a2": "bell:hush"},
        {"type": "EXECVE", "argc": "3", "a0": "mysql", "a1": "-uroot", "a2": "-phush"},
        {"proc.name": "mysql", "proc.args": "-uroot -phush"},
        {"args": "-s -u bell:hush", "args_options": ["u=bell:hush"], "argv[0]": "-s"},
        {"argv0": "mysql", "args": "-uroot -phush", "args_flags": ["uroot", "phush"]},
        {"comm": ["bash", "mysql"], "args": ["-l", "-uroot -phush"]},
        {"executable": "/usr/bin/sshpass", "args": ["-p", "hush", "ssh", "web-1"]},
    ],
)
def test_arguments_that_came_apart_are_read_together(process):
    scrubbed = scrub({"process": process})
    assert "hush" not in json.dumps(scrubbed)
    assert "[redacted]" in json.dumps(scrubbed)
    assert scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    "process",
    [
        {"name": "ls", "args": ["ls", "-la", "/tmp"]},
        {"name": "tar", "args": ["tar", "-p", "-x", "mysql"], "argv[0]": "-p", "argv[1]": "-x"},
        {"name": "curl", "args": ["curl", "-s", "", "https://ring.example/?q=%22bell%22"]},
        {"name": "cat", "args": ["cat", 7, None]},
    ],
)
def test_ordinary_arguments_stay(process):
    assert scrub({"process": process}) == {"process": process}


def test_names_that_end_in_a_secrets_name_hold_one():
    secrets = [
        "DB_PASSWORD", "PGPASSWORD", "newPassword", "masterUserPassword", "github_token",
        "vault-token", "AZURE_CLIENT_SECRET", "sasToken", "secretString", "secret", "db_pwd",
    ]  # fmt: skip
    assert set(scrub(dict.fromkeys(secrets, "hush")).values()) == {"[redacted]"}
    others = {
        "passwordLastSet": "2026-11-14", "token_type": "Bearer", "hasPassword": True, "pwd": "/srv",
        "PWD": "/root", "InvalidToken": "x", "secretName": "bell", "secrets": ["bell"],
    }  # fmt: skip
    assert scrub(others) == others


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Password>hush</Password>", "<Password>[redacted]</Password>"),
        ("<Password>\n <Value>hush</Value>", "<Password>\n <Value>[redacted]</Value>"),
        ("<PasswordPolicy>strong</PasswordPolicy>", "<PasswordPolicy>strong</PasswordPolicy>"),
        ("{args=[app, --token, hush]}", "{args=[app, --token, [redacted]]}"),
        ('["app","--token","hush"]', '["app","--token","[redacted]"]'),
        ("{args=[curl, -u, bell:hush, -v]}", "{args=[curl, -u, bell:[redacted], -v]}"),
        ('["curl","-u","bell:hush"]', '["curl","-u","bell:[redacted]"]'),
        ('["mysql","-uroot","-phush"]', '["mysql","-uroot","-p[redacted]"]'),
        ("{c=[mysql -uroot -phush]}", "{c=[mysql -uroot -p[redacted]]}"),
        (r"GET /\r\nCookie: a=hush", r"GET /\r\nCookie: [redacted]"),
    ],
)
def test_secrets_in_lists_and_elements_that_are_texts_are_found(text, expected):
    assert scrub_text(text) == expected
    assert scrub_text(expected) == expected


def test_a_document_without_secrets_stays_the_one_that_it_is():
    document = {
        "process": {"name": "ls", "args": ["ls", "-la"], "Ext": {"token": {"elevation": True}}}
    }
    assert scrubbed(document) is document
    assert scrub(document) == document
    assert scrub(document) is not document


@pytest.mark.parametrize(
    "document",
    [
        {"process": {"name": "mysql", "args": "-uroot -phush"}},
        {"name": "X-Vault-Token", "value": "hush"},
        {"to_ken": "hush"},
        {"a": {"b": [{"password": ["hush"]}]}},
        {1: "password=hush"},
        {"a": "password=hush \ud800"},
        {"a": b"password=hush"},
    ],
)
def test_a_document_with_secrets_is_another_and_the_first_stays(document):
    before = ascii(document)
    assert "hush" not in ascii(scrubbed(document))
    assert ascii(document) == before


def test_what_is_remembered_of_keys_is_bounded():
    for number in range(3):
        scrub({f"key-{number}-{place}": 1 for place in range(module._MOST_KEYS)})
        scrub({f"{'long' * 100}-{place}": 1 for place in range(100)})
    assert len(module._plain_keys) <= module._MOST_KEYS
    assert max(map(len, module._plain_keys)) <= module._LONGEST_KEY
    assert scrub({"key-0-1": "x", "password": "hush"}) == {"key-0-1": "x", "password": "[redacted]"}


@pytest.mark.parametrize(
    "text, secret",
    [
        ('ConvertTo-SecureString "Qu4siRing9" -AsPlainText', "Qu4siRing9"),
        ('response="0123456789abcdef0123456789abcdef"', "0123456789abcdef"),
    ],
)
def test_a_secret_that_only_its_own_word_gives_away_goes(text: str, secret: str) -> None:
    assert secret not in scrub({"process": {"command_line": text}})["process"]["command_line"]
