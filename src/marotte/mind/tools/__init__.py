"""What the brain may do besides talking: a toolbox, and what is in it."""
