"""Learns from recordings of sensors and generates synthetic ones that can stand in for them, with proof."""

__version__ = "0.1.0"
