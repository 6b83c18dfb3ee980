"""Results displayed in a notebook: as escaped HTML, in outputs that are updated in place."""
