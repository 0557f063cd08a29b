"""The centre: verifies everything again from the root alone, records once, signs receipts, tells how far it is."""
