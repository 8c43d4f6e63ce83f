"""What decides: attention, director, persona, memory, moderation, brains."""
