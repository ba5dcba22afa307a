"""Networks that judge windows: by activity, and real from generated."""
