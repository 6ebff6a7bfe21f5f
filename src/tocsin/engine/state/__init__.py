"""What needs more than one event, one operator a file, by event time.

An operator takes hits, says which firings are due, and hands over the keys that changed, so that a
commit writes those and not the whole state; it starts again from what was written.
"""
