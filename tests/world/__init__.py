"""What tests are made of: real relays and centres on loopback, links that break, statements to hand over."""
