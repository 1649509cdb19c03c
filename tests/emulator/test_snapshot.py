from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.emulator import pickling, running, snapshot
from thoth_infra.emulator.access import Emulator
from thoth_infra.errors import EngineError


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


class _Settings(defaultdict[str, list[str]]):
    def __init__(self, owner: str, region: str) -> None:
        super().__init__(lambda: [region])
        self.owner = owner


def test_what_pickle_alone_cannot_write_comes_back() -> None:
    settings = _Settings("ada", "us-east-1")
    settings["kept"].append("x")
    condition = threading.Condition()
    shared = ["a list"]

    back: Any = _there_and_back((settings, condition, threading.Lock(), lambda: shared, shared))

    assert (type(back[0]), back[0].owner, back[0]["kept"], back[0]["new"]) == (
        _Settings,
        "ada",
        ["us-east-1", "x"],
        ["us-east-1"],
    )
    with back[1]:
        assert back[2].acquire(blocking=False)
    assert back[3]() is back[4]


def test_weak_references_point_into_the_new_world() -> None:
    key = _Settings("ada", "us-east-1")

    names, back = _there_and_back((weakref.WeakValueDictionary({"a": key}), key))

    assert names["a"] is back


def _there_and_back(value: Any) -> Any:
    return pickle.loads(pickling.dumps(value))  # noqa: S301


@pytest.mark.slow
def test_every_service_survives_a_restart(aws: AsAccount, account: str, other_account: str, state: Path) -> None:
    """In a process of its own, because this one's moto already holds everything."""
    _populate(aws, account, other_account)
    snapshot.save(state)

    with running(state) as emulator:
        found = {name: _seen(emulator, name, account) for name in sorted(CHECKS)}
        with pytest.raises(ClientError, match="BucketAlreadyExists"):  # bucket names are everybody's
            emulator.client("s3", account_id=other_account, region=REGION).create_bucket(Bucket=f"state-{account}")
        peerings = emulator.client("ec2", account_id=other_account, region=REGION).describe_vpc_peering_connections()
    assert found == {name: expected for name, (_, expected) in CHECKS.items()}
    assert len(peerings["VpcPeeringConnections"]) == 1


CHECKS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "acm": (lambda c: len(c.list_certificates()["CertificateSummaryList"]), 1),
    "backup": (lambda c: len(c.list_backup_vaults()["BackupVaultList"]), 1),
    "ecr": (lambda c: [one["repositoryName"] for one in c.describe_repositories()["repositories"]], ["api"]),
    "ecs": (lambda c: c.describe_services(cluster="ai", services=["api"])["services"][0]["enableExecuteCommand"], True),
    "iam": (lambda c: c.get_role(RoleName="task")["Role"]["RoleName"], "task"),
    "kms": (lambda c: c.decrypt(CiphertextBlob=_encrypt(c, b"y"))["Plaintext"], b"y"),
    "logs": (lambda c: [one["name"] for one in c.describe_query_definitions()["queryDefinitions"]], ["errors"]),
    "rds": (lambda c: c.describe_db_instances()["DBInstances"][0]["PerformanceInsightsEnabled"], True),
    "s3": (lambda c: [one["IsLatest"] for one in _versions(c)], [True, False]),
    "secretsmanager": (lambda c: c.get_secret_value(SecretId="app")["SecretString"], "x"),
    "sns": (lambda c: len(c.list_topics()["Topics"]), 1),
    "sqs": (lambda c: c.receive_message(QueueUrl=c.list_queues()["QueueUrls"][0])["Messages"][0]["Body"], "hello"),
    "ssm": (lambda c: c.get_parameter(Name="/x")["Parameter"]["Value"], "y"),
}


def _encrypt(kms: Any, text: bytes) -> bytes:
    return bytes(kms.encrypt(KeyId="alias/x", Plaintext=text)["CiphertextBlob"])


def _versions(s3: Any) -> list[Any]:
    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    return list(s3.list_object_versions(Bucket=bucket)["Versions"])


def _seen(emulator: Emulator, service: str, account: str) -> Any:
    return CHECKS[service][0](emulator.client(service, account_id=account, region=REGION))


def _populate(aws: AsAccount, account: str, other_account: str) -> None:
    aws("acm").request_certificate(DomainName="thoth.example.com", ValidationMethod="DNS")
    aws("backup").create_backup_vault(BackupVaultName="thoth")
    aws("ecr").create_repository(repositoryName="api")
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="ai")
    ecs.register_task_definition(family="api", containerDefinitions=[{"name": "x", "image": "x", "memory": 1}])
    ecs.create_service(cluster="ai", serviceName="api", taskDefinition="api", desiredCount=1, enableExecuteCommand=True)
    aws("iam").create_role(RoleName="task", AssumeRolePolicyDocument="{}")
    kms = aws("kms")
    kms.create_alias(AliasName="alias/x", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    aws("logs").put_query_definition(name="errors", queryString="x")
    aws("rds").create_db_instance(
        DBInstanceIdentifier="thoth",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        MasterUsername="x",
        MasterUserPassword="not-a-secret",
        EnablePerformanceInsights=True,
    )
    s3, bucket = aws("s3"), f"state-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="terraform.tfstate", Body=body)
    aws("secretsmanager").create_secret(Name="app", SecretString="x")
    aws("sns").create_topic(Name="alerts")
    sqs = aws("sqs")
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName="jobs")["QueueUrl"], MessageBody="hello")
    aws("ssm").put_parameter(Name="/x", Value="y", Type="String")
    vpcs = [aws("ec2", one).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for one in (account, other_account)]
    aws("ec2").create_vpc_peering_connection(VpcId=vpcs[0], PeerVpcId=vpcs[1], PeerOwnerId=other_account)


def test_networks_can_still_be_peered_after_a_restart(state: Path, account: str, other_account: str) -> None:
    def vpc(emulator: Emulator, of: str, block: str) -> Any:
        ec2 = emulator.client("ec2", account_id=of, region=REGION)
        return ec2, ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]

    with running(state) as emulator:
        _, theirs = vpc(emulator, other_account, "10.1.0.0/16")
    with running(state) as emulator:
        ec2, ours = vpc(emulator, account, "10.0.0.0/16")
        ec2.create_vpc_peering_connection(VpcId=ours, PeerVpcId=theirs, PeerOwnerId=other_account)
        there = emulator.client("ec2", account_id=other_account, region=REGION)
        assert len(there.describe_vpc_peering_connections()["VpcPeeringConnections"]) == 1


def test_there_is_nothing_to_check_in_a_new_folder(state: Path) -> None:
    assert snapshot.check(state) is False


def test_a_snapshot_is_its_owners_alone(state: Path, emulator: Emulator) -> None:
    snapshot.save(state)

    assert (state / snapshot.NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.iterdir()] == [snapshot.NAME]
    assert snapshot.check(state) is True


@pytest.mark.parametrize(
    "header",
    [
        json.dumps({**snapshot.fingerprint(), "moto": "5.0.0"}),
        json.dumps({**snapshot.fingerprint(), "patches": "0" * 16}),
        json.dumps(["not", "a", "header"]),
        "\x80not json",
    ],
)
def test_another_versions_snapshot_is_refused_with_the_way_out(state: Path, header: str) -> None:
    path = state / snapshot.NAME
    path.write_text(header + "\n")
    path.chmod(0o600)

    with pytest.raises(EngineError, match="of another version") as refused:
        snapshot.check(state)

    assert refused.value.hint is not None
    assert f"delete {path}" in refused.value.hint


def test_a_snapshot_that_others_may_write_is_refused(state: Path) -> None:
    path = state / snapshot.NAME
    path.write_text(json.dumps(snapshot.fingerprint()) + "\n")
    path.chmod(0o666)

    with pytest.raises(EngineError, match="someone else"):
        snapshot.check(state)


def test_a_failed_save_names_the_service_and_keeps_the_last_snapshot(
    aws: AsAccount, account: str, state: Path, emulator: Emulator
) -> None:
    snapshot.save(state)
    before = (state / snapshot.NAME).read_bytes()
    from moto.sqs.models import sqs_backends

    sqs_backends[account][REGION].strange = (n for n in range(0))  # a generator, which can't be pickled
    try:
        with pytest.raises(EngineError, match=f"can't save sqs of account {account} in {REGION}"):
            snapshot.save(state)
    finally:
        del sqs_backends[account][REGION].strange
    assert (state / snapshot.NAME).read_bytes() == before


def test_asking_for_the_fingerprint_imports_no_moto() -> None:
    code = (
        "import sys\n"
        "from thoth_infra.emulator import snapshot\n"
        "snapshot.fingerprint()\n"
        "print('moto' in sys.modules, 'boto3' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]
