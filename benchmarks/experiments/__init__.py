"""Which tables and figures are there? One file an experiment."""
