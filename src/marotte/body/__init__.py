"""What shows: parts of the body that follow the speaker."""
