"""Tocsin: vendors' detection rules, as they are, on your own telemetry."""
