"""A lesson: what its teacher and its class do together, beyond who may do what (`classroom`)."""
