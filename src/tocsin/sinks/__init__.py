"""Where alerts go, one kind a module."""
