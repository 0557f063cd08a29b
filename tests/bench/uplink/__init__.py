"""The same job over the same bad links, for this relay and for its peers: `make bench-uplink`."""
