"""Tests that run for minutes, by hand: `make soak`."""
