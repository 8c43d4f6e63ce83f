"""Health, metrics, supervision."""
