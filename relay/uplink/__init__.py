"""Ways towards the centre. `port` says what one is; each other file is one kind."""
