"""Rule files, one format a module.

A format is a module here with

* ``SUFFIXES: tuple[str, ...]``: the endings of its files;
* ``recognises(path, text) -> bool``: whether a file that was named, whatever its ending, is one;
* ``load(files, environment) -> Loaded``: the rules and problems of all files of the format, which
  come together as (path, text) pairs, since rules of some formats refer to others; never raises
  for what is in a file.
"""
