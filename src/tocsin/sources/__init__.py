"""Where bytes come from, one kind a module."""
