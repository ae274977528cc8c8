"""What a config will run, before anything runs."""
