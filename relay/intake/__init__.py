"""Phones -> relay: taking statements and photographs over HTTPS, telling where they are, and being found."""
