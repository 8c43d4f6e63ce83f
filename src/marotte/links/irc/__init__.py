"""IRC: any number of servers and channels."""
