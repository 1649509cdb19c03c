"""Plans many trees at once without an account: one ``terraform test`` with a run for each, against a mocked AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.modules.bench import Bench
from thoth_infra.render.tree import Tree

_MOCK = Path(__file__).with_name("mock.tftest.hcl")
_FAILED = re.compile(r'^  run "(\w+)"\.\.\. (?:fail|skip)$', re.MULTILINE)
_PASSED = re.compile(r'^  run "(\w+)"\.\.\. pass$', re.MULTILINE)


def failures(folder: Path, trees: Mapping[str, Tree]) -> dict[str, str]:
    """Validate and plan each tree as a root module; return what Terraform said of those that it refused.

    ``folder`` is empty; names are identifiers. The trees share one process, since loading the provider's schema takes
    as long as a plan.
    """
    for name, tree in trees.items():
        _write(folder / name, tree)
    (folder / "tests").mkdir()
    runs = "\n".join(_run(name, tree) for name, tree in trees.items())
    (folder / "tests" / "plans.tftest.hcl").write_text(f"{_MOCK.read_text()}\n{runs}", encoding="utf-8")
    (folder / "main.tf").write_text("# The runs have modules of their own.\n")
    bench = Bench(folder)
    bench.init()
    done = bench("test")
    said = done.stdout + done.stderr
    failed = set(_FAILED.findall(said))
    assert failed | set(_PASSED.findall(said)) == set(trees), said
    assert (done.returncode == 0) == (not failed), said
    return {name: _errors(said, name) for name in sorted(failed)}


def _write(folder: Path, tree: Tree) -> None:
    for path, text in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def _run(name: str, tree: Tree) -> str:
    """Return the run of a tree: its values from its tfvars, and no provider that it does not declare itself."""
    (tfvars,) = (text for path, text in tree.items() if path.endswith(".auto.tfvars"))
    shared = 'alias               = "shared"' in tree["01-providers.tf"]
    providers = "aws = aws" + (", aws.shared = aws.shared" if shared else "")
    return (
        f'run "{name}" {{\n  command   = plan\n  providers = {{ {providers} }}\n\n'
        f'  module {{\n    source = "./{name}"\n  }}\n\n  variables {{\n{tfvars}\n  }}\n}}\n'
    )


def _errors(said: str, name: str) -> str:
    """Return the part of Terraform's output that follows a run, up to the next one."""
    return said.partition(f'run "{name}"')[2].partition('\n  run "')[0]
