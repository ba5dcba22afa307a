"""Raw archives: where they come from, over bad lines, checked, taken out, and written down."""
