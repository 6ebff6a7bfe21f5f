"""What the made-up telemetry of `bench.events` is made of."""
