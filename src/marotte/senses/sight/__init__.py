"""What the character sees: pictures, and the eyes that put them into words."""
