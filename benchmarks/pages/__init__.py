"""Pages that are measured beside the app's own."""
