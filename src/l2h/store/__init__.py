"""All file formats: written atomically, checked when read, with one-line errors."""
