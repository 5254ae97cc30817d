"""Configuration: resources as users write them, compiled into a `Snapshot`."""
