"""Eyes: one file each, named after its provider."""
