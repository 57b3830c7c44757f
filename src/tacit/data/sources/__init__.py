"""Where records come from: one file per kind of source, none of which imports torch."""
