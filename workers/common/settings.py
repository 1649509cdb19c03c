"""Settings of a worker: exactly the variables that the contract puts into its task definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from thoth_infra.contract.services import Service

Word = Annotated[str, Field(min_length=1)]


class SettingsInvalid(Exception):
    """The process environment does not hold what the worker needs; the message names every problem."""


class Settings(BaseModel):
    """Base of all settings: each field is a variable's name in lower case.

    Unknown fields are forbidden, so that a variable which the contract names and nobody reads is an error too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    aws_default_region: Word
    service_name: Word
    jobs_dir: Path

    @classmethod
    def read(cls, service: Service, environ: Mapping[str, str]) -> Self:
        """Return the settings of ``service`` from a process environment.

        Raises:
            SettingsInvalid: with every variable that is missing or has no sense.
        """
        names = [variable.name for variable in service.variables]
        # An empty value is what a forgotten one looks like in a task definition or a shell.
        given = {name.lower(): environ[name] for name in names if environ.get(name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            meanings = {variable.name: variable.description for variable in service.variables}
            problems = [
                f"  {name}: {problem['msg']} ({meanings.get(name, 'not in the contract')})"
                for problem in error.errors()
                for name in [str(problem["loc"][0]).upper()]
            ]
            raise SettingsInvalid("\n".join([f"{service.name} can't start:", *problems])) from None


class WorkerSettings(Settings):
    """Settings of every worker that takes jobs from a queue."""

    thoth_environment: Word
    metric_namespace: Word
    queue_url: Word
    dead_letter_queue_url: Word
    results_queue_url: Word
    visibility_timeout_seconds: PositiveInt
    job_timeout_seconds: PositiveInt
    stop_timeout_seconds: PositiveInt
