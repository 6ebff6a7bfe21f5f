"""What a rule means: immutable values, no I/O, no vendor.

* `expr`: And, Or, Not, leaves (a field and a matcher), scripts, nested objects
* `value`: the scalar expressions inside a script leaf, three-valued
* `matchers`: what a leaf asks of one value
* `field_types`: the one table of how values of a type are read and compared
* `query`: what a whole rule asks for: Filter, NewTerms, …
"""
