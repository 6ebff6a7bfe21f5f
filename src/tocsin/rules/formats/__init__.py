"""Rule files, one format a module.

A format is a module here with

* ``SUFFIXES: tuple[str, ...]``: the endings of its files;
* ``recognises(path, text) -> bool``: whether a file that was named, whatever its ending, is one;
* ``load(path, text) -> Loaded``: its rules and problems; never raises for what is in the file.
"""
