"""The parts of a lesson: what its teacher steers, what every pupil sees on every page, the stage."""
