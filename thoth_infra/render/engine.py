"""Jinja, for structure only: which blocks are there. Values travel by tfvars."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2

from thoth_infra.errors import ThothError
from thoth_infra.render import hcl

SUFFIX = ".j2"
# GitHub's expressions have Jinja's own braces: where a template holds those, ours look like this.
AROUND_EXPRESSIONS: Final[Mapping[str, str]] = {
    "variable_start_string": "<{",
    "variable_end_string": "}>",
    "block_start_string": "<%",
    "block_end_string": "%>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


@lru_cache
def _jinja(templates: Path, around_expressions: bool) -> jinja2.Environment:
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Terraform and YAML, not HTML; values go through hcl.value, or are names
        **(AROUND_EXPRESSIONS if around_expressions else {}),  # type: ignore[arg-type]
    )
    jinja.filters["hcl"] = hcl.value
    jinja.filters["attributes"] = lambda data, indent=0: "\n".join(hcl.attributes(data, indent))
    return jinja


def expand(templates: Path, name: str, variables: dict[str, Any], *, around_expressions: bool = False) -> str:
    """Return the text of template ``name``. Raises ThothError with the template's file and line.

    ``around_expressions``: it holds expressions in braces of another language, and ours between ``<{`` and ``}>``.

    Whatever fails while a template is expanded, be it in a filter, its author needs to know the place.
    """
    try:
        return _jinja(templates, around_expressions).get_template(name).render(variables)
    except jinja2.TemplateSyntaxError as error:
        raise _failed(templates, f"{error.name}:{error.lineno}", error.message) from error
    except jinja2.UndefinedError as error:
        raise _failed(templates, _place(templates, name, error), error.message) from error
    except Exception as error:
        raise _failed(templates, _place(templates, name, error), f"{type(error).__name__}: {error}") from error


def _failed(templates: Path, place: str, message: str | None) -> ThothError:
    return ThothError(f"{templates.name}/{place}: {message}", "mend the template")


def _place(templates: Path, name: str, error: BaseException) -> str:
    """Return the file and line that an error came from: Jinja rewrites its frames' names and line numbers.

    It may be a template that ``name`` includes. An error without such a frame is one of the whole file.
    """
    place, frame = name, error.__traceback__
    while frame:
        file = Path(frame.tb_frame.f_code.co_filename)
        if file.suffix == SUFFIX and file.is_relative_to(templates):
            place = f"{file.relative_to(templates).as_posix()}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place
