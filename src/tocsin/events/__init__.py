"""What an event is, and how bytes become one."""
