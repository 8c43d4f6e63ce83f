"""Pastimes: small games and services that viewers ask for by a command, one file each."""
