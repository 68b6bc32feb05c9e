"""Machine: what a run is done on, and what it costs there."""
