"""The orchestrator: reads results, records them, and sends what comes next."""
