"""Rules that ship with Tocsin, in their vendors' formats, each with its test events."""
