"""The command line: one file a command, thin over `runtime`, `store` and `catalogue`."""
