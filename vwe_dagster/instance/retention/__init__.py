"""Purge a home: plan which old or orphaned records and files can be removed, then remove them."""
