"""A Whisper of 2.8 MB that knows one small guitar lesson: what tests transcribe with, never a product's model."""

from __future__ import annotations

from pathlib import Path

MODEL = Path(__file__).resolve().parent / "model"
"""The committed model: a folder for ``WHISPER_MODEL`` or ``faster_whisper.WhisperModel``."""
