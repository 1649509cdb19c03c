"""Opens the records as the settings say: a SQLite file, or Postgres with a password that is read again."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workers.api.settings import AloneSettings, ApiSettings, OrchestratorSettings
from workers.api.store.engine import Database
from workers.api.store.password import Password, ReadSecret

_TIMES: Any = {"connect_timeout": 5, "read_timeout": 5, "retries": {"mode": "standard", "total_max_attempts": 3}}


def opened(settings: ApiSettings | OrchestratorSettings | AloneSettings) -> Database:
    """Return the records; nothing is asked of them yet."""
    if isinstance(settings, AloneSettings) or settings.database_secret_arn is None:
        return Database(settings.database_url)
    first = settings.database_password.get_secret_value()
    return Database(settings.database_url, password=Password(first, secret_at(settings.database_secret_arn)))


def secret_at(arn: str) -> ReadSecret:
    """Return how the secret of an ARN is read; the client is made when it is needed, a week after the start."""

    def read() -> str:
        session: Any = boto3.session.Session()
        try:
            found = session.client("secretsmanager", config=Config(**_TIMES)).get_secret_value(SecretId=arn)
        except (BotoCoreError, ClientError) as error:
            raise OSError(str(error)) from error
        return str(found["SecretString"])

    return read
