"""Carries what is in custody towards the centre: plan, deliver, settle, over every uplink that works."""
