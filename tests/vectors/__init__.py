"""Examples, good and bad, of everything that is signed or framed: for this code's tests and for everybody else's."""
