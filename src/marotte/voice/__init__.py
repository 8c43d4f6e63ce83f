"""What says: floors, the speaker, mouth shapes, voices."""
