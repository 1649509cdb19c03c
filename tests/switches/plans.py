"""Plans many trees at once without an account: one ``terraform test`` with a file for each, against a mocked AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.modules.bench import Bench
from thoth_infra.render.tree import Tree

_MOCK = Path(__file__).with_name("mock.tftest.hcl")
_ENDED = re.compile(r"^tests/(\w+)\.tftest\.hcl\.\.\. (pass|fail)$", re.MULTILINE)
_FIREWALL = "17-firewall.tf"
_WEB_ACL = re.compile(r'^resource "aws_wafv2_web_acl\w*" "this" \{\n.*?^\}\n', re.MULTILINE | re.DOTALL)


def failures(folder: Path, trees: Mapping[str, Tree]) -> dict[str, str]:
    """Validate and plan each tree as a root module; return what Terraform said of those that it refused.

    ``folder`` is empty; names are identifiers. The trees share one process, since loading the provider's schema takes
    as long as a plan.
    """
    for name, tree in trees.items():
        _write(folder / name, tree)
    (folder / "tests").mkdir()
    # A file for each: after a run with an error, Terraform skips the file's others.
    for name, tree in trees.items():
        (folder / "tests" / f"{name}.tftest.hcl").write_text(_MOCK.read_text() + _run(name, tree), encoding="utf-8")
    (folder / "main.tf").write_text("# The runs have modules of their own.\n")
    bench = Bench(folder)
    bench.init()
    done = bench("test")
    ended = dict(_ENDED.findall(done.stdout))
    assert ended.keys() == trees.keys(), done.stdout
    assert (done.returncode == 0) == (set(ended.values()) == {"pass"}), done.stdout
    return {name: _said(done.stdout, name) for name, end in ended.items() if end == "fail"}


def without_repeated_firewalls(trees: Mapping[str, Tree]) -> dict[str, Tree]:
    """Leave the firewall's rules in the first tree of those that have the same ones, and take them out of the others.

    The provider's schema nests a rule's statements so deep that the web ACL takes twice as long as all the rest.
    """
    seen: set[str] = set()
    lean: dict[str, Tree] = {}
    for name, tree in trees.items():
        rest = {path: text if path != _FIREWALL else _WEB_ACL.sub("", text) for path, text in tree.items()}
        repeated = tree[_FIREWALL] in seen and not any("aws_wafv2_web_acl" in text for text in rest.values())
        lean[name] = rest if repeated else tree
        seen.add(tree[_FIREWALL])
    return lean


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
        f'\nrun "plan" {{\n  command   = plan\n  providers = {{ {providers} }}\n\n'
        f'  module {{\n    source = "./{name}"\n  }}\n\n  variables {{\n{tfvars}\n  }}\n}}\n'
    )


def _said(output: str, name: str) -> str:
    """Return what Terraform said while it worked on one file."""
    return output.partition(f"tests/{name}.tftest.hcl... in progress")[2].partition(f"tests/{name}.tftest.hcl")[0]
