"""What takes in: hearing."""
