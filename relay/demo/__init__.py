"""`relay demo`: what a newcomer sees first. The main job on real figures, with real processes, sockets and TLS.

Nothing here is used by a relay or a centre. Pillow and everything else that only the demo needs is imported here alone.
"""
