"""Purging a home: what has become old or belongs to nothing, found first and then removed."""
