"""The stage audio-extraction: whatever was uploaded becomes ``audio.wav`` (16 kHz, mono, s16) and ``audio.json``."""
