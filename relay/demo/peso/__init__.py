"""`relay demo peso`: two relays up the Kayan, one without any uplink, a satellite for figures, a boat with a stick.

It reuses the parts of the main job: officers, photographs, country, link, processes, screen.
"""
