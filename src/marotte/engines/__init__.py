"""What all engines share: registry, chain with breaker, usage, child process."""
