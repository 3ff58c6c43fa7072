"""The scenes of the stage, a module each: what the projector shows, and what the teacher chooses for it."""
