"""What a rule is, and how files of rules are read, whoever published them."""
