"""Studies: a question, planned before the first run, and the answer that its seeds give."""
