"""Jinja, for structure only: which blocks are there. Values travel by tfvars."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from thoth_infra.errors import ThothError
from thoth_infra.render import hcl

SUFFIX = ".j2"


@lru_cache
def _jinja(templates: Path) -> jinja2.Environment:
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Terraform, not HTML; values go through hcl.value
    )
    jinja.filters["hcl"] = hcl.value
    jinja.filters["attributes"] = lambda data, indent=0: "\n".join(hcl.attributes(data, indent))
    return jinja


def expand(templates: Path, name: str, variables: dict[str, Any]) -> str:
    """Return the text of template ``name``. Raises ThothError with the template's file and line."""
    try:
        return _jinja(templates).get_template(name).render(variables)
    except jinja2.TemplateSyntaxError as error:
        raise _failed(f"{templates.name}/{error.name}:{error.lineno}", error) from error
    except jinja2.TemplateError as error:
        raise _failed(f"{templates.name}/{name}:{_line(error)}", error) from error


def _failed(place: str, error: jinja2.TemplateError) -> ThothError:
    return ThothError(f"{place}: {error.message}", "mend the template")


def _line(error: BaseException) -> int:
    """Return the template line that an error came from: Jinja rewrites its frames' line numbers."""
    line, frame = 0, error.__traceback__
    while frame:
        if frame.tb_frame.f_code.co_filename.endswith(SUFFIX):
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
