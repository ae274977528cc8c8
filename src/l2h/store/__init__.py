"""Every file format: written atomically, read with checks that end in one clear line."""
