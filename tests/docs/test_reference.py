"""docs/reference: current, and nothing is left out, however it is looked for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from thoth_infra.cli import reference
from thoth_infra.cli.main import cli
from thoth_infra.config import load
from thoth_infra.config.sources import ENV_KEYS, RESERVED
from thoth_infra.contract import metrics, queues, services
from thoth_infra.errors import ThothError
from thoth_infra.review.reference import errors
from thoth_infra.review.reference.markdown import literal, table
from thoth_infra.review.reference.metrics import readers

ROOT = Path(__file__).resolve().parents[2]
FAILURE = re.compile(r"Error$|^(Problem|Refused|refuse|Busy|Conflict|NotFound|KeyTaken)$")
FOLDER = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (FOLDER / name).read_text()


GENERATED = sorted(
    path.name for path in FOLDER.glob("*.md") if "python -m thoth_infra.cli.reference" in path.read_text()
)


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    return reference.documents(ROOT)


@pytest.mark.parametrize("name", GENERATED)
def test_the_generated_pages_are_current(name: str, documents: dict[str, str]) -> None:
    assert page(name) == documents[f"docs/reference/{name}"], "run `make reference`"


def test_every_page_that_is_generated_is_there(documents: dict[str, str]) -> None:
    assert {f"docs/reference/{name}" for name in GENERATED} == set(documents)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


@pytest.mark.parametrize(("name", "command"), [pytest.param(*found, id=found[0]) for found in commands(cli)])
def test_every_command_is_there_with_every_option(name: str, command: click.Command) -> None:
    text = page("cli.md")
    section = text.partition(f"\n### `{name}`\n")[2].partition("\n##")[0]
    for option in (o for parameter in command.params if isinstance(parameter, click.Option) for o in parameter.opts):
        assert f"`{option}`" in section
    for argument in (parameter for parameter in command.params if isinstance(parameter, click.Argument)):
        assert (argument.metavar or argument.human_readable_name) in section


def test_every_make_target_is_there() -> None:
    made = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))
    assert made == set(re.findall(r"(?m)^\| `make ([a-z-]+)`", page("cli.md")))


def test_every_variable_of_the_command_line_is_there() -> None:
    assert {name for name in reference.VARIABLES if name.startswith("THOTH_")} == RESERVED
    assert all(f"`{name}`" in page("cli.md") for name in RESERVED)
    assert all(f"`{name}`" in page("containers.md") for name in ENV_KEYS)


def test_every_kind_of_error_is_there_with_its_exit_code() -> None:
    text, pending = page("errors.md"), [ThothError]
    while pending:
        kind = pending.pop()
        pending += [below for below in kind.__subclasses__() if below.__module__.startswith("thoth_infra.")]
        assert f"| `{kind.__name__}` | {kind.exit_code} |" in text
    assert {str(found.exit_code) for found in errors.command_errors(ROOT)} <= set(
        re.findall(r"(?m)^\| (\d+) \|", (ROOT / "docs" / "exit-codes.md").read_text())
    )


def test_what_a_command_says_is_in_the_catalogue(tmp_path: Path) -> None:
    text = page("errors.md")
    with pytest.raises(ThothError) as raised:
        cli.main(["--root", str(tmp_path), "env", "list"], standalone_mode=False)
    said = re.sub(r" above .*", " above {start}", raised.value.message)
    assert f"| {said} | {literal(raised.value.hint or '')} |" in text


def written_codes() -> Iterator[str]:
    """Every text that stands first in a call whose name says error, problem or refusal, in the workers."""
    for path in sorted((ROOT / "workers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and FAILURE.search(node.func.id):
                texts = [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]
                yield from (str(text) for text in texts if re.fullmatch(r"[a-z]+(_[a-z]+)+", str(text)))


def test_every_code_of_the_workers_and_of_the_api_is_there() -> None:
    found, text = set(written_codes()), page("errors.md")
    assert len(found) > 40
    assert {code for code in found if f"| `{code}` |" not in text} == set()


def test_codes_of_stages_stand_in_the_workers_own_table_too() -> None:
    text = (ROOT / "docs" / "workers.md").read_text()
    own = {row.code for row in errors.stage_errors(ROOT) if not row.module.startswith("workers.api")}
    assert {code for code in own if f"`{code}`" not in text} == set()


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_there_with_those_that_emit_it(metric: metrics.Metric) -> None:
    row = next(
        line for line in page("metrics.md").splitlines() if line.startswith(f"| `{metric.name}` | {metric.unit} |")
    )
    emitters = [service.name for service in services.SERVICES if metric in service.metrics]
    assert emitters
    assert all(f"`{name}`" in row for name in emitters)


def test_readers_of_a_metric_are_those_of_the_rendered_trees() -> None:
    found = readers(ROOT, metrics.JOBS_FAILED)
    assert "alarm `failed_jobs`" in found
    assert "dashboard: Failed stages" in found
    assert "alarm `transcription-gpu-utilization`" in readers(ROOT, metrics.GPU_UTILIZATION)


@pytest.mark.parametrize("service", (*services.SERVICES, services.API_ALONE), ids=lambda s: s.description[:20])
def test_every_variable_of_a_container_is_there(service: services.Service) -> None:
    text = page("containers.md")
    assert all(f"| `{variable.name}` |" in text for variable in service.variables)
    assert all(f"| `{queue.name}` |" in text for queue in queues.QUEUES)


def test_what_markdown_would_take_for_markup_is_shown_as_it_is() -> None:
    assert literal("a <env> and `b_<c>` of d_e") == "a \\<env\\> and `b_<c>` of d\\_e"
    assert table(("a",), [["x|y\nz"]]).splitlines()[-1] == "| x\\|y z |"
    assert table(("a",), []) == ""


def keys(value: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The dotted keys of an environment; the names of pools and tags are the user's own."""
    if isinstance(value, dict) and path != ("tags",) and path[-1:] != ("digests",):
        for name, below in value.items():
            yield from keys(below, (*path, "<name>" if path == ("gpu_pools",) else name))
    else:
        yield ".".join(path)


@pytest.mark.parametrize("name", load.names(ROOT))
def test_every_key_of_an_environment_is_in_the_reference(name: str) -> None:
    known = set(re.findall(r"(?m)^\| `([a-z_.<>0-9]+)`", (ROOT / "docs" / "configuration.md").read_text()))
    used = set(keys(load.load(ROOT, name, personal=False).environment.model_dump(mode="json")))
    assert len(used) > 100
    # A section that may be null is one key where it is.
    assert {key for key in used if key not in known and not any(k.startswith(f"{key}.") for k in known)} == set()
