"""Other engines to compare with, each in an environment of its own and as a process of its own."""
