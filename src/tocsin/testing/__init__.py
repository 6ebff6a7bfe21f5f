"""The public kit for testing rules, languages and engines."""
