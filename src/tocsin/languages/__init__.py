"""Text → logic: one package a language, none of which imports another.

Each package has ``compile_query(source, …) -> query``; they share the toolkit `_parsing`.
"""
