"""The API, its store of records, and the orchestrator that decides what each job needs next."""
