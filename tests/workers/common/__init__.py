"""What every worker shares, proved with real threads, processes, files and an emulated SQS."""
