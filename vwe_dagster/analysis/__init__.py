"""The measures of a world: statistics, islands, peaks, rivers and distances."""

CODE_VERSION = "5"
"""Version of the analysis; a stage ``processed`` of another version is stale."""
