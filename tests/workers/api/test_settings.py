"""Settings: what the contract gives, and nothing that tells a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from thoth_infra.contract.services import API, API_ALONE, ORCHESTRATOR, Service
from workers.api.settings import AloneSettings, ApiSettings, OrchestratorSettings, read_api, read_orchestrator
from workers.common.settings import Settings, SettingsInvalid

SECRET = "a-value-that-is-longer-than-32-characters"
GIVEN = {
    "LOG_LEVEL": "INFO",
    "PORT": "8000",
    "DATABASE_PORT": "5432",
    "TRANSCRIPT_RETENTION_DAYS": "90",
    "JOB_FILES_RETENTION_DAYS": "7",
    "AUDIT_RETENTION_DAYS": "180",
    "DATABASE_USER": "thoth@home",
    "DATABASE_PASSWORD": "p@ss/w:rd",
    "DATABASE_HOST": "db.example",
    "DATABASE_NAME": "thoth",
}
CLASSES: list[tuple[Service, type[Settings]]] = [
    (API, ApiSettings),
    (ORCHESTRATOR, OrchestratorSettings),
    (API_ALONE, AloneSettings),
]


def environ_of(service: Service) -> dict[str, str]:
    values = {variable.name: GIVEN.get(variable.name, SECRET) for variable in service.variables}
    values |= {name: "60" for name in values if name.endswith("_SECONDS")}
    return {**values, "UNRELATED": "x"}


@pytest.mark.parametrize(("service", "kind"), CLASSES, ids=lambda value: getattr(value, "name", ""))
def test_every_variable_of_the_contract_is_a_field_and_each_required_one_is_missed(
    service: Service, kind: type[Settings]
) -> None:
    environ = environ_of(service)
    kind.read(service, environ)
    assert {variable.name.lower() for variable in service.variables} <= set(kind.model_fields)
    required = [name for name, field in kind.model_fields.items() if field.is_required()]
    for name in required:
        with pytest.raises(SettingsInvalid, match=name.upper()):
            kind.read(service, {**environ, name.upper(): ""})


def test_the_database_is_postgres_unless_a_file_is_named() -> None:
    settings = read_api(environ_of(API))
    assert isinstance(settings, ApiSettings)
    url = settings.database_url
    assert (url.drivername, url.username, url.password) == ("postgresql+psycopg", "thoth@home", "p@ss/w:rd")
    assert (url.host, url.port, url.database) == ("db.example", 5432, "thoth")
    alone = read_api({**environ_of(API_ALONE), "DATABASE_PATH": "/tmp/thoth.sqlite3"})
    assert isinstance(alone, AloneSettings)
    assert alone.database_url.render_as_string() == "sqlite+pysqlite:////tmp/thoth.sqlite3"
    assert alone.database_path == Path("/tmp/thoth.sqlite3")


def test_no_secret_is_shown() -> None:
    settings = read_api({**environ_of(API_ALONE), "APP_KEY": "k" * 32, "WEBHOOK_KEY": "w" * 32})
    with_postgres = read_orchestrator(environ_of(ORCHESTRATOR))
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {with_postgres!r} {with_postgres.database_url!r}"
    assert not any(secret in shown for secret in ("k" * 32, "w" * 32, "p@ss", "p%40ss"))


@pytest.mark.parametrize("name", ["APP_KEY", "WEBHOOK_KEY"])
def test_a_key_that_can_be_guessed_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_api({**environ_of(API_ALONE), name: "guessme"})
    assert name in str(refused.value) and "guessme" not in str(refused.value)
