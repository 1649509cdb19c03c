"""RDS changes the password while tasks go on: they read it again, and only when the server refuses what they have."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import URL, text
from sqlalchemy.exc import OperationalError

from tests.workers.api.postgres import Postgres
from thoth_infra.contract.services import API
from workers.api import records
from workers.api.settings import ApiSettings
from workers.api.store.engine import Database
from workers.api.store.password import Password

_ONLY_BY_PASSWORD = "host all rotated 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"


@dataclass
class Rds:
    """A server whose user ``rotated`` needs a password, and the secret beside it."""

    server: Postgres
    admin: Database
    secret: str = "one"
    reads: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> URL:
        """What a task was given at its start."""
        return self.server.url.set(username="rotated", password="one")

    def execute(self, statement: str) -> None:
        """Do something as the server's owner."""
        with self.admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))

    def rotate(self, password: str) -> None:
        """Change the password, and end the connections that were opened with the old one."""
        self.execute(f"ALTER ROLE rotated PASSWORD '{password}'")
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'")
        self.secret = password

    def read(self) -> str:
        """Return the secret, as Secrets Manager does."""
        with self._lock:
            self.reads += 1
        return json.dumps({"username": "rotated", "password": self.secret})

    def database(self) -> Database:
        """What a task opens."""
        return Database(self.url, password=Password("one", self.read))


@pytest.fixture
def rds(postgres_server: Postgres) -> Iterator[Rds]:
    """A server that asks one user for a password; open to all others again afterwards."""
    admin = Database(postgres_server.url)
    found = Rds(postgres_server, admin)
    access = postgres_server.folder / "data" / "pg_hba.conf"
    before = access.read_text()
    found.execute("CREATE ROLE rotated LOGIN PASSWORD 'one'")
    access.write_text(_ONLY_BY_PASSWORD)
    found.execute("SELECT pg_reload_conf()")
    yield found
    access.write_text(before)
    found.execute("SELECT pg_reload_conf()")
    found.execute("DROP ROLE rotated")
    admin.close()


def test_a_task_goes_on_after_each_rotation(rds: Rds) -> None:
    database = rds.database()
    database.ping()
    assert rds.reads == 0
    for number, password in enumerate(("two", 'it\'s \\ "three"'), start=1):
        rds.rotate(password.replace("'", "''"))
        rds.secret = password
        database.ping()
        database.engine.dispose()
        database.ping()
        assert rds.reads == number
    database.close()


def test_threads_that_are_refused_together_read_it_once(rds: Rds) -> None:
    rds.rotate("two")
    database = rds.database()
    barrier = threading.Barrier(8)

    def ping(_: int) -> None:
        barrier.wait()
        database.ping()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ping, range(8)))
    assert rds.reads == 1
    database.close()


def test_a_password_that_is_wrong_everywhere_stays_refused(rds: Rds) -> None:
    rds.rotate("two")
    rds.secret = "three"
    database = rds.database()
    with pytest.raises(OperationalError, match="password authentication failed"):
        database.ping()
    assert rds.reads == 1
    # The server takes it a moment later: rotation changes the server and the secret one after the other.
    rds.execute("ALTER ROLE rotated PASSWORD 'three'")
    database.ping()
    database.close()


@pytest.mark.parametrize("secret", ["not JSON", "[]", '{"username": "rotated"}', OSError("AccessDeniedException")])
def test_a_secret_that_says_nothing_leaves_the_servers_answer(
    rds: Rds, caplog: pytest.LogCaptureFixture, secret: str | OSError
) -> None:
    def read() -> str:
        if isinstance(secret, OSError):
            raise secret
        return secret

    rds.rotate("two")
    database = Database(rds.url, password=Password("one", read))
    with pytest.raises(OperationalError, match="password authentication failed"):
        database.ping()
    assert "the password can't be read again" in caplog.text
    database.close()


def test_a_server_that_is_not_there_is_no_reason_to_read_it(rds: Rds) -> None:
    database = Database(rds.url.set(port=1), password=Password("one", rds.read))
    with pytest.raises(OperationalError, match=r"connection (failed|refused)|Connection refused"):
        database.ping()
    assert rds.reads == 0
    database.close()


@mock_aws  # type: ignore[untyped-decorator]
def test_the_api_finds_the_secret_where_the_contract_says(rds: Rds, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="rds!db-1", SecretString=rds.read())["ARN"]
    given = {variable.name: "x" * 40 for variable in API.variables} | {
        "LOG_LEVEL": "INFO", "PORT": "8000", "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(rds.server.port),
        "DATABASE_NAME": "postgres", "DATABASE_USER": "rotated", "DATABASE_PASSWORD": "one",
        "DATABASE_SECRET_ARN": arn,
    }  # fmt: skip
    database = records.opened(ApiSettings.read(API, given))
    database.ping()
    rds.rotate("two")
    client.put_secret_value(SecretId=arn, SecretString=rds.read())
    database.ping()
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    rds.rotate("three")
    with pytest.raises(OperationalError, match="password authentication failed"):
        database.ping()
    database.close()
