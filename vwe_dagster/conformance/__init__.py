"""Conformance of an engine: compares its worlds with those of the native engine, bit for bit."""
