"""The laboratory: a fleet whose telemetry is made, with the stories that happen on it."""
