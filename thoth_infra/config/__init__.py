"""One validated, frozen ``Environment`` out of YAML, ``.env`` files and process variables."""
