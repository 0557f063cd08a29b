"""The pages in a real Chromium, against real relays and centres."""
