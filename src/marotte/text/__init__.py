"""What mind, voice and stock all need to know about text."""
