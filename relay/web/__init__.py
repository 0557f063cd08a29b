"""What relay and centre show in a browser: the phone's page and the PPK's page, built from `pages/`."""
