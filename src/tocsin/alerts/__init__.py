"""What a match becomes: an alert without secrets, and its renderings in ECS and OCSF."""
