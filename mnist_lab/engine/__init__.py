"""Processes that train and answer: an engine with its workers, and who keeps it alive."""
