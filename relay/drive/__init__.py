"""The uplink that is carried: the same batches as files on a USB stick, and the receipts that come back on it."""
