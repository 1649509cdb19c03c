from __future__ import annotations

from pathlib import Path

import pytest

from thoth_infra.errors import EngineError
from thoth_infra.terraform.version import Pin, read_pin

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "pin", "image"),
    [
        ("1.11.4\n", Pin("1.11.4"), "hashicorp/terraform:1.11.4"),
        (f"1.11.4 {DIGEST}\n", Pin("1.11.4", DIGEST), f"hashicorp/terraform:1.11.4@{DIGEST}"),
    ],
)
def test_the_pin_names_the_image(tmp_path: Path, text: str, pin: Pin, image: str) -> None:
    (tmp_path / ".terraform-version").write_text(text)
    assert read_pin(tmp_path) == pin
    assert pin.image == image


@pytest.mark.parametrize("text", ["", "latest", "1.11", "1.11.4 latest", "1.11.4\n1.12.0\n"])
def test_anything_but_one_version_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".terraform-version").write_text(text)
    with pytest.raises(EngineError, match="is not a version") as refused:
        read_pin(tmp_path)
    assert "1.11.4" in (refused.value.hint or "")


def test_a_missing_pin_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"\.terraform-version: No such file"):
        read_pin(tmp_path)


def test_the_project_is_pinned() -> None:
    assert read_pin(Path(__file__).parents[2]).version == "1.11.4"
