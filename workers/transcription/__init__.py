"""Turns a lesson's sound into words with times, with faster-whisper."""
