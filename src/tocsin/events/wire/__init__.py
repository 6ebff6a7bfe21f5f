"""Packets to HTTP transactions, without any I/O: ``monitor`` ties the steps together."""
