"""Logic × events → matches."""
