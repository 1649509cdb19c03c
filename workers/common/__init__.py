"""What every worker shares: the loop, its ports, messages, settings, logs, metrics and health."""
